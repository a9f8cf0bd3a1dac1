"""`aegir sync`: a WordPress site gets the content of another one, of its own stack and of another stack of the hub."""

from __future__ import annotations

import copy
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from aegir_components import layout
from lab import HostSpec, Lab
from tests.integration.backing import ROOT, STACK, Backed, made, stack_text
from tests.integration.farm import fetch
from tests.integration.processes import begin, kill, wait_for

pytestmark = [pytest.mark.long, pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(600)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
SITE, TEST, AWAY = "www.example.com", "test.example.com", "away.example.com"
OTHER = "other"
SAID, OWN = "words of the source", "words of the target"
PERSON = "zq101@personal.example"


@pytest.fixture(scope="module")
def farm(lab_factory: LabFactory, wordpress: Path, tmp_path_factory: pytest.TempPathFactory) -> Backed:
    lab = lab_factory("sync", [HostSpec("web1", image="web"), HostSpec("db1", image="db")])
    farm = made(lab, tmp_path_factory.mktemp("sync"), wordpress, {SITE: {}, TEST: {}}, to=["hub"], repositories={})
    farm.sql(
        SITE,
        f"UPDATE wp_posts SET post_content = '<a href=\"http://{SITE}/a\">{SAID}</a> ask {PERSON}' WHERE ID = 1;"
        f"UPDATE wp_users SET user_email = '{PERSON}' WHERE ID = 1;"
        "CREATE TABLE wp_extra (id int PRIMARY KEY, t text); INSERT INTO wp_extra VALUES (1, 'one');",
    )
    farm.sql(TEST, f"UPDATE wp_posts SET post_content = '{OWN}' WHERE ID = 1")
    for site, words in ((SITE, SAID), (TEST, OWN)):
        files, user = farm.files(site), layout.system_user(site)
        farm.web.run(f"mkdir -p {files}/2026; echo '{words}' >{files}/2026/a.txt; chown -R {user}: {files}/2026")
    private = layout.site_private(ROOT, SITE)
    farm.web.run(f"echo '{PERSON}' >{private}/own.txt; chown {layout.system_user(SITE)}: {private}/own.txt")
    return farm


def words(source: str, target: str, *more: str) -> list[str]:
    return ["sync", "--from", source, "--to", target, "--yes", *more]


def content(farm: Backed, site: str) -> str:
    return farm.sql(site, "SELECT post_content FROM wp_posts WHERE ID = 1")


def upload(farm: Backed, site: str) -> str:
    return farm.web.run(f"cat {farm.files(site)}/2026/a.txt").stdout.strip()


def is_as_before(farm: Backed, rows: str, tree: str) -> None:
    assert (rows, tree) == (farm.rows(TEST), farm.tree(TEST))
    assert 200 == farm.status(TEST)
    assert "aegir_proof" not in farm.database.run("mysql -N -e 'SHOW DATABASES'").stdout


def test_what_is_there_and_what_would_come_is_shown_and_nothing_is_done(farm: Backed) -> None:
    rows, tree = farm.rows(TEST), farm.tree(TEST)
    shown = farm.work.printed("sync", "--from", SITE, "--to", f"{STACK}:{TEST}", "--dry-run")
    assert f"There now: {STACK}:{TEST} (development) on platform code (wordpress " in shown
    assert f"Would come: {STACK}:{SITE} (development) on platform code (wordpress " in shown
    assert "database of 13 tables" in shown, shown
    refused = farm.work.aegir("sync", "--from", SITE, "--to", TEST, status=1).output
    assert "without --yes a person has to agree" in refused
    is_as_before(farm, rows, tree)
    assert not (farm.repositories / TEST).exists()


def test_what_fails_in_the_middle_leaves_the_target_as_it_was(farm: Backed) -> None:
    rows, tree, name = farm.rows(TEST), farm.tree(TEST), layout.database_name(TEST)
    with farm.client_that(f'case "$*" in *" {name}") [ -e /tmp/failed ] || {{ touch /tmp/failed; exit 1; }} ;; esac'):
        said = farm.work.aegir(*words(SITE, TEST), status=1).output
    assert f"{TEST} serves what it had; the sync failed at this step: {TEST}: replacing the database" in said
    is_as_before(farm, rows, tree)


def test_the_content_comes_with_the_targets_address_and_the_former_one_comes_back(farm: Backed) -> None:
    rows, tree = farm.rows(TEST), farm.tree(TEST)

    said = farm.work.aegir(*words(f"{STACK}:{SITE}", f"{STACK}:{TEST}")).output

    assert f"{TEST} has the content of {STACK}:{SITE} now" in said
    assert f'<a href="http://{TEST}/a">{SAID}</a> ask {PERSON}' == content(farm, TEST)
    assert "one" == farm.sql(TEST, "SELECT t FROM wp_extra")
    front = fetch(farm.web, TEST).body
    assert f"http://{TEST}/" in front
    assert SITE not in front
    assert SAID == upload(farm, TEST)
    assert layout.system_user(TEST) == farm.web.run(f"stat -c %U {farm.files(TEST)}/2026/a.txt").stdout.strip()
    assert 200 == fetch(farm.web, TEST, "/wp-content/uploads/2026/a.txt").status
    assert PERSON == farm.web.run(f"cat {layout.site_private(ROOT, TEST)}/own.txt").stdout.strip()
    safety = farm.backups(TEST)[-1]
    assert ("before a sync", True) == (safety["why"], safety["proven"])
    assert f"aegir restore {TEST} --stack {STACK} --backup {safety['id']}" in said
    assert f"sync from {STACK}:{SITE}" in farm.aegir("history", TEST)
    assert f"sync to {STACK}:{TEST}" in farm.aegir("history", SITE)
    assert SAID in content(farm, SITE), "the source is as it was"

    farm.aegir("restore", TEST, "--backup", str(safety["id"]), "--yes")

    is_as_before(farm, rows, tree)


def test_a_sync_that_was_killed_is_repaired_by_the_next_one_and_two_at_once_do_not_meet(farm: Backed) -> None:
    rows, tree, name = farm.rows(TEST), farm.tree(TEST), layout.database_name(TEST)
    with farm.client_that(f'case "$*" in *" {name}") touch /tmp/reached; sleep 300; exit 1 ;; esac'):
        running = begun(farm)
        second = farm.work.aegir(*words(SITE, TEST), status=1).output
        kill(running)
    assert "another run on this hub is at work" in second
    assert f"process {running.pid}, since " in second
    assert 503 == farm.status(TEST), "nobody sees half of a site"
    assert rows != farm.rows(TEST)

    said = farm.aegir("restore", TEST, "--yes")

    assert f"a sync of {TEST} from {STACK}:{SITE} did not come to its end; what was there before comes back" in said
    is_as_before(farm, rows, tree)
    with farm.client_that(f'case "$*" in *" {name}") touch /tmp/reached; sleep 300; exit 1 ;; esac'):
        kill(begun(farm))

    said = farm.work.aegir(*words(SITE, TEST, "--database")).output

    assert "what was there before comes back" in said
    assert SAID in content(farm, TEST)
    assert OWN == upload(farm, TEST), "files stay where the database alone comes"
    assert 200 == farm.status(TEST)


def begun(farm: Backed) -> subprocess.Popen[bytes]:
    """Begin a sync, and wait until the target's tables are exchanged."""
    farm.database.run("rm -f /tmp/reached")
    running = begin(farm.work, *words(SITE, TEST))
    wait_for(lambda: farm.database.run("test -e /tmp/reached", check=False).returncode == 0, 200)
    return running


def test_another_stacks_site_gets_sanitised_content(farm: Backed) -> None:
    servers = copy.deepcopy(farm.settings["servers"])
    servers["db1.lab.test"]["services"]["database"] = {"type": "mysql", "admin": {"name": "other_root"}}
    platform = farm.settings["platforms"]["code"]
    settings = {
        "hub": farm.settings["hub"], "servers": servers, "backups": {"to": ["hub"]},
        "platforms": {"away": platform}, "sites": {AWAY: {"platform": "away"}},
    }  # fmt: skip
    farm.work.add(OTHER, stack_text(settings))
    farm.work.up(OTHER)
    away, from_to = f"{OTHER}:{AWAY}", (f"{STACK}:{SITE}", f"{OTHER}:{AWAY}")
    farm.sql(SITE, "CREATE TABLE wp_people (full_name varchar(50)); INSERT INTO wp_people VALUES ('Zq101 Erika')")

    refused = farm.work.aegir(*words(*from_to, "--sanitise", "standard"), status=1).output
    farm.sql(SITE, "DROP TABLE wp_people")
    said = farm.work.aegir(*words(*from_to, "--sanitise", "standard")).output

    assert "nothing was changed" in refused
    assert "columns look personal and have no rule: people.full_name" in refused
    assert f"{AWAY} has the content of {STACK}:{SITE} now" in said
    dump = farm.database.run(f"mysqldump {layout.database_name(AWAY)}").stdout
    assert SAID in dump
    assert "zq101" not in dump.lower()
    assert f"http://{AWAY}/a" in content(farm, AWAY)
    assert SAID == upload(farm, AWAY)
    home = layout.site_directory(ROOT, AWAY)
    assert "own.txt" not in farm.web.run(f"find {home}").stdout
    assert 200 == farm.status(AWAY)
    farm.work.pulumi("up", "--yes", "--skip-preview", "--refresh", "--expect-no-changes", "--stack", OTHER)
    assert "say which one as STACK:" in farm.work.aegir(*words(SITE, away), status=1).output
