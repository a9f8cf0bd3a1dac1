"""Sites that are started from their backups in a scratch place: Drupal 10, Drupal 7 and WordPress."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from aegir_components import layout
from lab import HostSpec, Lab
from tests import codebases
from tests.integration.backing import ROOT, STACK, Backed, stack_text
from tests.integration.farm import web_and_database
from tests.integration.project import Project

pytestmark = [pytest.mark.long, pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(900)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
CODES = ("wordpress", "drupal10", "drupal7")
WORDPRESS = "wordpress.example.com"
NEEDS_MARK = """<?php
if (PHP_SAPI === 'cli' && getenv('AEGIR_COPY')) {
  $mark = new mysqli(explode(':', DB_HOST)[0], DB_USER, DB_PASSWORD, DB_NAME);
  $mark->query("SHOW TABLES LIKE 'mark'")->num_rows || exit('the mark is missing');
}
"""


@pytest.fixture(scope="module")
def backed(lab_factory: LabFactory, tmp_path_factory: pytest.TempPathFactory) -> Backed:
    found = {code: source for code in CODES if (source := codebases.locate(code)) is not None}
    if "wordpress" not in found:
        codebases.ask("wordpress")
    lab = lab_factory("backups-start", [HostSpec("web1", image="web"), HostSpec("db1", image="db")])
    work = Project(tmp_path_factory.mktemp("start"))
    settings = web_and_database(lab, source=found["wordpress"], sites={})
    settings["hub"]["root"] = str(work.hub)
    settings["backups"] = {"to": ["hub"]}
    server = lab.host("web1").spec.fqdn
    settings["platforms"] = {code: {"server": server, "source": str(source)} for code, source in found.items()}
    settings["sites"] = {
        f"{code}.example.com": {"platform": code, **({} if code == "wordpress" else {"profile": "minimal"})}
        for code in found
    }
    work.add(STACK, stack_text(settings))
    work.up(STACK)
    return Backed(lab=lab, work=work, settings=settings)


def started(farm: Backed, site: str) -> dict[str, Any]:
    """Give what is known of the start from a site's newest backup."""
    found: dict[str, Any] = farm.backups(site)[-1]["start"]
    return found


def left(farm: Backed) -> str:
    """List what a start may have left on the machines."""
    places = farm.web.run(
        "ls /var/lib/aegir/rehearsal /run/aegir/updates 2>/dev/null; grep rehearsal /proc/mounts", check=False
    )
    accounts = farm.database.run(
        "mysql -N -e \"SELECT user FROM mysql.user WHERE user LIKE 'aegirnew%'; SHOW DATABASES LIKE 'aegir_proof%'\""
    )
    return "".join(line for line in (places.stdout + accounts.stdout).splitlines() if not line.endswith(":"))


def test_each_application_starts_from_its_backup_and_leaves_nothing(backed: Backed) -> None:
    sites = list(backed.settings["sites"])
    # What lies in a scratch schema never runs with the rights of the hub.
    backed.database.run(
        "mysql",
        input="SET GLOBAL event_scheduler = ON; CREATE DATABASE marks; CREATE TABLE marks.seen (t text);"
        f"USE {layout.database_name(WORDPRESS)};"
        "CREATE EVENT ticks ON SCHEDULE EVERY 1 SECOND DO INSERT INTO marks.seen SELECT DATABASE();",
    )

    said = backed.aegir("backup --all", "--prove", "boot")

    assert len(sites) == said.count("its front page comes from the restored data"), said
    assert all(started(backed, site)["ok"] for site in sites)
    listed = backed.aegir("backups")
    assert len(sites) == listed.count("started: its front page comes from the restored data")
    assert "" == left(backed)
    assert "aegir_proof" not in backed.database.run("mysql -N -e 'SELECT DISTINCT t FROM marks.seen'").stdout
    backed.database.run("mysql -e 'SET GLOBAL event_scheduler = OFF; DROP DATABASE marks'")
    assert {200} == {backed.status(site) for site in sites}


