"""Updates that are hindered: killed at any step, a database server that restarts, pages that break, objects that run."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

import pytest

from aegir_components import layout
from lab import Host, HostSpec, Lab
from tests.integration.farm import fetch
from tests.integration.updating import BESIDE, GOOD, SEVEN, Seven, Visitor, seven_on

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(900)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
BREAKS = "variable_set('tryout_break', 1);"
BROKEN = "if (variable_get('tryout_break')) { throw new Exception('the page is broken'); }"
COPY, BEFORE = layout.copy_name(SEVEN), layout.before_name(SEVEN)


@pytest.fixture(scope="module")
def seven(lab_factory: LabFactory, tmp_path_factory: pytest.TempPathFactory) -> Seven:
    lab = lab_factory("hindered-updates", [HostSpec("web1", image="web"), HostSpec("db1", image="db")])
    return seven_on(lab, tmp_path_factory.mktemp("hindered-updates"))


def update(seven: Seven, body: str = GOOD, page: str = "") -> None:
    """Write a release whose next update has this body, whatever the site has had."""
    had = seven.schema() - 7000
    seven.release(*([GOOD] * had), body, page=page)


def until(host: Host, condition: str, then: str = ":") -> None:
    """Wait on a machine until something is so there, and do something at once."""
    loop = f"for i in $(seq 10000); do if {condition}; then {then}; echo seen; break; fi; sleep 0.01; done"
    assert "seen" in host.run(loop, timeout=400).stdout, condition


def test_an_update_that_breaks_the_pages_goes_back_with_its_database(seven: Seven) -> None:
    before = seven.number
    had = seven.schema()
    update(seven, BREAKS, BROKEN)
    with Visitor(seven.estate.web, SEVEN, "/user") as visitor:
        done = seven.estate.farm.up(ok=False)
    assert visitor.statuses <= {200, 307}
    assert f"200 {before}" == seven.shown()
    assert had == seven.schema()
    assert "it does not answer with the new release and its database" in done.sentence
    assert "2 sites are held back" in done.sentence
    assert "" == seven.estate.left()
    assert "held back on release" in seven.estate.farm.drift().output

    found = seven.estate.farm.aegir("status", "test", "--live", "--json", status=3)
    rows = {row["name"]: row for row in json.loads(found)["sites"]}
    assert any("it does not answer" in fault for fault in rows[SEVEN]["faults"])

    # The repaired code goes to both.
    seven.number -= 1
    update(seven)
    seven.estate.farm.up()
    assert f"200 {seven.number}" == seven.shown(BESIDE)
    seven.estate.farm.unchanged()


MOMENTS = {
    "while the database is copied": ("db", f"[ -d /var/lib/mysql/{COPY} ]"),
    "while the update is tried": ("web", f"[ -d /var/lib/aegir/rehearsal/{layout.system_user(SEVEN)} ]"),
    "while visitors wait": ("web", f"[ -e {layout.updating_file(SEVEN)} ]"),
    "while tables move": ("db", f"ls /var/lib/mysql/{BEFORE} 2>/dev/null | grep -q variable.ibd"),
    "when the site is switched": ("web", f"! [ -e {layout.held_file(SEVEN)} ] && [ -e {layout.updating_file(SEVEN)} ]"),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_run_that_is_killed_is_taken_back_or_brought_to_its_end_by_the_next(seven: Seven, moment: str) -> None:
    farm, estate = seven.estate.farm, seven.estate
    estate.sql(
        "CREATE TABLE IF NOT EXISTS mine (word VARCHAR(40)); DELETE FROM mine; INSERT INTO mine VALUES ('kept')", SEVEN
    )
    had = seven.schema()
    update(seven, "usleep(700000);")
    where, condition = MOMENTS[moment]
    host = estate.web if where == "web" else estate.database
    # The condition is awaited on the machine, and the run is killed in that moment; before that it has to be on its way.
    estate.database.run(f"mariadb -e 'DROP DATABASE IF EXISTS `{BEFORE}`'")
    running = farm.start("up", "--yes", "--skip-preview")
    until(host, condition)
    running.kill()
    assert seven.schema() in {had, had + 1} or "while tables move" == moment
    farm.cancel()
    farm.up()
    assert had + 1 == seven.schema()
    assert f"200 {seven.number}" == seven.shown()
    assert f"200 {seven.number}" == seven.shown(BESIDE)
    assert "kept" == estate.sql("SELECT word FROM mine", SEVEN)
    assert "" == estate.left()
    assert "" == estate.release_of(SEVEN)
    farm.unchanged()


def test_a_database_server_that_restarts_meanwhile_loses_nothing(seven: Seven) -> None:
    farm, estate = seven.estate.farm, seven.estate
    had = seven.schema()
    update(seven, "usleep(2000000);")
    running = farm.start("up", "--yes", "--skip-preview")
    until(estate.web, f"[ -d /var/lib/aegir/rehearsal/{layout.system_user(SEVEN)} ]")
    estate.database.run("systemctl restart mariadb")
    done = running.wait()
    assert seven.schema() in {had, had + 1}
    if done.status:
        assert "held back" in done.sentence
    farm.up()
    assert had + 1 == seven.schema()
    assert f"200 {seven.number}" == seven.shown()
    assert "" == estate.left()


def test_views_and_triggers_come_along_and_run_as_the_site(seven: Seven) -> None:
    farm, estate = seven.estate.farm, seven.estate
    site = farm.settings["sites"][SEVEN]
    site["database"] = {"server": estate.database.spec.fqdn, "rights": ["TRIGGER", "CREATE VIEW", "SHOW VIEW"]}
    farm.up()
    account = layout.account_name(SEVEN)
    seven.php(
        SEVEN,
        "db_query('CREATE TABLE counted (n INT)'); db_query('INSERT INTO counted VALUES (0)');"
        "db_query('CREATE TABLE watched (word VARCHAR(20))');"
        "Database::getConnection()->query('CREATE VIEW shown AS SELECT word FROM watched', array(), array());"
        "Database::getConnection()->exec("
        "'CREATE TRIGGER counts AFTER INSERT ON watched FOR EACH ROW UPDATE counted SET n = n + 1');",
    )
    update(seven, "if (db_table_exists('watched')) { db_query(\"INSERT INTO watched VALUES ('by the update')\"); }")
    farm.up()
    assert "1" == estate.sql("SELECT n FROM counted", SEVEN)
    assert "by the update" == estate.sql("SELECT word FROM shown", SEVEN)
    estate.sql("INSERT INTO watched VALUES ('by hand')", SEVEN)
    assert "2" == estate.sql("SELECT n FROM counted", SEVEN)
    definers = estate.database.run(
        "mariadb -N -e \"SELECT definer FROM information_schema.triggers WHERE trigger_name = 'counts' UNION ALL "
        "SELECT definer FROM information_schema.views WHERE table_name = 'shown'\""
    ).stdout.split()
    assert {definer.partition("@")[0] for definer in definers} == {account}
    farm.unchanged()


def test_an_event_of_the_servers_rests_meanwhile_and_none_of_its_rows_is_lost(seven: Seven) -> None:
    """It writes all the time, by no connection of the site's: a locked account does not keep it from that."""
    farm, estate = seven.estate.farm, seven.estate
    site, account = farm.settings["sites"][SEVEN], layout.account_name(SEVEN)
    site["database"]["rights"].append("EVENT")
    farm.up()
    clients = f"mariadb -N -e \"SELECT MIN(host) FROM mysql.user WHERE user = '{account}'\""
    client = estate.database.run(clients).stdout.strip()
    begin = f"CREATE DEFINER = `{account}`@`{client}` EVENT ticks ON SCHEDULE EVERY 1 SECOND "
    begin += "DO INSERT INTO ticked VALUES (NOW(6))"
    estate.sql(f"SET GLOBAL event_scheduler = ON; CREATE TABLE ticked (w DATETIME(6)); {begin}", SEVEN)
    count = f"mariadb -N {layout.database_name(SEVEN)} -e 'SELECT COUNT(*) FROM ticked'"
    until(estate.database, f"[ $({count}) -gt 0 ]")
    had = seven.schema()
    update(seven, "usleep(2500000);")
    done = farm.up()
    assert f"{SEVEN}: it was written to since its copy" in done.sentence
    assert had + 1 == seven.schema()
    lost = f"SELECT COUNT(*) FROM `{BEFORE}`.ticked WHERE w NOT IN (SELECT w FROM ticked)"
    assert "0" == estate.sql(lost, SEVEN)
    until(estate.database, f"[ $({count}) -gt {int(estate.database.run(count).stdout)} ]")
    farm.unchanged("--refresh")

    # One that runs as somebody else cannot be stopped by the site's account.
    estate.sql("ALTER DEFINER = root@localhost EVENT ticks COMMENT 'of another account'", SEVEN)
    update(seven)
    done = farm.up(ok=False)
    assert "the event ticks of another account, which would go on writing" in done.sentence
    assert had + 1 == seven.schema()
    estate.sql("ALTER EVENT ticks DISABLE", SEVEN)
    farm.up()
    assert had + 2 == seven.schema()
    estate.sql("DROP EVENT ticks; SET GLOBAL event_scheduler = OFF", SEVEN)


