"""What machines have and a stack does not: from their records to sentences."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from aegir_components.cli import check_stack, leftovers
from aegir_components.facts import inventory
from aegir_components.hub.records import Records
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import HostUnreachable
from aegir_components.scripts import script
from tests.unit.made import accounts
from tests.unit.stacks import SITE, state

HOLDER = "aegir/testing"
MINE = (HOLDER, "code", "/var/aegir/platforms/code")
HOME = f"/var/aegir/platforms/.sites/{SITE}"
ON_DB = {"SiteConfiguration": {"accounts": accounts("db1")}}
WEB = inventory.Inventory(platforms=(MINE,), registered=(("code", SITE),), data={HOME: 12})
DB = inventory.Inventory(databases=(("www_example_com", f"{HOLDER}/{SITE}", 74),))


def said(web: inventory.Inventory = WEB, database: inventory.Inventory = DB) -> list[str]:
    found = leftovers.compare(state(**ON_DB), HOLDER, {"web1": web, "db1": database})
    return [f"{finding.server}: {finding.what}" for finding in found]


def test_machines_that_have_what_the_stack_has_are_not_spoken_of() -> None:
    others = inventory.Inventory(
        platforms=(MINE, ("aegir/other", "theirs", "/srv/theirs")),
        registered=(("code", SITE), ("theirs", "their.example.com")),
        data={HOME: 12, "/srv/.sites/their.example.com": 3},
    )
    database = inventory.Inventory(databases=(*DB.databases, ("their_db", "aegir/other/their.example.com", 9)))
    assert [] == said()
    assert [] == said(others, database)


@pytest.mark.parametrize(
    ("web", "database", "sentence"),
    [
        pytest.param(
            inventory.Inventory(
                platforms=(MINE, (HOLDER, "old", "/srv/old")), registered=WEB.registered, data=WEB.data
            ),
            DB,
            "web1: the platform old is published at /srv/old, and the stack does not have it there",
            id="a platform",
        ),
        pytest.param(
            inventory.Inventory(platforms=(), registered=(), data=WEB.data),
            DB,
            "web1: the platform code is not there, and the state has it there",
            id="a platform is missing",
        ),
        pytest.param(
            inventory.Inventory(
                platforms=(MINE,), registered=(*WEB.registered, ("code", "old.example.com")), data=WEB.data
            ),
            DB,
            "web1: old.example.com is in the registry of the platform code, and the stack has no such site",
            id="an entry of a site",
        ),
        pytest.param(
            inventory.Inventory(
                platforms=(MINE, (HOLDER, "next", "/srv/next")),
                registered=(("code", SITE), ("next", SITE)),
                data=WEB.data,
            ),
            DB,
            f"web1: {SITE} is in the registry of the platform next, and it is on code now",
            id="an entry in a former platform",
        ),
        pytest.param(
            inventory.Inventory(platforms=(MINE,), registered=WEB.registered, data={HOME: 1, "/srv/.sites/x": 312}),
            DB,
            "web1: /srv/.sites/x has 312 files of a site that the stack does not have",
            id="data",
        ),
        pytest.param(
            WEB,
            inventory.Inventory(databases=(*DB.databases, ("old", f"{HOLDER}/old.example.com", 3))),
            "db1: the database old of old.example.com has 3 tables, and the stack has no such site",
            id="a database",
        ),
        pytest.param(
            WEB,
            inventory.Inventory(databases=(("www_example_com", f"{HOLDER}/{SITE}", 0),)),
            f"db1: {SITE} has no database there with anything in it, and the state has it there",
            id="an empty database",
        ),
    ],
)
def test_each_difference_is_a_sentence(web: inventory.Inventory, database: inventory.Inventory, sentence: str) -> None:
    assert sentence in said(web, database)


def test_what_machines_say_is_read() -> None:
    facts = {
        "platforms": "aegir/x a /srv/a\n",
        "registered": "a one\n\n",
        "data": "/srv/.sites/one 3\n",
        "databases": "one\taegir/x/one\t74\n",
    }
    assert inventory.read(facts) == inventory.Inventory(
        platforms=(("aegir/x", "a", "/srv/a"),),
        registered=(("a", "one"),),
        data={"/srv/.sites/one": 3},
        databases=(("one", "aegir/x/one", 74),),
    )
    assert inventory.read({}) == inventory.Inventory()


def test_all_machines_are_looked_at_and_what_a_run_has_left_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: dict[str, list[str]] = {}

    def execute(conn: Connection, mode: str, lines: Iterable[str], **_rest: Any) -> script.Report:
        assert mode == "check"
        asked[conn.host] = [line for line in lines if line.startswith("inventory_")]
        if conn.host == "db1":
            raise HostUnreachable(conn.host, "no route to host")
        return script.Report({"platforms": " ".join(MINE), "registered": f"code {SITE}", "data": f"{HOME} 3"}, (), ())

    monkeypatch.setattr(script, "execute", execute)
    machine = {"connection": {"host": "web1", "address": "10.0.0.2", "hub_root": str(tmp_path)}}
    Records(str(tmp_path), "unfinished").put({}, HOLDER, "release", "/var/aegir/platforms/code")
    Records(str(tmp_path), "unfinished").put({}, "aegir/other", "release", "/var/aegir/platforms/code")
    have = state(Machine=machine)
    found = check_stack.differences(have, HOLDER)
    assert ["inventory_web /var/aegir/platforms"] == [line.replace("'", "") for line in asked["web1"][:1]]
    whats = [finding.what for finding in found]
    assert "a run began to work on release /var/aegir/platforms/code and did not end well" in whats
    assert json.dumps([finding.plain() for finding in found])
