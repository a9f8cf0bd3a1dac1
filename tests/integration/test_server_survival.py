"""What happens to machines in real life: full disks, no network, half-installed packages, reboots, other people's work.

Each time the error says what it is, nothing of anybody's is harmed, and the next up completes.
"""

from __future__ import annotations

import re
import shlex
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from aegir_components.remote.errors import Refused
from aegir_components.scripts import script
from lab import Host, HostSpec, Lab
from tests.integration import switching
from tests.integration.farm import Config, Farm, fetch, hub_settings, web_and_database

pytestmark = [pytest.mark.long, pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(900)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]

SITE = "www.example.com"
POLICY = "/usr/sbin/policy-rc.d"
ACCOUNTS = "getent passwd; getent group; ls -la --time-style=+ /var /etc/sudoers.d /usr/local/sbin; dpkg-query -W"
APACHE = r"find /etc/apache2 /etc/php -printf '%p %y %m %u:%g %s %T@ %l\n' | sort; systemctl is-active apache2"


@pytest.fixture(scope="module")
def lab(lab_factory: LabFactory) -> Lab:
    hosts = [HostSpec("web1", image="web"), HostSpec("db1", image="db"), HostSpec("bare1"), HostSpec("bare2")]
    return lab_factory("survival", hosts)


@pytest.fixture(scope="module")
def bare(lab: Lab) -> Host:
    return lab.host("bare1")


def alone(lab: Lab, host: Host, services: Config | None = None) -> Config:
    """Declare one server, without any service when none is given."""
    return {
        "hub": hub_settings(lab),
        "servers": {host.spec.fqdn: {"address": host.address, "services": services or {}}},
    }


def forget_machine(host: Host) -> None:
    """Take from a host what a server without services has."""
    host.run("""
        userdel aegir 2>/dev/null || true; groupdel aegir 2>/dev/null || true
        rm -rf /var/aegir /var/lib/aegir /etc/sudoers.d/aegir /usr/local/sbin/aegir-webserver
    """)


def without_rsync(host: Host) -> None:
    # Nor does it know the stack of the test before, which has its name.
    host.run("DEBIAN_FRONTEND=noninteractive apt-get -q -y purge rsync >/dev/null 2>&1; rm -rf /var/lib/aegir")


def package(host: Host, name: str, postinst: str) -> str:
    """Build a package with this postinst in the host, and give the path of its file."""
    host.run(
        f"""
        rm -rf /root/{name}; mkdir -p /root/{name}/DEBIAN
        printf 'Package: {name}\\nVersion: 1\\nArchitecture: all\\nMaintainer: a test <a@example.com>\\n' \
            >/root/{name}/DEBIAN/control
        echo 'Description: for a test' >>/root/{name}/DEBIAN/control
        cat >/root/{name}/DEBIAN/postinst
        chmod 755 /root/{name}/DEBIAN/postinst
        dpkg-deb --build /root/{name} /root/{name}.deb >/dev/null
        """,
        input=f"#!/bin/sh\n{postinst}\n",
    )
    return f"/root/{name}.deb"


RELEASED = "/run/released"
HELD = f"rm -f {RELEASED}; n=0; until [ -e {RELEASED} ] || [ $n -ge 1500 ]; do n=$((n+1)); sleep 0.2; done"
"""Shell: hold on until the test lets go, for five minutes at most."""


def wait_until(host: Host, condition: str, seconds: float = 200) -> None:
    deadline = time.monotonic() + seconds
    while host.run(condition, check=False).returncode:
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {condition}"
        time.sleep(0.1)