def test_a_database_server_that_ends_of_a_full_disk_in_an_update_loses_nothing(seven: Seven) -> None:
    farm, estate = seven.estate.farm, seven.estate
    before, had = seven.number, seven.schema()
    size = int(estate.database.run("stat -c %s /var/lib/mysql/ibdata1").stdout) >> 20
    rows = f"INSERT INTO bulk SELECT REPEAT('x', 1000000) FROM seq_1_to_{size + 30}"
    estate.sql(f"CREATE TABLE bulk (b LONGTEXT); {rows}", SEVEN)
    # All its files of a fixed size: what does not fit ends the server, as the last block of a disk may.
    room = f"[mysqld]\ninnodb_file_per_table = OFF\ninnodb_data_file_path = ibdata1:12M:autoextend:max:{size + 2}M\n"
    place = "/etc/mysql/mariadb.conf.d/zz-full.cnf"
    try:
        estate.database.run(f"cat >{place}; systemctl restart mariadb", input=room)
        update(seven)
        # Alone: MariaDB loses tables of the other site where it ends of this in the middle of its exchange ("doesn't exist in
        # engine"), since its system tablespace has no room for the recovery either.
        farm.settings["platforms"]["code"]["rollout"] = {"canary": [SEVEN], "stop_on": 1}
        done = farm.up(ok=False)
    finally:
        farm.settings["platforms"]["code"].pop("rollout", None)
        estate.database.run(f"rm {place}; systemctl restart mariadb")
    assert re.search("are held back and answer as before|is held back and answers as before", done.sentence), (
        done.output
    )
    assert "xxxx" not in done.output, "a row of the site's"
    assert (f"200 {before}", had) == (seven.shown(), seven.schema())
    assert str(size + 30) == estate.sql("SELECT COUNT(*) FROM bulk", SEVEN)
    estate.sql("DROP TABLE bulk", SEVEN)
    farm.up()
    assert had + 1 == seven.schema()
    assert f"200 {seven.number}" == seven.shown()
    assert "" == estate.left()


