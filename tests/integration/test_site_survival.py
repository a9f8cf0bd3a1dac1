"""What sites survive: installers that fail, servers that are away, kills at every step, passwords that change under load."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from aegir_components import layout
from aegir_components.health import probe
from lab import Host, HostSpec, Lab
from tests.integration import switching
from tests.integration.farm import Config, Farm, fetch, hub_settings

pytestmark = [pytest.mark.long, pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(900)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
ROOT = "/var/aegir/platforms"
STAYS = "stays.example.com"
WEBS = ("web1", "web2")
BREAK = "/tmp/break-the-install"
PLUGIN = f"<?php if (file_exists('{BREAK}')) {{ add_action('populate_options', function () {{ exit(1); }}); }}\n"
"""Ends WordPress's installer when the tables are there and nothing is in them."""


@pytest.fixture(scope="module")
def lab(lab_factory: LabFactory) -> Lab:
    return lab_factory("survival", [*(HostSpec(name, image="web") for name in WEBS), HostSpec("db1", image="db")])


@pytest.fixture(scope="module")
def farm(lab: Lab, wordpress: Path, tmp_path_factory: pytest.TempPathFactory) -> Farm:
    directory = tmp_path_factory.mktemp("survival")
    code = directory / "code"
    shutil.copytree(wordpress, code, symlinks=True)
    (code / "wp-content" / "mu-plugins").mkdir()
    (code / "wp-content" / "mu-plugins" / "break.php").write_text(PLUGIN)
    webs = [lab.host(name) for name in WEBS]
    database = lab.host("db1")
    settings: Config = {
        "hub": hub_settings(lab),
        "servers": {
            webs[0].spec.fqdn: {"address": webs[0].address, "services": {"web": "apache"}},
            webs[1].spec.fqdn: {"address": webs[1].address, "services": {"web": "nginx"}},
            database.spec.fqdn: {"address": database.address, "services": {"database": "mysql"}},
        },
        "clusters": {"web": {"servers": [host.spec.fqdn for host in webs], "uploads": "separate"}},
        "platforms": {"code": {"server": "web", "source": str(code)}},
        "sites": {STAYS: {"platform": "code"}},
    }
    made = Farm(directory / "farm", settings)
    made.up()
    return made


def remains(lab: Lab, site: str) -> list[str]:
    """List what there is of a site on the hosts; its logs stay when it goes, and are left out."""
    found = []
    user = layout.system_user(site)
    for name in WEBS:
        host = lab.host(name)
        listed = host.run(
            f"find /var/aegir /etc /run/php /var/lib/aegir -name '*{site}*' -o -name '*{user}*'"
        ).stdout.split()
        # Apache's and nginx's directories of the other program's type are on the host as well, and empty.
        found += [f"{name}: {path}" for path in listed]
        found += [f"{name}: {line}" for line in host.run(f"getent passwd {user}", check=False).stdout.splitlines()]
        found += [
            f"{name}: {t}" for t in host.run(f"systemctl list-units --all --no-legend '*{user}*'").stdout.splitlines()
        ]
    base, accounts = layout.database_name(site), layout.account_names(site)
    names = "', '".join(accounts)
    database = lab.host("db1")
    found += database.run(f"mysql -Ne \"SHOW DATABASES LIKE '{base}'\"").stdout.split()
    found += database.run(
        f"mysql -Ne \"SELECT user, host FROM mysql.user WHERE user IN ('{names}')\""
    ).stdout.splitlines()
    return found


def test_fact_33_an_installer_that_fails_half_way_says_what_to_remove_and_nothing_of_the_site_stays_when_it_is_given_up(
    farm: Farm, lab: Lab
) -> None:
    name = "half.example.com"
    for web in WEBS:
        lab.host(web).run(f"touch {BREAK}")
    farm.settings["sites"][name] = {"platform": "code"}
    farm.up(ok=False)
    assert 12 == int(lab.host("db1").run(f"mysql -Ne 'SHOW TABLES FROM {layout.database_name(name)}' | wc -l").stdout)

    for web in WEBS:
        lab.host(web).run(f"rm {BREAK}")
    said = farm.up(ok=False).sentence
    base = layout.database_name(name)
    assert (
        f"the database {base} has 12 tables, and none of them says that WordPress was installed. Nothing was changed"
        in said
    )
    assert 12 == int(lab.host("db1").run(f"mysql -Ne 'SHOW TABLES FROM {base}' | wc -l").stdout)
    assert [200, 200] == [fetch(lab.host(web), STAYS).status for web in WEBS]
    assert "DROP" not in said
    assert f"To begin again, take {name} out of the stack file and run pulumi up" in said
    declared = farm.settings["sites"].pop(name)
    farm.up()
    assert list((farm.hub / "backups").glob(f"{name}-*.sql.gz")), "a dump is kept before the tables go"
    farm.settings["sites"][name] = declared
    farm.up()
    assert [200, 200] == [fetch(lab.host(web), name).status for web in WEBS]
    farm.unchanged("--refresh")

    # Another one that fails is given up instead.
    lost = "lost.example.com"
    for web in WEBS:
        lab.host(web).run(f"touch {BREAK}")
    farm.settings["sites"][lost] = {"platform": "code"}
    farm.up(ok=False)
    for web in WEBS:
        lab.host(web).run(f"rm {BREAK}")
    assert [] != remains(lab, lost)
    del farm.settings["sites"][lost]
    farm.up()
    assert [] == remains(lab, lost)
    farm.unchanged("--refresh")


