"""Sites together on one web server: one reload for all, cron, PHP masters of their own, and neighbours that pry."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from aegir_components import layout
from aegir_components.deploy import cron
from aegir_components.facts import status
from aegir_components.health import probe
from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions
from lab import Host, HostSpec, Lab
from tests.integration import controllers, switching
from tests.integration.farm import Farm, fetch, web_and_database
from tests.integration.processes import wait_for
from tests.integration.waiting import UNCACHED, journal, run_cron

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(600)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
ONE, TWO, THREE = "one.example.com", "two.example.com", "three.example.com"
ROOT = "/var/aegir/platforms"


@pytest.fixture(scope="module")
def lab(lab_factory: LabFactory) -> Lab:
    return lab_factory("life", [HostSpec("web1", image="web"), HostSpec("db1", image="db")])


@pytest.fixture(scope="module")
def farm(lab: Lab, wordpress: Path, tmp_path_factory: pytest.TempPathFactory) -> Farm:
    made = Farm(tmp_path_factory.mktemp("life"), web_and_database(lab, source=wordpress, sites={}))
    made.up()
    return made


def reloads(host: Host) -> tuple[int, int]:
    """How often Apache and PHP-FPM have read their configuration again, as they tell themselves."""
    apache = host.run("grep -c 'SIGUSR1 received' /var/log/apache2/error.log || true").stdout
    fpm = host.run("grep -c 'Reloading in progress' /var/log/php8.2-fpm.log || true").stdout
    return int(apache), int(fpm)


def php(host: Host, site: str, name: str, code: str) -> str:
    """Run hostile PHP in a site's own pool: the code base has a file that is its owner's choice of code."""
    host.run(f"cat >{ROOT}/code/{name}.php; {UNCACHED} {ROOT}/code/{name}.php", input=f"<?php {code}")
    return fetch(host, site, f"/{name}.php").body


def test_one_reload_serves_all_new_sites(farm: Farm, lab: Lab) -> None:
    web = lab.host("web1")
    apache, fpm = reloads(web)
    farm.settings["sites"] = {ONE: {"platform": "code"}, TWO: {"platform": "code"}, THREE: {"platform": "code"}}
    farm.up()

    assert [200, 200, 200] == [fetch(web, name).status for name in (ONE, TWO, THREE)]
    assert (apache + 1, fpm + 1) == reloads(web)
    farm.unchanged("--refresh")
    assert (apache + 1, fpm + 1) == reloads(web)


def test_a_reload_that_nobody_comes_back_for_is_drift(farm: Farm, lab: Lab) -> None:
    web = lab.host("web1")
    web.run("mkdir -p /run/aegir/reload && touch /run/aegir/reload/apache2")
    assert "apache2: a change waits for its reload" in farm.drift().drift
    farm.up("--refresh")
    web.run("! test -e /run/aegir/reload/apache2")
    farm.unchanged("--refresh")


def test_the_machine_reloads_by_itself_also_after_systemd_has_read_its_units_again(farm: Farm, lab: Lab) -> None:
    web = lab.host("web1")
    before, _ = reloads(web)
    lines = [functions("web"), "apache_later"]
    script.execute(farm.connections()[web.spec.fqdn], "apply", lines, what="asking for a reload", holder="test")
    # The timer's 90 seconds are not waited for.
    web.run("systemctl daemon-reload && systemctl start aegir-reload-apache2.service")

    assert switching.wait_for(web, "[ ! -e /run/aegir/reload/apache2 ]")
    # Apache is told by a signal, and says so when it has heard of it.
    assert switching.wait_for(web, f"[ $(grep -c 'SIGUSR1 received' /var/log/apache2/error.log) -gt {before} ]")
    assert before + 1 == reloads(web)[0]
    assert "error" not in journal(web, "-u aegir-reload-apache2")


def test_a_reload_whose_time_comes_while_a_run_holds_the_lock_does_not_keep_the_run_from_asking_for_one(
    farm: Farm, lab: Lab
) -> None:
    web = lab.host("web1")
    name = "aegir-reload-apache2"
    lines = [
        functions("web"),
        "apache_later || fail 'the first was not taken'",
        # The timer's 90 seconds are over: its service waits for the lock, which this script has. Then the run reloads itself.
        f"systemctl start --no-block {name}.service",
        f"until systemctl -q is-active {name}.service; do sleep 0.05; done",
        "rm /run/aegir/reload/apache2",
        "apache_later || fail 'the second was not taken'",
    ]
    script.execute(farm.connections()[web.spec.fqdn], "apply", lines, what="asking for reloads", holder="test")

    web.run(f"systemctl -q is-active {name}.timer && test -e /run/aegir/reload/apache2")
    web.run(f"systemctl start {name}.service")
    assert switching.wait_for(web, "[ ! -e /run/aegir/reload/apache2 ]")


def test_cron_runs_as_the_site_and_tells_its_result(farm: Farm, lab: Lab) -> None:
    web, user = lab.host("web1"), layout.system_user(ONE)
    timers = web.run("systemctl list-timers --all --no-legend 'aegir-cron@*'").stdout
    assert 3 == len(timers.splitlines())
    run_cron(web, user)
    said = web.run(f"systemctl show aegir-cron@{user}.service -p Result -p ExecMainStatus").stdout
    assert "Result=success" in said
    assert "ExecMainStatus=0" in said
    # systemd forgets it when the machine restarts, and the record is there then.
    forgotten = {
        f"timer.{user}": "ActiveState=active",
        f"before.{user}": web.run(f"cat {cron.DIRECTORY}/{user}.last").stdout,
    }
    ran = status.cron_of(forgotten, user).last
    assert ran is not None
    assert abs(ran.timestamp() - float(web.run("date +%s").stdout)) < 120
    assert "root" == web.run(f"stat -c %U {cron.DIRECTORY}/{user}.last").stdout.strip()
    # What is due has run: WordPress notes the moment of its own.
    rows = lab.host("db1").run(
        f"mysql -Ne \"SELECT option_value FROM wp_options WHERE option_name='cron'\" {layout.database_name(ONE)}"
    )
    assert "wp_version_check" in rows.stdout

    web.run(f"rm /etc/systemd/system/aegir-cron@{user}.timer; systemctl disable --now aegir-cron@{user}.timer; true")
    assert any(f"aegir-cron@{user}.timer" in text for text in farm.drift().drift)
    farm.up("--refresh")
    farm.settings["sites"][ONE]["cron"] = False
    farm.up()
    assert 2 == len(web.run("systemctl list-timers --all --no-legend 'aegir-cron@*'").stdout.splitlines())
    farm.unchanged("--refresh")


def test_a_neighbour_reads_nothing_of_a_site_that_is_warm(farm: Farm, lab: Lab) -> None:
    web = lab.host("web1")
    settings = f"{layout.site_linked(ROOT, ONE)}/wp-config.php"
    files, private = layout.site_files(ROOT, ONE), layout.site_private(ROOT, ONE)
    web.run(f"echo secret-upload >{private}/x.txt; chown -R {layout.system_user(ONE)} {private}")
    for _ in range(3):
        assert 200 == fetch(web, ONE).status

    pry = (
        f"error_reporting(0); $s='{settings}';"
        "echo '[read:', var_export(file_get_contents($s), true), ']';"
        "echo '[include:', var_export((include $s), true), ']';"
        f"echo '[private:', var_export(file_get_contents('{private}/x.txt'), true), ']';"
        f"echo '[list:', var_export(scandir('{private}'), true), ']';"
        f"echo '[write:', var_export(file_put_contents('{files}/evil.txt', 'x'), true), ']';"
        "echo '[opcache:', var_export(opcache_get_status(true), true), ']';"
        f"echo '[socket:', var_export(stream_socket_client('unix://{layout.pool_socket(ONE)}'), true), ']';"
        "echo '[password:', var_export(defined('DB_PASSWORD'), true), ']';"
    )
    said = php(web, TWO, "pry", pry)
    for kind in ("read", "include", "private", "list", "write", "opcache", "socket", "password"):
        assert f"[{kind}:false]" in said, f"{kind}: {said[:600]}"
    # The same code does see what is the site's own: the test can fail.
    assert "DB_PASSWORD" in php(
        web, TWO, "own", f"echo file_get_contents('{layout.site_linked(ROOT, TWO)}/wp-config.php');"
    )
    web.run(f"rm {ROOT}/code/pry.php {ROOT}/code/own.php")


def test_all_pools_have_the_limits_of_phps_own_file_and_one_more_file_changes_them(farm: Farm, lab: Lab) -> None:
    web = lab.host("web1")
    tell = (
        "foreach (['memory_limit','post_max_size','upload_max_filesize','display_errors','log_errors','upload_tmp_dir'] as $k)"
        " echo $k, '=', ini_get($k), ' '; echo sys_get_temp_dir();"
    )
    temporary = layout.site_temporary(ROOT, ONE)
    rest = f"post_max_size=65M upload_max_filesize=64M display_errors=0 log_errors=1 upload_tmp_dir= {temporary}"
    try:
        assert f"memory_limit=256M {rest}" == php(web, ONE, "limits", tell)
        # A restart ends when it is done; a reload returns before anything was read again.
        again = "systemctl reset-failed php8.2-fpm; systemctl restart php8.2-fpm"
        web.run(f"echo 'memory_limit = 320M' >/etc/php/8.2/fpm/conf.d/99-own.ini; {again}")
        assert php(web, ONE, "limits", tell).startswith("memory_limit=320M post_max_size=65M ")
        web.run(f"rm {ROOT}/code/limits.php")
        farm.unchanged("--refresh")
    finally:
        web.run(f"rm -f {ROOT}/code/limits.php /etc/php/8.2/fpm/conf.d/99-own.ini; systemctl restart php8.2-fpm")


def test_a_vhost_that_somebody_broke_stops_the_reload_and_is_mended_with_its_neighbours(farm: Farm, lab: Lab) -> None:
    web, alias = lab.host("web1"), "also.example.com"
    apache, _ = reloads(web)
    web.run(f"echo NoSuchDirective >>/var/aegir/config/apache/vhost.d/{TWO}.conf")
    farm.settings["sites"][ONE]["aliases"] = [alias]
    said = farm.up(ok=False).sentence
    assert "web1.lab.test" in said
    assert "the configuration does not pass the server's own test; no reload" in said
    assert "NoSuchDirective" in said
    assert apache == reloads(web)[0]
    assert [200, 200, 404] == [fetch(web, name).status for name in (ONE, TWO, alias)]

    farm.up("--refresh")
    assert [200, 200, 200] == [fetch(web, name).status for name in (ONE, TWO, alias)]
    farm.unchanged("--refresh")


def test_a_site_gets_a_php_master_of_its_own_and_back_without_a_failed_request(farm: Farm, lab: Lab) -> None:
    web, user = lab.host("web1"), layout.system_user(TWO)
    stop, statuses = threading.Event(), []

    def ask() -> None:
        while not stop.is_set():
            try:
                statuses.append(probe.get(web.address, 80, TWO, "/wp-login.php", patience=0).status)
            except probe.NoAnswer:
                statuses.append(0)
            time.sleep(0.05)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        farm.settings["sites"][TWO]["isolation"] = "process"
        farm.up()
        web.run(f"systemctl is-active aegir-php@{user}.service && ! test -e {layout.pool_path(TWO)}")
        parents = web.run(f"ps -o ppid= -C php-fpm8.2 | sort -u | wc -l; test -S {layout.process_socket(TWO)}").stdout
        assert int(parents) >= 2
        for unit in (f"aegir-php@{user}", f"aegir-cron@{user}"):
            said = web.run(f"systemd-analyze security --no-pager {unit}.service | tail -n 1").stdout
            assert float(said.partition("level for")[2].split(":")[1].split()[0]) < 5, said
        for forbidden in (
            "touch /usr/bin/x",
            "touch /etc/x",
            "mknod /tmp/x b 7 0",
            "cat /proc/1/environ",
            "unshare -r true",
        ):
            assert "no" == php(web, TWO, "tries", f"exec('{forbidden} 2>&1', $o, $s); echo $s ? 'no' : 'done';"), (
                forbidden
            )
        web.run(f"rm {ROOT}/code/tries.php")
        farm.unchanged("--refresh")
        del farm.settings["sites"][TWO]["isolation"]
        farm.up()
        web.run(f"! systemctl is-active -q aegir-php@{user}.service && test -e {layout.pool_path(TWO)}")
        farm.unchanged("--refresh")
        # On a busy machine a page takes long.
        wait_for(lambda: len(statuses) > 50)
    finally:
        stop.set()
        asking.join()
    assert len(statuses) > 50
    assert {200} == set(statuses)


def test_no_site_takes_the_machine_or_the_database_from_its_neighbours(farm: Farm, lab: Lab) -> None:
    web, user, account = lab.host("web1"), layout.system_user(TWO), layout.account_name(TWO)
    controllers.hand_over(web)
    farm.settings["sites"][TWO] |= {
        "isolation": "process",
        "limits": {"cpu": "50%", "memory": "300M", "tasks": 40, "connections": 5},
    }
    farm.up()
    unit, running = f"aegir-php@{user}.service", f"ps -o pid= -u {user} | wc -l"

    php(web, TWO, "bomb", "ini_set('memory_limit', -1); $x = str_repeat('x', 1000000000); echo strlen($x);")
    assert [200, 200] == [fetch(web, name).status for name in (ONE, TWO)], "one process ended, and no other with it"
    assert "1000000000" not in fetch(web, TWO, "/bomb.php").body
    # Two that never end, for three seconds.
    burning = "exec('for n in 1 2; do timeout 20 sh -c \"while :; do :; done\" >/dev/null 2>&1 & done; sleep 3');"
    begun = time.monotonic()
    php(web, TWO, "bomb", burning)
    burnt = sum(int(line) for line in web.run(f"ps -o times= -u {user} -C sh").stdout.split())
    assert 0 < int(web.run(running).stdout)
    passed = time.monotonic() - begun
    assert burnt <= max(4, passed / 2 + 1), f"{burnt} s of the processor's time in {passed:.1f} s of half a core"
    assert 200 == fetch(web, ONE).status
    forks = "exec('i=0; while [ $i -lt 600 ]; do sleep 20 & i=$((i+1)); done >/dev/null 2>&1; true');"
    php(web, TWO, "bomb", forks)
    assert int(web.run(running).stdout) <= 40
    assert 200 == fetch(web, ONE).status
    web.run(f"pkill -KILL -u {user}; systemctl restart {unit}")
    hog = (
        "define('SHORTINIT', true); require 'wp-load.php'; mysqli_report(0); $held = []; "
        "for ($i = 0; $i < 60; $i++) { $c = mysqli_connect(DB_HOST, DB_USER, DB_PASSWORD, DB_NAME); if ($c) $held[] = $c; } "
        "echo '[held:', count($held), ']';"
    )
    # The one that WordPress has itself is counted as well; so is for a moment one of cron's.
    wait_for(lambda: "[held:4]" in php(web, TWO, "bomb", hog))
    wait_for(lambda: "[held:31]" in php(web, ONE, "bomb", hog))

    pool = layout.system_user(ONE)
    php(web, ONE, "bomb", forks)
    assert int(web.run(f"ps -o pid= -u {pool} | wc -l").stdout) <= 288
    assert [200, 200] == [fetch(web, name).status for name in (ONE, TWO)]
    web.run(f"pkill -KILL -u {pool} sleep; rm {ROOT}/code/bomb.php")
    farm.unchanged("--refresh")

    host = lab.host("web1").address
    lab.host("db1").run(f"mysql -e \"ALTER USER '{account}'@'{host}' WITH MAX_USER_CONNECTIONS 0\"")
    web.run(f"systemctl set-property {unit} MemoryMax=infinity; rm /etc/systemd/system/php8.2-fpm.service.d/aegir.conf")
    found = farm.drift().sentence
    assert "may have any number of connections at once, not 5" in found
    assert f"limits of {unit}: changed by systemctl set-property" in found
    assert "php8.2-fpm.service.d/aegir.conf: missing" in found
    before = web.run(f"systemctl show -p MainPID {unit} php8.2-fpm.service").stdout
    farm.up("--refresh")
    assert f"MemoryMax={300 * 2**20}" in web.run(f"systemctl show -p MemoryMax {unit}").stdout
    farm.settings["sites"][TWO]["limits"] = {"memory": "400M"}
    farm.up()
    assert f"MemoryMax={400 * 2**20}" in web.run(f"systemctl show -p MemoryMax {unit}").stdout
    assert before == web.run(f"systemctl show -p MainPID {unit} php8.2-fpm.service").stdout, "nothing was restarted"
    for key in ("isolation", "limits"):
        del farm.settings["sites"][TWO][key]
    farm.up()
    farm.unchanged("--refresh")


def test_a_renamed_site_keeps_its_data_under_its_former_name(farm: Farm, lab: Lab) -> None:
    web, new = lab.host("web1"), "renamed.example.com"
    upload = layout.site_files(ROOT, TWO)
    web.run(f"echo kept >{upload}/kept.txt && chmod 644 {upload}/kept.txt")
    before = {resource["urn"] for resource in farm.resources()}
    site = farm.settings["sites"].pop(TWO)
    farm.settings["sites"][new] = {**site, "formerly": TWO, "aliases": [TWO], "redirect_aliases": True}

    done = farm.up()

    assert before == {resource["urn"] for resource in farm.resources()}
    assert not done.counts.keys() & {"created", "deleted", "replaced"}, done.counts
    assert 200 == fetch(web, new).status
    # PHP goes on for two seconds with the settings that it has read.
    wait_for(lambda: f"http://{new}" in fetch(web, new).body)
    assert "kept\n" == fetch(web, new, f"/sites/{TWO}/files/kept.txt").body
    answer = fetch(web, TWO, "/a?b=c")
    assert (301, f"http://{new}/a?b=c") == (answer.status, answer.headers["location"])
    assert f"{TWO}.conf" not in web.run("ls /var/aegir/config/apache/vhost.d").stdout.split()
    run_cron(web, layout.system_user(TWO))
    farm.unchanged("--refresh")
    farm.settings["sites"][new] = {"platform": "code", "formerly": TWO}
    farm.up()
    assert 404 == fetch(web, TWO).status
    farm.unchanged("--refresh")


GO_ON = {
    "in the background": "sleep 9999 &",
    "in a session of its own": "setsid sleep 9999 &",
    "by nohup": "nohup sleep 9999 >/dev/null 2>&1 &",
    "by a second fork": "( ( sleep 9999 & ) & )",
    "deaf to signals": "sh -c 'trap \"\" HUP INT QUIT TERM USR1 USR2; while :; do sleep 1; done' &",
    "stopped": "sh -c 'kill -STOP $$' &",
    "under another name": "sh -c 'exec -a \"[kworker/0:1]\" sleep 9999' & cp /bin/sleep ./x; ./x 9999 &",
    "two that start each other again": (
        "printf '%s\\n' 'while :; do pgrep -u $(id -u) -f again.$2 >/dev/null || setsid sh ./again.$2 $2 $1 & sleep 0.05; done' "
        "| tee ./again.a >./again.b; setsid sh ./again.a a b &"
    ),
    "by forking on and on": "sh -c 'f() { sleep 0.02; f & }; f; sleep 0.1' &",
    "in a user namespace": "unshare -Ur sleep 9999 &",
    "in namespaces of users, processes and mounts": "unshare -Urpfm --mount-proc sleep 9999 &",
    "in a set-user-id program": "mkfifo ./never; su root -c true <./never & sleep 9999 >./never &",
    "that listens": "php -r '$s = stream_socket_server(\"tcp://127.0.0.1:7777\"); sleep(9999);' &",
    "that holds a deleted file": 'php -r \'$f = fopen("gone", "w"); unlink("gone"); sleep(9999);\' &',
    "by its own crontab": "echo '* * * * * sleep 9999' | crontab - &",
    "by at": "echo 'sleep 9999' | at now &",
    "by its own systemd": "loginctl enable-linger & systemd-run --user sleep 9999 &",
    "by the machine's systemd": "systemd-run sleep 9999 & systemctl start --user default.target &",
    "by a mail to itself": "echo '|/bin/sleep 9999' >~/.forward; echo x | sendmail $(id -un) &",
    "by the machine's D-Bus": "busctl call org.freedesktop.systemd1 /org/freedesktop/systemd1 $M StartUnit ss x.service fail &",
}
"""Ways by which a site's own code stays when its site goes."""