def test_without_the_right_for_them_the_site_is_held_back_and_told_what_to_declare(seven: Seven) -> None:
    farm, estate = seven.estate.farm, seven.estate
    before, had = seven.number, seven.schema()
    del farm.settings["sites"][SEVEN]["database"]
    update(seven)
    done = farm.up(ok=False)
    assert "which its account cannot make again in a copy" in done.sentence
    assert f"200 {before}" == seven.shown()
    assert had == seven.schema()
    assert f"200 {seven.number}" == seven.shown(BESIDE)
    estate.sql("DROP VIEW shown; DROP TRIGGER counts", SEVEN)
    farm.up()
    assert had + 1 == seven.schema()


def test_a_pinned_site_stays_and_a_disabled_one_waits(seven: Seven) -> None:
    farm, estate = seven.estate.farm, seven.estate
    live = farm.outputs()["platforms"]["code"]["release_path"].rpartition("/")[2]
    before, had, beside = seven.number, seven.schema(), seven.schema(BESIDE)
    farm.settings["sites"][SEVEN]["release"] = live
    farm.settings["sites"][BESIDE]["state"] = "disabled"
    update(seven)
    farm.up()
    assert f"200 {before}" == seven.shown()
    assert (had, beside) == (seven.schema(), seven.schema(BESIDE))
    assert live in estate.release_of(SEVEN)
    assert 503 == fetch(estate.web, BESIDE).status
    farm.unchanged()

    del farm.settings["sites"][SEVEN]["release"]
    farm.settings["sites"][BESIDE]["state"] = "enabled"
    farm.up()
    for site in (SEVEN, BESIDE):
        assert f"200 {seven.number}" == seven.shown(site)
    assert (had + 1, beside + 1) == (seven.schema(), seven.schema(BESIDE))
    farm.unchanged()