class TestPackages:
    def test_apt_without_network_is_quoted_and_leaves_no_policy_behind(
        self, lab: Lab, bare: Host, tmp_path: Path
    ) -> None:
        farm = Farm(tmp_path, alone(lab, bare))
        dead = "/etc/apt/apt.conf.d/99dead"
        bare.run(
            f"""printf 'Acquire::http::Proxy "http://127.0.0.1:9";\\nAcquire::https::Proxy "http://127.0.0.1:9";\\n' >{dead}"""
        )

        failed = farm.up(ok=False)

        assert "apt could not install rsync" in failed.sentence
        assert "127.0.0.1" in failed.sentence
        assert "Check the machine's network and /etc/apt/sources.list" in failed.sentence
        bare.run(f"! test -e {POLICY} && ! ls /run/aegir/private/scratch.* 2>/dev/null")

        bare.run(f"rm {dead}")
        farm.up()
        farm.unchanged("--refresh")

    def test_an_interrupted_dpkg_is_repaired(self, lab: Lab, bare: Host, tmp_path: Path) -> None:
        without_rsync(bare)
        bare.run(f"dpkg --unpack {package(bare, 'half-there', 'touch /root/configured')}")
        bare.run("dpkg --audit | grep -q half-there")

        Farm(tmp_path, alone(lab, bare)).up()

        bare.run('[ -z "$(dpkg --audit)" ] && test -e /root/configured && command -v rsync')
        bare.run("dpkg --purge half-there")

    def test_a_held_lock_of_dpkgs_is_waited_for(self, lab: Lab, bare: Host, tmp_path: Path) -> None:
        without_rsync(bare)
        slow = package(bare, "slow-one", HELD)
        bare.run(f"systemd-run -q --unit slow-one --property RemainAfterExit=yes dpkg -i {slow}")
        wait_until(bare, "pgrep -f slow-one.postinst")

        running = Farm(tmp_path, alone(lab, bare)).start("up", "--yes", "--skip-preview")
        try:
            wait_until(bare, "grep -q 'Waiting for cache lock' /run/aegir/private/scratch.*")
        finally:
            # Also when it was not seen: every later test of the machine would wait.
            bare.run(f"touch {RELEASED}")
        done = running.wait()

        assert done.status == 0, done.output
        bare.run("command -v rsync && dpkg-query -W -f '${db:Status-Status}' slow-one | grep -qx installed")
        bare.run("systemctl stop slow-one; dpkg --purge slow-one")

    def test_a_held_lock_of_apts_lists_is_waited_for(self, lab: Lab, bare: Host, tmp_path: Path) -> None:
        """As a machine that has just booted has it, whose timers fetch the lists for the first time."""
        without_rsync(bare)
        bare.run("find /var/lib/apt/lists -type f ! -name lock -delete; touch /var/lib/apt/lists/lock")
        hold = "$l = pack('s s x4 q q l x4', F_WRLCK, 0, 0, 0, 0); fcntl(F, F_SETLK, $l) or die"
        until = f"select(undef, undef, undef, 0.1) until -e '{RELEASED}'"
        perl = f"use Fcntl; open(F, '>>', '/var/lib/apt/lists/lock') or die; {hold}; {until}"
        bare.run(f"rm -f {RELEASED}; systemd-run -q --unit lists-lock perl -e {shlex.quote(perl)}")
        wait_until(bare, "apt-get -q update 2>&1 | grep -q 'Could not get lock /var/lib/apt/lists'")

        running = Farm(tmp_path, alone(lab, bare)).start("up", "--yes", "--skip-preview")
        try:
            wait_until(bare, "grep -q 'Could not get lock /var/lib/apt/lists' /run/aegir/private/scratch.*")
        finally:
            bare.run(f"touch {RELEASED}")
        done = running.wait()

        assert done.status == 0, done.output
        bare.run("command -v rsync")

    def test_a_host_that_loses_its_power_in_the_middle_of_an_up_is_finished_by_the_next(
        self, lab: Lab, tmp_path: Path
    ) -> None:
        host = lab.host("bare2")
        farm = Farm(tmp_path, alone(lab, host, {"web": "nginx"}))
        running = farm.start("up", "--yes", "--skip-preview")
        wait_until(
            host, "ls /var/lib/dpkg/info/php*-common.list 2>/dev/null | grep -q . && test -e /usr/sbin/policy-rc.d", 280
        )

        host.kill()
        host.start()
        failed = running.wait(200)

        assert failed.status != 0
        assert f"{host.spec.fqdn}: the connection broke during" in failed.sentence
        assert "Run the same command again" in failed.sentence
        farm.up()
        farm.unchanged("--refresh")
        assert 404 == fetch(host, "nobody.example.com").status
        host.run(f'[ -z "$(dpkg --audit)" ] && ! test -e {POLICY}')


