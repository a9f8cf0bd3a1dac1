"""Ctrl-C in the middle of several sites: each site is whole, and who pressed it reads what became of each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from lab import HostSpec, Lab
from tests.integration.backing import STACK, Backed, made
from tests.integration.operators import begin

pytestmark = [pytest.mark.cold, pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(600)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
SITES = [f"site{number}.example.com" for number in range(1, 7)]
"""More than are worked on at once."""
ENDED, WORKING, LEFT = "ended", "at work when interrupted", "not begun"
VERSION = "SELECT option_value FROM wp_options WHERE option_name = 'db_version'"


@pytest.fixture(scope="module")
def backed(lab_factory: LabFactory, wordpress: Path, tmp_path_factory: pytest.TempPathFactory) -> Backed:
    lab = lab_factory("interrupted", [HostSpec("web1", image="web"), HostSpec("db1", image="db")])
    return made(
        lab, tmp_path_factory.mktemp("interrupted"), wordpress, {name: {"cron": "off"} for name in SITES}, to=["hub"]
    )


def interrupted(backed: Backed, moment: str, *words: str) -> dict[str, str]:
    """Press Ctrl-C when something is so on the web server, and give what was told of each site."""
    started = begin(backed.work, *words, "--stack", STACK)
    loop = f"for i in $(seq 3000); do if {moment}; then echo seen; break; fi; sleep 0.02; done"
    assert "seen" in backed.web.run(loop, timeout=120).stdout
    started.interrupt()
    status, _, said = started.end(120)
    assert 130 == status, said
    assert "Traceback" not in said
    told: dict[str, str] = {}
    for kind, names in re.findall(rf"^aegir: ({ENDED}|{WORKING}|{LEFT}): (.+)$", said, re.MULTILINE):
        told |= dict.fromkeys(names.split(", "), kind)
    assert set(SITES) == told.keys(), said
    assert {WORKING, LEFT} <= set(told.values()), said
    return told


def content(backed: Backed, site: str) -> tuple[str, str]:
    return backed.rows(site), backed.tree(site)


def test_ctrl_c_in_a_restore_leaves_each_site_as_it_was_or_restored(backed: Backed) -> None:
    had = {site: content(backed, site) for site in SITES}
    backed.aegir("backup", "--all")
    for site in SITES:
        backed.sql(site, "CREATE TABLE later (id int PRIMARY KEY); INSERT INTO later VALUES (7)")
        backed.web.run(f"echo later >{backed.files(site)}/later.txt")
    now = {site: content(backed, site) for site in SITES}

    told = interrupted(backed, "ls /var/lib/aegir/closed/* >/dev/null 2>&1", "restore", "--all", "--yes")

    for site, kind in told.items():
        assert content(backed, site) == (now if kind == LEFT else had)[site], f"{site}: {kind}"
        assert 200 == backed.status(site)
    history = backed.aegir("history")
    for site, kind in told.items():
        assert bool(re.search(rf" restore \w+ +{site} ", history)) is (kind != LEFT)
    left = [site for site, kind in told.items() if kind == LEFT]
    backed.aegir("restore", *left, "--yes")
    assert had == {site: content(backed, site) for site in SITES}


def test_ctrl_c_in_an_update_leaves_each_site_with_its_database_of_before_or_updated(backed: Backed) -> None:
    had = {site: content(backed, site) for site in SITES}
    current = backed.sql(SITES[0], VERSION)
    former = str(int(current) - 1)
    for site in SITES:
        backed.sql(site, f"UPDATE wp_options SET option_value = '{former}' WHERE option_name = 'db_version'")

    told = interrupted(backed, "ls -d /var/lib/aegir/rehearsal/*/ >/dev/null 2>&1", "update", "--all")

    for site, kind in told.items():
        assert (former if kind == LEFT else current) == backed.sql(site, VERSION), f"{site}: {kind}"
        assert had[site] == content(backed, site)
        assert 200 == backed.status(site)
    assert all(
        ": no updates are pending" in line for line in backed.aegir("update", "--all").splitlines() if line in told
    )
    assert {current} == {backed.sql(site, VERSION) for site in SITES}
    backed.work.pulumi("up", "--yes", "--skip-preview", "--refresh", "--expect-no-changes", "--stack", STACK)