NEEDS = "db_query('SELECT COUNT(*) FROM tryout_needed');"
MAKES = "db_query('CREATE TABLE tryout_needed (id INT)');"


def test_a_site_that_is_down_is_brought_back_by_the_release_that_repairs_it(seven: Seven) -> None:
    farm, estate = seven.estate.farm, seven.estate
    update(seven, f"if (!db_table_exists('tryout_needed')) {{ {MAKES} }}", NEEDS)
    farm.up()
    estate.sql("DROP TABLE tryout_needed", SEVEN)
    assert "500" == seven.shown()
    # Down it is, and no release was given that could help.
    assert f"the site {SEVEN} does not work: " in farm.up("--refresh", ok=False).sentence

    # An update that does not help is no success either.
    update(seven, GOOD, NEEDS)
    done = farm.up("--refresh", ok=False)
    assert f"the site {SEVEN} does not work yet: " in done.sentence
    assert f"the site {SEVEN} does not work: " in done.sentence

    update(seven, f"if (!db_table_exists('tryout_needed')) {{ {MAKES} }}", NEEDS)
    farm.up("--refresh")
    for site in (SEVEN, BESIDE):
        assert f"200 {seven.number}" == seven.shown(site)
    farm.unchanged("--refresh")


def test_a_site_that_is_down_and_lacks_updates_of_its_own_code_is_repaired_by_a_command(seven: Seven) -> None:
    farm, estate, had = seven.estate.farm, seven.estate, seven.schema()
    estate.sql(f"DROP TABLE tryout_needed; UPDATE system SET schema_version = {had - 1} WHERE name = 'tryout'", SEVEN)
    farm.settings["platforms"]["code"]["keep_releases"] = 4
    farm.up("--refresh", ok=False)
    assert f"{SEVEN}: 1 updates, rehearsed in" in farm.aegir("update", SEVEN, "--stack", "test")
    assert f"200 {seven.number}" == seven.shown()
    farm.up("--refresh")
    farm.unchanged("--refresh")


