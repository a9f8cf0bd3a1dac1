"""Backups of Drupal sites on two web servers that share uploads, and of all that was on a server."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

import pytest

from aegir_components import layout
from lab import HostSpec, Lab
from tests.integration.backing import ROOT, STACK, Backed, stack_text
from tests.integration.farm import fetch, hub_settings
from tests.integration.project import Project

pytestmark = [pytest.mark.long, pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(900)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
SITES = ("one.example.com", "two.example.com")
SHARED = "/srv/shared"


@pytest.fixture(scope="module")
def backed(lab_factory: LabFactory, drupal10: Path, tmp_path_factory: pytest.TempPathFactory) -> Backed:
    lab = lab_factory("backups-drupal", [HostSpec("web1", image="web"), HostSpec("db1", image="db")])
    web, database = lab.host("web1"), lab.host("db1")
    work = Project(tmp_path_factory.mktemp("drupal"))
    web.run(f"mkdir -p {SHARED}")
    settings = {
        "hub": {**hub_settings(lab), "root": str(work.hub)},
        "servers": {
            web.spec.fqdn: {"address": web.address, "services": {"web": "apache"}},
            database.spec.fqdn: {"address": database.address, "services": {"database": "mysql"}},
        },
        "clusters": {"farm": {"servers": [web.spec.fqdn], "uploads": {"path": SHARED}}},
        "platforms": {"code": {"server": "farm", "source": str(drupal10)}},
        "sites": {name: {"platform": "code", "profile": "minimal"} for name in SITES},
        "backups": {"to": ["hub"]},
    }
    farm = Backed(lab=lab, work=work, settings=settings)
    work.add(STACK, stack_text(settings))
    work.up(STACK)
    for name in SITES:
        home, user = layout.uploads_directory(SHARED, name), layout.system_user(name)
        web.run(
            f"echo 'of {name}' >{home}/files/own.txt; echo secret >{home}/private/own.txt; "
            f"echo exported >{layout.site_configuration(ROOT, name)}/system.site.yml; "
            f"chown {user}: {home}/files/own.txt {home}/private/own.txt"
        )
    return farm


def content(farm: Backed, name: str) -> tuple[str, str, str, int]:
    """Give what a site holds, and whether it answers."""
    home = layout.uploads_directory(SHARED, name)
    files = f"cd {home}; find files private -type f -exec sha256sum {{}} + -printf '%p %m %U:%G\\n' | sort"
    title = farm.sql(name, "SELECT COUNT(*) FROM users_field_data")
    exported = farm.web.run(f"cat {layout.site_configuration(ROOT, name)}/*").stdout
    return farm.web.run(files).stdout, title, exported, fetch(farm.web, name).status


def test_all_that_was_on_a_server_comes_back_side_by_side(backed: Backed) -> None:
    before = {name: content(backed, name) for name in SITES}
    backed.aegir("backup --all")
    assert [True, True] == [one["proven"] and one["complete"] for name in SITES for one in backed.backups(name)]
    assert "2" == before[SITES[0]][1], "the anonymous visitor, and the administrator"
    moment = datetime.now().astimezone()
    while int(time.time()) <= int(moment.timestamp()):
        time.sleep(0.05)
    for name in SITES:
        backed.sql(name, "DELETE FROM users_field_data")
        backed.web.run(f"rm -r {layout.uploads_directory(SHARED, name)}/files/own.txt")
    backed.aegir("backup --all")

    at = f"{moment:%Y-%m-%dT%H:%M:%S}"
    said = backed.aegir("restore --database-server db1.lab.test", "--at", at, "--yes")
    assert 2 == said.count("It answers")
    said = backed.aegir("restore --server web1.lab.test", "--at", at, "--yes")
    assert 2 == said.count("It answers")

    assert before == {name: content(backed, name) for name in SITES}
    backed.work.pulumi("up", "--yes", "--skip-preview", "--refresh", "--expect-no-changes", "--stack", STACK)


def test_a_backup_is_put_into_another_site(backed: Backed) -> None:
    one, two = SITES
    backed.sql(one, "CREATE TABLE mark (id int PRIMARY KEY); INSERT INTO mark VALUES (1)")
    backed.aegir("backup", one)

    backed.aegir("restore", one, "--as", two, "--yes")

    assert "1" == backed.sql(two, "SELECT id FROM mark")
    assert f"of {one}" == backed.web.run(f"cat {layout.uploads_directory(SHARED, two)}/files/own.txt").stdout.strip()
    assert 200 == fetch(backed.web, two).status
    owner = backed.web.run(f"stat -c %U {layout.uploads_directory(SHARED, two)}/files/own.txt").stdout.strip()
    assert layout.system_user(two) == owner
    assert "before a restore" == backed.backups(two)[-1]["why"]


def test_a_database_of_other_code_is_rejected(backed: Backed) -> None:
    before = content(backed, SITES[0])
    book = next((backed.work.hub / "records" / "backups").glob("*.json"))
    book.write_text(book.read_text().replace('"release": "code ', '"release": "code 0'))
    known = next(name for name in SITES if any("code 0" in one["release"] for one in backed.backups(name)))

    said = backed.aegir("restore", known, "--yes", status=1)

    assert "belongs to release 0" in said
    assert "rollback: 0" in said
    assert before == content(backed, SITES[0])