class TestAccounts:
    @pytest.mark.parametrize(
        ("before", "declared", "sentence"),
        [
            pytest.param(
                "useradd --system --home-dir /srv/theirs --shell /bin/bash aegir",
                {},
                "the user aegir exists with the home /srv/theirs and not /var/aegir; it may be somebody else's. Rename it, "
                "or: usermod -d /var/aegir aegir",
                id="another-home",
            ),
            pytest.param(
                "groupadd --system --gid 771 aegir; useradd --system --uid 770 --gid 771 --home-dir /var/aegir aegir",
                {"uid": 880, "gid": 881},
                "the user aegir exists with uid:gid 770:771 and not 880:881; its files belong to these numbers. Declare "
                "aegir_user with 770:771 (on all machines of a pack), or give the account the other numbers: groupmod -g 881 "
                "aegir; usermod -u 880 aegir; then chown its files",
                id="another-uid",
            ),
            pytest.param(
                "useradd --system --uid 880 theirs",
                {"uid": 880},
                "the uid 880 wanted for aegir is taken by theirs; choose another number in the stack file or free it",
                id="uid-taken",
            ),
            pytest.param(
                "groupadd --system --gid 881 theirs",
                {"gid": 881},
                "the gid 881 wanted for aegir is taken by theirs; choose another number in the stack file or free it",
                id="gid-taken",
            ),
        ],
    )
    def test_one_that_is_not_ours_is_refused_before_anything_is_changed(
        self, lab: Lab, bare: Host, tmp_path: Path, before: str, declared: Config, sentence: str
    ) -> None:
        forget_machine(bare)
        without_rsync(bare)
        bare.run(before)
        settings = alone(lab, bare)
        settings["servers"][bare.spec.fqdn]["aegir_user"] = declared
        farm = Farm(tmp_path, settings)
        as_it_was = bare.run(ACCOUNTS).stdout

        failed = farm.up(ok=False)

        assert sentence in failed.sentence
        assert as_it_was == bare.run(ACCOUNTS).stdout
        bare.run(
            "userdel aegir 2>/dev/null; userdel theirs 2>/dev/null; groupdel theirs 2>/dev/null; groupdel aegir 2>/dev/null; true"
        )

    def test_declared_numbers_are_given(self, lab: Lab, bare: Host, tmp_path: Path) -> None:
        forget_machine(bare)
        settings = alone(lab, bare)
        settings["servers"][bare.spec.fqdn]["aegir_user"] = {"uid": 880, "gid": 881}

        Farm(tmp_path, settings).up()

        assert "880:881" == bare.run("stat -c %u:%g /var/aegir/.ssh; id -u aegir; id -g aegir").stdout.split()[
            0
        ].replace("0:881", "880:881")
        assert ["880", "881"] == bare.run("id -u aegir; id -g aegir").stdout.split()


def test_a_full_disk_is_named_where_our_own_files_lie(lab: Lab, bare: Host, tmp_path: Path) -> None:
    forget_machine(bare)
    farm = Farm(tmp_path, alone(lab, bare))
    with switching.full_disk(bare, "/usr/local/sbin"):
        failed = farm.up(ok=False)
        left = bare.run("ls -A /usr/local/sbin").stdout.split()

    assert "/usr/local/sbin/aegir-webserver could not be written" in failed.sentence
    assert "(is the disk full? 0 and " in failed.sentence
    assert "inodes free on /usr/local/sbin" in failed.sentence
    assert ["full"] == left, "no half-written file stays"
    farm.up()
    farm.unchanged("--refresh")


class TestApache:
    def test_a_broken_configuration_of_the_owners_is_told_and_nothing_of_apaches_changed(
        self, lab: Lab, tmp_path: Path
    ) -> None:
        web = lab.host("web1")
        broken = "/etc/apache2/conf-enabled/owner.conf"
        web.run(f"echo 'NoSuchDirective On' >{broken}; systemctl start apache2 2>/dev/null || true")
        farm = Farm(tmp_path, alone(lab, web, {"web": "apache"}))
        as_it_was = web.run(
            "find /etc/apache2 -printf '%p %y %m %u:%g %s %T@ %l\\n' | grep -v '^/etc/apache2/*[a-z-]* d' | sort"
        ).stdout

        failed = farm.up(ok=False)

        now = web.run(
            "find /etc/apache2 -printf '%p %y %m %u:%g %s %T@ %l\\n' | grep -v '^/etc/apache2/*[a-z-]* d' | sort"
        ).stdout
        assert (
            "the configuration that is there already does not pass its own test; nothing was changed" in failed.sentence
        )
        assert "NoSuchDirective" in failed.sentence
        assert broken in failed.sentence
        assert as_it_was == now
        assert "NoSuchDirective On\n" == web.run(f"cat {broken}").stdout

        web.run(f"rm {broken}")
        farm.up()
        farm.unchanged("--refresh")
        assert 404 == fetch(web, "nobody.example.com").status

    def test_packages_come_without_a_restart_of_what_runs(self, lab: Lab, tmp_path: Path) -> None:
        web = lab.host("web1")
        farm = Farm(tmp_path, alone(lab, web, {"web": "apache"}))
        farm.up()
        web.run("DEBIAN_FRONTEND=noninteractive apt-get -q -y remove php8.2-bcmath 2>&1")
        runs = "systemctl show -p Id,MainPID,ActiveEnterTimestampMonotonic,ActiveState apache2 php8.2-fpm"
        before = web.run(runs).stdout
        assert 2 == before.count("ActiveState=active")

        farm.up("--refresh")

        web.run("dpkg-query -W -f '${db:Status-Status}' php8.2-bcmath | grep -qx installed")
        assert before == web.run(runs).stdout