def test_updates_that_were_made_pending_by_hand_are_run_by_a_command(seven: Seven) -> None:
    farm, estate = seven.estate.farm, seven.estate
    had = seven.schema()
    estate.sql(f"UPDATE system SET schema_version = {had - 1} WHERE name = 'tryout'", SEVEN)
    estate.sql("DELETE FROM cache_bootstrap", SEVEN)

    named = farm.aegir("update", "--all", "--stack", "test", "--dry-run")
    assert f"{SEVEN}: tryout_update_{had}" in named
    assert f"{BESIDE}: no updates are pending" in named
    assert had - 1 == seven.schema()
    # Another hub is at it: the lock is the database server's.
    lock = f"SELECT GET_LOCK('aegir-update-{layout.database_name(SEVEN)}', 0), SLEEP(400)"
    estate.database.run(f'setsid mariadb -e "{lock}" </dev/null >/dev/null 2>&1 & echo $! >/run/locker')
    until(estate.database, "mariadb -Ne 'SHOW PROCESSLIST' | grep -q aegir-update")
    refused = farm.aegir("update", SEVEN, "--stack", "test", status=4)
    assert "another update of it is at work, on this hub or on another one" in refused
    assert had - 1 == seven.schema()
    # What it has left on the web server meanwhile is not taken for a killed run's.
    estate.web.run(f"install -D /dev/null {layout.updating_file(SEVEN)}")
    farm.settings["platforms"]["code"]["keep_before"] = "8d"
    done = farm.up(ok=False)
    assert f"{SEVEN}: left as it is, because localhost works on its database" in done.sentence
    assert "another update of it is at work, on this hub or on another one" in done.sentence
    estate.web.run(f"test -e {layout.updating_file(SEVEN)}; rm {layout.updating_file(SEVEN)}")
    estate.database.run("kill $(cat /run/locker)")
    until(estate.database, "! mariadb -Ne 'SHOW PROCESSLIST' | grep -q aegir-update")
    assert f"{SEVEN}: 1 updates, rehearsed in" in farm.aegir("update", SEVEN, "--stack", "test")
    assert had == seven.schema()
    assert f"200 {seven.number}" == seven.shown()


def test_a_command_that_is_killed_in_an_update_is_ended_by_the_same_command(seven: Seven) -> None:
    farm, estate, had = seven.estate.farm, seven.estate, seven.schema()
    estate.sql(f"UPDATE system SET schema_version = {had - 1} WHERE name = 'tryout'", SEVEN)
    estate.database.run(f"mariadb -e 'DROP DATABASE IF EXISTS `{BEFORE}`'")
    words = [sys.executable, "-m", "aegir_components", "--cwd", str(farm.directory / "project"), "update", SEVEN]
    with subprocess.Popen(
        [*words, "--stack", "test"], env=farm._environment(""), stdin=subprocess.DEVNULL, start_new_session=True
    ) as updating:
        # The server stands still in that moment, so that the command is never over before it is killed.
        until(estate.database, MOMENTS["while tables move"][1], "pkill -STOP -x mariadbd")
        os.killpg(updating.pid, signal.SIGKILL)
    estate.database.run("pkill -CONT -x mariadbd")
    assert "an update that did not come to its end" in farm.aegir("update", SEVEN, "--stack", "test", "--dry-run")
    assert f"{SEVEN}: 1 updates, rehearsed in" in farm.aegir("update", SEVEN, "--stack", "test")
    assert (f"200 {seven.number}", had) == (seven.shown(), seven.schema())
    assert "" == estate.left()
    farm.up("--refresh")
    farm.unchanged()


def test_a_run_waits_for_a_command_that_updates_the_same_site(seven: Seven) -> None:
    farm, estate = seven.estate.farm, seven.estate
    update(seven, "sleep(variable_get('tryout_slow', 0));")
    farm.up()
    had = seven.schema()
    estate.sql(f"UPDATE system SET schema_version = {had - 1} WHERE name = 'tryout'", SEVEN)
    seven.php(SEVEN, "variable_set('tryout_slow', 12);")
    with ThreadPoolExecutor() as pool:
        updating = pool.submit(farm.aegir, "update", SEVEN, "--stack", "test")
        until(estate.web, f"[ -d /var/lib/aegir/rehearsal/{layout.system_user(SEVEN)} ]")
        for site in (SEVEN, BESIDE):
            farm.settings["sites"][site]["php"] = {"values": {"max_input_vars": 1234}}
        # This platform's sites are looked at as well: one is in the middle of an update that no killed run has left.
        farm.settings["platforms"]["code"]["keep_before"] = "9d"
        done = farm.up()
        assert f"{SEVEN}: 1 updates, rehearsed in" in updating.result(200)
    assert re.search(rf"waiting up to 60 s: \S+ runs aegir update on {SEVEN} \(process \d+, since ", done.sentence)
    assert "was undone" not in done.sentence
    assert had == seven.schema()
    for site in (SEVEN, BESIDE):
        assert f"200 {seven.number}" == seven.shown(site)
    assert "" == estate.left()
    farm.unchanged("--refresh")