def test_an_existing_site_is_adopted_and_a_database_with_somebodys_tables_is_not_installed_over(
    farm: Farm, lab: Lab
) -> None:
    name = "tables.example.com"
    farm.settings["sites"][name] = {"platform": "code", "install": False}
    said = farm.up().sentence
    assert f"the site {name} was not asked for" in said
    base = layout.database_name(name)
    lab.host("db1").run(f"mysql -e 'CREATE TABLE {base}.mine (a INT); INSERT INTO {base}.mine VALUES (42)'")
    del farm.settings["sites"][name]["install"]

    said = farm.up(ok=False).sentence

    assert (
        f"the database {base} has 1 tables, and none of them says that WordPress was installed. Nothing was changed"
        in said
    )
    assert "42\n" == lab.host("db1").run(f"mysql -Ne 'SELECT a FROM {base}.mine'").stdout
    del farm.settings["sites"][name]
    farm.up()
    assert 1 == len(list((farm.hub / "backups").glob(f"{name}-*.sql.gz")))


def test_a_web_server_that_is_down_is_named_the_others_are_done_and_the_next_run_completes(
    farm: Farm, lab: Lab
) -> None:
    first, second = (lab.host(name) for name in WEBS)
    farm.settings["sites"][STAYS]["aliases"] = ["alias.example.com"]
    farm.disconnect()
    second.stop()
    try:
        said = farm.up(ok=False).sentence
        assert second.spec.fqdn in said
        assert 200 == fetch(first, "alias.example.com").status
    finally:
        second.start()
    farm.up()
    assert [200, 200] == [fetch(host, "alias.example.com").status for host in (first, second)]
    # A container that is started anew has another /etc/hosts, without what was written into it.
    farm.up("--refresh")
    farm.unchanged("--refresh")


def test_a_database_that_is_gone_for_ten_seconds_is_waited_for(farm: Farm, lab: Lab) -> None:
    database, name = lab.host("db1"), "ten.example.com"
    farm.settings["sites"][name] = {"platform": "code"}
    database.run("systemctl stop mariadb")
    back = threading.Timer(10, lambda: database.run("systemctl start mariadb"))
    back.start()
    try:
        farm.up()
    finally:
        back.join()
    assert [200, 200] == [fetch(lab.host(web), name).status for web in WEBS]
    farm.unchanged("--refresh")


@contextmanager
def visitors(hosts: list[Host], name: str) -> Iterator[list[str]]:
    """Ask hosts for a site's page again and again; give what was not the page."""
    bad: list[str] = []
    asked = [0]
    over = threading.Event()

    def visitor(host: Host) -> None:
        # As often as it shows a gap of a reload's length: without a pause the answers take a core.
        while not over.wait(0.03):
            try:
                answer = probe.get(host.address, 80, name, patience=0)
                asked[0] += 1
                if answer.status != 200 or "wp-includes" not in answer.body:
                    bad.append(f"{host.name}: {answer.status} {answer.body[:200]}")
            except probe.NoAnswer as silence:
                bad.append(f"{host.name}: {silence}")

    threads = [threading.Thread(target=visitor, args=(host,)) for host in hosts]
    for thread in threads:
        thread.start()
    try:
        yield bad
        # What comes right after the run is seen as well.
        enough, deadline = asked[0] + 40, time.monotonic() + 60
        while asked[0] < enough and not bad and time.monotonic() < deadline:
            time.sleep(0.02)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert asked[0] > 50