def leave(web: Host, name: str) -> None:
    """Let a site's PHP begin all of them."""
    root = layout.site_temporary(ROOT, name)
    script_ = "\n".join(f"( {way} ) </dev/null >/dev/null 2>&1" for way in GO_ON.values())
    web.run(f"cat >{root}/leave.sh; chmod 644 {root}/leave.sh", input=f"cd {root} || exit\n{script_}\n")
    php(web, name, "leave", f"exec('sh {root}/leave.sh >/dev/null 2>&1 &'); sleep(2);")
    web.run(f"rm {ROOT}/code/leave.php")
    user = layout.system_user(name)
    wait_for(lambda: len(of_user(web, user)) > 10)


def of_user(web: Host, user: str) -> list[str]:
    """List the processes that are a user's by any of their four numbers, and those of numbers that it was given beside."""
    said = web.run(
        f"number=$(id -u {user} 2>/dev/null || echo {user}); cd /proc; for p in [0-9]*; do "
        f"sed -n 's/^Uid:\\t//p' $p/status 2>/dev/null | grep -qw -- $number && tr '\\0' ' ' <$p/cmdline && echo; done; "
        f"grep -s '^{user}:' /etc/subuid /etc/subgid; true"
    ).stdout
    return said.splitlines()


def test_nothing_of_a_disabled_or_removed_site_goes_on_running(farm: Farm, lab: Lab) -> None:
    name, web = "ends.example.com", lab.host("web1")
    user = layout.system_user(name)
    left = f"systemd-run -q --collect --uid {user} sh -c 'trap \"\" TERM HUP INT; while :; do sleep 1 & wait; done'"
    farm.settings["sites"][name] = {"platform": "code", "cron": "5min"}
    farm.up()
    web.run(left)
    leave(web, name)

    farm.settings["sites"][name]["state"] = "disabled"
    farm.up()
    assert 503 == fetch(web, name).status
    wait_for(lambda: not of_user(web, user), 10)
    web.run(f"! test -e /var/aegir/config/php-fpm/pool.d/{name}.conf && ! test -S /run/php/{user}.sock")
    web.run(f"! systemctl -q is-active aegir-cron@{user}.timer && chage -l {user} | grep -q 'expires.*1970'")
    farm.unchanged("--refresh")
    web.run(left)
    assert "processes of a disabled site" in farm.drift().sentence

    farm.settings["sites"][name]["state"] = "enabled"
    farm.up("--refresh")
    assert 200 == fetch(web, name).status
    web.run(f"systemctl -q is-active aegir-cron@{user}.timer && chage -l {user} | grep -q 'expires.*never'")
    farm.unchanged("--refresh")

    web.run(left)
    leave(web, name)
    number = web.run(f"id -u {user}").stdout.strip()
    del farm.settings["sites"][name]
    farm.up()
    wait_for(lambda: not of_user(web, number), 10)
    web.run(f"! id {user} && ! test -e {ROOT}/.sites/{name}")
    assert [200] == [fetch(web, ONE).status]


def test_nothing_of_a_site_is_left_when_it_goes(farm: Farm, lab: Lab) -> None:
    web = lab.host("web1")
    farm.settings["sites"][THREE]["isolation"] = "process"
    farm.up()
    names = list(farm.settings["sites"])
    farm.settings["sites"].clear()
    # Several sites at once may as well be a bad merge.
    refused = farm.preview(ok=False).sentence
    assert f"aegir:confirm_removals: [{', '.join(sorted(names))}]" in refused
    farm.settings["confirm_removals"] = names
    assert f"the site {names[0]} is no longer declared: its database" in farm.preview().sentence
    farm.up()
    left = web.run(
        "ls /etc/systemd/system | grep -E 'aegir-(cron|php)@site' ; ls /var/aegir/config/cron/*.env "
        "/var/aegir/config/php-fpm/*.d/* 2>/dev/null; getent passwd | grep ^site-; systemctl --failed --no-legend; true"
    ).stdout
    assert "" == left
    farm.destroy()