class TestTwoAtOnce:
    def test_on_one_stack_the_second_is_refused_by_pulumis_lock(self, lab: Lab, bare: Host, tmp_path: Path) -> None:
        farm = Farm(tmp_path, alone(lab, bare))
        farm.write()
        with held_lock(bare, "somebody (pid 1)"):
            first = farm.start("up", "--yes", "--skip-preview")
            deadline = time.monotonic() + 90
            while not list((tmp_path / "state").glob(".pulumi/locks/**/*.json")):
                assert time.monotonic() < deadline
                time.sleep(0.05)
            second = farm.up(ok=False)

        assert "the stack is currently locked by 1 lock(s)" in second.sentence
        assert second.seconds < 60, "it does not wait for the two minutes that the first waits"
        assert 0 == first.wait().status

    def test_of_two_stacks_on_one_server_both_succeed(self, lab: Lab, tmp_path: Path) -> None:
        web = lab.host("web1")
        farms = [Farm(tmp_path / name, alone(lab, web, {"web": "apache"})) for name in ("one", "two")]
        for farm in farms:
            farm.write()
        web.run("rm -f /usr/local/sbin/aegir-webserver /etc/apache2/conf-enabled/aegir.conf")

        running = [farm.start("up", "--yes", "--skip-preview") for farm in farms]
        done = [each.wait() for each in running]

        assert [0, 0] == [each.status for each in done], "\n".join(each.output[-2000:] for each in done)
        for farm in farms:
            # Both have one name, which the machine writes down for the one that came last.
            farm.up("--refresh")
            farm.unchanged("--refresh")

    def test_whoever_waits_too_long_is_told_who_holds_the_machine(
        self, lab: Lab, bare: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        conn = Farm(tmp_path, alone(lab, bare)).connections()[bare.spec.fqdn]
        monkeypatch.setattr(script, "LOCK_TIMEOUT", 1)
        said = []
        for record in ("farm/production (pid $pid)", "farm/ended (pid 99999)"):
            with held_lock(bare, record), pytest.raises(Refused) as refused:
                script.execute(conn, "apply", ["touch /root/never"], what="a test", holder="farm/other")
            said.append(str(refused.value))

        assert "another run is working on this machine and did not end within 1 s: farm/production (pid " in said[0]
        assert "did not end within 1 s: sleep 120 (pid " in said[1]
        bare.run("! test -e /root/never")
        script.execute(conn, "apply", [], what="a test", holder="farm/other")
        assert re.match(r"farm/other by \S+ \(pid ", bare.run("cat /run/aegir/private/holder").stdout)

    def test_no_local_user_holds_up_a_run(
        self, lab: Lab, bare: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        conn = Farm(tmp_path, alone(lab, bare)).connections()[bare.spec.fqdn]
        monkeypatch.setattr(script, "LOCK_TIMEOUT", 1)
        script.execute(conn, "apply", [], what="a test")
        for lock in ("/run/lock/aegir.lock", "/run/aegir/private/lock"):
            bare.run(
                f"systemd-run -q --collect --unit nobodys-lock --uid nobody sh -c "
                f"'exec 9>>{lock} || exec 9<{lock}; flock 9; sleep 60'"
            )
            try:
                bare.run("sleep 0.3")
                script.execute(conn, "apply", ["touch /run/aegir/went-on"], what="a test")
                bare.run("rm /run/aegir/went-on")
            finally:
                bare.run("systemctl stop nobodys-lock 2>/dev/null || :")
        places = "/run/aegir /run/aegir/private /var/lib/aegir /etc/aegir /var/aegir/config"
        # What everybody may write below them, sockets of sites' PHP included.
        assert "" == bare.run(f"find $(ls -d {places} 2>/dev/null) ! -type l -perm /022 ! -user root").stdout


@contextmanager
def held_lock(host: Host, record: str) -> Iterator[None]:
    """Hold the machine's lock as another run does; `$pid` in the record is the process that has it."""
    host.run(
        "mkdir -p -m 700 /run/aegir/private;"
        # One process and not two: systemd in a container may not learn that the second has ended, and stops for 90 s then.
        "systemd-run -q --collect --unit held-lock --property TimeoutStopSec=5 "
        "flock --no-fork /run/aegir/private/lock sleep 120"
    )
    wait_until(host, "! flock -n /run/aegir/private/lock true")
    host.run(f'pid=$(systemctl show -p MainPID --value held-lock); echo "{record}" >/run/aegir/private/holder')
    try:
        yield
    finally:
        host.run("systemctl stop held-lock")


def test_a_wrong_password_of_a_database_that_somebody_else_runs_is_told(lab: Lab, tmp_path: Path) -> None:
    database = lab.host("db1")
    database.run(
        "printf '[mysqld]\\nbind-address = 0.0.0.0\\n' >/etc/mysql/mariadb.conf.d/90-theirs.cnf; systemctl start mariadb;"
        f"mysql -e \"CREATE USER 'them'@'{lab.hub_address}' IDENTIFIED BY 'their password';"
        f"GRANT ALL PRIVILEGES ON *.* TO 'them'@'{lab.hub_address}' WITH GRANT OPTION\""
    )
    name = "managed.lab.test"
    service = {"type": "mysql", "admin": {"name": "them"}}
    settings: Config = {
        "hub": hub_settings(lab),
        "servers": {name: {"address": database.address, "connection": "none", "services": {"database": service}}},
    }
    path = f'servers["{name}"].services.database.admin.password'
    farm = Farm(tmp_path, settings, secrets={path: "not their password"})

    failed = farm.up(ok=False)

    assert f"{name}" in failed.sentence
    assert "refuses them" in failed.sentence
    assert "not their password" not in failed.output
    farm.secrets[path] = "their password"
    farm.up()
    farm.unchanged("--refresh")
    database.run("rm /etc/mysql/mariadb.conf.d/90-theirs.cnf; systemctl stop mariadb")


@pytest.mark.parametrize(
    ("scarce", "fill", "said"),
    [
        ("bytes", "cat /dev/zero >ballast/full", "the disk may be full"),
        ("inodes", "seq 40000 | (cd ballast && xargs touch)", " and 0 inodes free on /srv/inodes"),
    ],
)
def test_a_release_that_does_not_fit_leaves_the_live_one_and_is_finished_when_there_is_room(
    lab: Lab, wordpress: Path, tmp_path: Path, scarce: str, fill: str, said: str
) -> None:
    web = lab.host("web1")
    source = tmp_path / "code"
    shutil.copytree(wordpress, source, symlinks=True)
    place = f"/srv/{scarce}"
    web.run(f"mkdir -p {place}")
    switching.mount(web, place, "size=300m,nr_inodes=20000,mode=755")
    farm = Farm(tmp_path / "farm", web_and_database(lab, source=source))
    farm.settings["platforms"]["code"]["publish_path"] = f"{place}/code"
    farm.up()
    live = web.run(f"readlink {place}/code").stdout
    (source / "new.php").write_text("<?php // " + "x" * 100_000)
    web.run(f"mkdir {place}/ballast; cd {place}; {fill} 2>/dev/null || true")

    failed = farm.up(ok=False)

    assert said in failed.sentence
    assert "No space left on device" in failed.sentence
    assert 200 == fetch(web, SITE).status
    assert live == web.run(f"readlink {place}/code").stdout
    web.run(f"rm -rf {place}/ballast")
    farm.up()
    assert live != web.run(f"readlink {place}/code").stdout
    web.run(f"test -s {place}/code/new.php")
    assert 200 == fetch(web, SITE).status
    farm.unchanged("--refresh")
    farm.destroy()