def test_a_databases_password_changes_without_a_failed_request(farm: Farm, lab: Lab) -> None:
    database, (first, second) = lab.host("db1"), layout.account_names(STAYS)
    count = "mysql -Ne \"SELECT COUNT(*) FROM mysql.user WHERE user = '{}'\""
    settings = f"{layout.site_linked(ROOT, STAYS)}/wp-config.php"
    before = lab.host("web1").run(f"grep DB_PASSWORD {settings}").stdout
    assert (3, 0) == (int(database.run(count.format(first)).stdout), int(database.run(count.format(second)).stdout))
    farm.settings["sites"][STAYS]["password_version"] = 2

    with visitors([lab.host(name) for name in WEBS], STAYS) as bad:
        farm.up()

    assert [] == bad
    assert (0, 3) == (int(database.run(count.format(first)).stdout), int(database.run(count.format(second)).stdout))
    assert before != lab.host("web1").run(f"grep DB_PASSWORD {settings}").stdout
    farm.unchanged("--refresh")


def test_a_site_that_is_protected_stays_until_it_is_said_otherwise(farm: Farm, lab: Lab) -> None:
    name = "protected.example.com"
    farm.settings["sites"][name] = {"platform": "code", "protect": True}
    farm.up()
    del farm.settings["sites"][name]

    assert "protect" in farm.up(ok=False).sentence

    assert [200, 200] == [fetch(lab.host(web), name).status for web in WEBS]
    farm.settings["sites"][name] = {"platform": "code", "protect": False}
    farm.up()
    del farm.settings["sites"][name]
    farm.up()
    assert [] == remains(lab, name)
    assert [404, 404] == [fetch(lab.host(web), name).status for web in WEBS]


STEPS = {
    "database": ("db1", "[ -d /var/lib/mysql/{base} ]"),
    "account": ("db1", "mysql -Ne \"SELECT user FROM mysql.user WHERE user = '{account}'\" | grep -q ."),
    "user": ("web1", "getent passwd {user}"),
    "settings": ("web2", "[ -e {home}/site/wp-config.php ]"),
    "pool": ("web1", "[ -e /var/aegir/config/php-fpm/pool.d/{site}.conf ]"),
    "vhost": ("web2", "[ -e /var/aegir/config/nginx/vhost.d/{site}.conf ]"),
    "first table": ("db1", "ls /var/lib/mysql/{base}/*.ibd"),
    "answer": ("web1", "[ -s /var/log/aegir/{site}.access.log ]"),
}


def killed(farm: Farm, lab: Lab, where: str, condition: str) -> None:
    """Kill a run in the moment in which something is so."""
    came = []
    watcher = threading.Thread(target=lambda: came.append(switching.wait_for(lab.host(where), condition)))
    watcher.start()
    running = farm.start("up", "--yes", "--skip-preview")
    watcher.join()
    running.kill()
    assert [True] == came, condition
    # Near its end a run may be over before the kill, and then leaves no lock.
    if list((farm.directory / "state").glob(".pulumi/locks/**/*.json")):
        farm.cancel()


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_a_step_of_a_new_site_the_next_run_completes_it(farm: Farm, lab: Lab, step: str) -> None:
    name = f"{step.replace(' ', '-')}.example.com"
    where, condition = STEPS[step]
    farm.settings["sites"][name] = {"platform": "code"}
    words = {
        "site": name, "base": layout.database_name(name), "account": layout.account_name(name),
        "user": layout.system_user(name), "home": layout.site_directory(ROOT, name),
    }  # fmt: skip
    killed(farm, lab, where, condition.format(**words))

    farm.up()

    assert [200, 200] == [fetch(lab.host(web), name).status for web in WEBS]
    farm.unchanged("--refresh")


REMOVAL = {
    "vhost": ("web1", "[ ! -e /var/aegir/config/apache/vhost.d/{site}.conf ]"),
    "first-table": ("web2", "! getent passwd {user}"),
    "user": ("web1", "[ ! -e {home} ]"),
    "pool": ("db1", "[ ! -d /var/lib/mysql/{base} ]"),
}


@pytest.mark.parametrize("site", REMOVAL)
def test_killed_at_a_step_of_a_removal_the_next_run_finishes_it_and_a_backup_is_there(
    farm: Farm, lab: Lab, site: str
) -> None:
    name = f"{site}.example.com"
    where, condition = REMOVAL[site]
    assert [] != remains(lab, name)
    del farm.settings["sites"][name]
    words = {
        "site": name, "base": layout.database_name(name), "user": layout.system_user(name),
        "home": layout.site_directory(ROOT, name),
    }  # fmt: skip
    killed(farm, lab, where, condition.format(**words))

    farm.up()

    assert [] == remains(lab, name)
    kept = sorted(path.name for path in (farm.hub / "backups").iterdir() if path.name.startswith(name))
    assert any(entry.endswith(".sql.gz") for entry in kept), kept
    assert any(entry.endswith("web1.lab.test-files.tar.gz") for entry in kept), kept
    assert not [entry for entry in kept if entry.endswith(".part")], kept
    farm.unchanged("--refresh")