def test_it_starts_from_the_backup_and_not_from_what_the_site_has_now(backed: Backed) -> None:
    home = layout.site_linked(ROOT, WORDPRESS)
    backed.sql(WORDPRESS, "CREATE TABLE mark (id int PRIMARY KEY)")
    # Code of the site's own that needs a table, as modules and plugins do.
    backed.web.run(f"cat >{home}/local.wp-config.php && chmod 644 {home}/local.wp-config.php", input=NEEDS_MARK)
    backed.aegir("backup", WORDPRESS)
    assert started(backed, WORDPRESS) is None, "it is started when somebody asks, or once a week with `prove: boot`"
    first = backed.backups(WORDPRESS)[-1]["id"]
    backed.sql(WORDPRESS, "DROP TABLE mark")

    backed.aegir("backups prove", WORDPRESS, first, "--boot")

    assert started(backed, WORDPRESS)["ok"]
    backed.aegir("backup", WORDPRESS)
    backed.sql(WORDPRESS, "CREATE TABLE mark (id int PRIMARY KEY)")
    said = backed.aegir("backups prove", WORDPRESS, "--boot", status=3)
    assert "the site does NOT START from it" in said
    assert "the mark is missing" in said, "a table that is there now is not in the backup"
    assert "" == left(backed)
    backed.web.run(f"rm {home}/local.wp-config.php")


def test_a_whole_database_whose_site_does_not_start_is_reported(backed: Backed) -> None:
    site = "drupal10.example.com"
    if site not in backed.settings["sites"]:
        codebases.ask("drupal10")
    backed.aegir("backup", site)
    good = backed.backups(site)[-1]["id"]
    caches = backed.sql(site, "SHOW TABLES LIKE 'cache%'").split()
    backed.sql(site, "".join(f"TRUNCATE {table};" for table in caches))
    backed.sql(site, "DELETE FROM config WHERE name = 'core.extension'")

    said = backed.aegir("backup", site, "--prove", "boot", status=3)

    assert "the site does NOT start from it" in said
    last = backed.backups(site)[-1]
    assert (True, False) == (last["proven"], last["start"]["ok"])
    backed.edit(prove="boot")
    assert "it does not start from its backup" in backed.work.aegir("status", STACK, status=3).output
    said = backed.aegir("restore", site, "--yes")
    assert f"backup {good}" in said, "the last one that nothing speaks against"
    assert 200 == backed.status(site)
    backed.aegir("backup", site)
    assert started(backed, site)["ok"], "after a start that failed the next backup is started from too"
    backed.aegir("backup", site)
    assert started(backed, site) is None, "once a week"
    backed.edit(prove="each")


def test_while_an_update_is_at_work_nothing_is_started_and_nothing_restored(backed: Backed) -> None:
    lock = f"aegir-update-{layout.database_name(WORDPRESS)}"
    free = f"[ $(mysql -Ne \"SELECT IS_FREE_LOCK('{lock}')\") = 1 ]"
    backed.database.run(
        f"systemd-run --unit=held mysql -e \"SELECT GET_LOCK('{lock}', 1), SLEEP(600)\"; while {free}; do sleep 0.1; done"
    )
    try:
        said = backed.aegir("backup", WORDPRESS, "--prove", "boot", status=3)
        rejected = backed.aegir("restore", WORDPRESS, "--yes", status=1)
    finally:
        # The server sees some seconds later that the client has gone.
        backed.database.run(f"systemctl stop held; until {free}; do sleep 0.1; done")
    assert "an update of the site is at work" in said
    assert f"an update of {WORDPRESS} is at work, on this hub or on another one. Nothing was changed" in rejected
    assert 200 == backed.status(WORDPRESS)
    last = backed.backups(WORDPRESS)[-1]
    assert (True, None) == (last["proven"], last["start"])


def test_a_site_that_was_renamed_since_comes_back(backed: Backed) -> None:
    new = "renamed.example.com"
    backed.sql(WORDPRESS, "CREATE TABLE former (id int PRIMARY KEY)")
    backed.web.run(f"echo kept >{backed.files(WORDPRESS)}/kept.txt")
    backed.aegir("backup", WORDPRESS)
    last = backed.backups(WORDPRESS)[-1]["id"]
    backed.settings["sites"][new] = {**backed.settings["sites"].pop(WORDPRESS), "formerly": WORDPRESS}
    backed.up()
    backed.sql(WORDPRESS, "DROP TABLE former")
    backed.web.run(f"rm {backed.files(WORDPRESS)}/kept.txt")

    said = backed.aegir("restore", new, "--yes")

    assert f"{new} is restored from backup {last}" in said
    assert "former" == backed.sql(WORDPRESS, "SHOW TABLES LIKE 'former'")
    assert "kept" == backed.web.run(f"cat {backed.files(WORDPRESS)}/kept.txt").stdout.strip()
    assert (200, 404) == (backed.status(new), backed.status(WORDPRESS))
    backed.aegir("backup", new, "--prove", "boot")
    assert started(backed, new)["ok"]
