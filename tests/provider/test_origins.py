"""An origin counts once: it is no change afterwards, no state keeps it, and accounts keep their passwords."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aegir_components.origins import definition, landing, loaded
from tests.provider import test_contract
from tests.provider.test_contract import SITE, Driver, World, driver

world = test_contract.world
"""The machines of the contract."""
ORIGIN = json.dumps({"database": "/srv/moves/a secret word.sql", "prefix": "", "parts": {}, "kind": loaded.OWN})


@pytest.fixture
def loads(world: World, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Stand in for the load of a dump; give the sites that were loaded."""
    done: list[str] = []

    def load(site: landing.Site, given: dict[str, Any]) -> landing.Load:
        assert "/srv/moves/a secret word.sql" == given["database"]

        def put(staged: list[Any]) -> list[str]:
            del staged
            server = world.farm.hosts["db1"].mysql
            assert server is not None
            server.databases[site.database.name] |= {"done": 1, "users": 3}
            done.append(site.source.site)
            return []

        return put

    def land(site: landing.Site, load: landing.Load) -> bool:
        load([])
        site.note(site.kind)
        return True

    monkeypatch.setattr(definition, "load", load)
    monkeypatch.setattr(landing, "land", land)
    return done


def made(world: World) -> Driver:
    inputs = {**test_contract._installation(world), **test_contract._accounts(world), "origin": ORIGIN}
    return driver("installation", world, inputs)


def test_it_is_used_once_and_is_no_change_afterwards(world: World, loads: list[str]) -> None:
    site = made(world)
    site.create()
    assert [SITE] == loads
    assert loaded.OWN == site.outs["loaded"]
    assert "a secret word" not in json.dumps(site.outs)
    without = {key: value for key, value in site.inputs.items() if key != "origin"}
    for news in (site.inputs, without, {**without, "origin": "another one"}):
        assert not site.diff(news).changes

    without["title"] = "Another title"
    site.update(without)

    assert [SITE] == loads
    assert loaded.OWN == site.outs["loaded"]
    site.read()
    assert loaded.OWN == site.outs["loaded"]
    assert not site.diff(without).changes


def test_a_state_of_today_knows_of_no_origin_and_sees_no_change(world: World) -> None:
    site = test_contract.created("installation", world)
    assert "loaded" not in site.outs
    assert not site.diff({**site.inputs, "origin": ORIGIN}).changes
