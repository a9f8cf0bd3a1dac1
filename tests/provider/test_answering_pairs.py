"""Who is asked before and after a release for a cluster: each site once before, and on each web server after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from aegir_components.applications import Answer
from aegir_components.deploy import holding
from aegir_components.testing.farm import BROKEN
from tests.matrix.engine import Stopped
from tests.matrix.world import NEW, Machines, World

CODE = "code"


class Asked:
    """What the web servers answer, and who was asked."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world = world
        self.asked: Counter[tuple[str, str]] = Counter()
        self.down: Callable[[str, str, bool], bool] = lambda _address, _site, _new: False
        self.servers: list[str] = world.config["clusters"][world.config["platforms"][CODE]["server"]]["servers"]
        self.former = self.live()
        usual = Machines.get

        def get(farm: Machines, address: str, port: int, host: str, path: str = "/", **given: Any) -> Answer:
            if "aegir-health" in path:
                self.asked[address, host] += 1
                if self.down(address, host, self.has(self.server(address), host) != self.former[self.server(address)]):
                    return BROKEN
            return usual(farm, address, port, host, path, **given)

        monkeypatch.setattr(Machines, "get", get)

    def server(self, address: str) -> str:
        return next(name for name in self.servers if self.world.machine(name).address == address)

    def live(self) -> dict[str, str]:
        return {name: self.world.machine(name).target(f"/var/aegir/platforms/{CODE}") for name in self.servers}

    def has(self, server: str, site: str) -> str:
        """Give the release that a site has on a web server."""
        held = holding.read(self.world.machine(server).content(f"/var/aegir/config/sites.d/{CODE}/.held"))
        return held[site].release if site in held else self.live()[server]

    def change_code(self) -> None:
        source = Path(self.world.config["platforms"][CODE]["source"], "new.txt")
        source.write_text(f"{self.live()}")

    def places(self) -> list[tuple[str, str]]:
        sites = [name for name, site in self.world.config["sites"].items() if site["platform"] == CODE]
        return [(self.world.machine(name).address, site) for name in self.servers for site in sites]


def _at(place: tuple[str, str], address: str, site: str, new: bool, *, new_only: bool) -> bool:
    return (address, site) == place and (new or not new_only)


def _elsewhere(well: str, down: str, address: str, site: str, new: bool) -> bool:
    return site == down and (new or address != well)


@pytest.fixture
def asked(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Asked:
    world = World.made(tmp_path_factory.mktemp("pairs"), "cluster")
    world.config["sites"][NEW] = {"platform": CODE, "database": "db1"}
    world.stack.up()
    found = Asked(world, monkeypatch)
    found.change_code()
    return found


def test_before_a_release_a_site_is_asked_once_and_after_it_on_each_web_server(asked: Asked) -> None:
    asked.world.stack.up()
    assert all(asked.live()[name] != asked.former[name] for name in asked.servers)
    assert set(asked.places()) == set(asked.asked)
    assert 3 * len(asked.places()) / 2 == sum(asked.asked.values())


def test_a_site_that_a_release_breaks_on_one_web_server_is_held_back_wherever_it_was_asked_before(asked: Asked) -> None:
    for place in asked.places():
        asked.former = asked.live()
        asked.change_code()
        asked.down = partial(_at, place, new_only=True)
        with pytest.raises(Stopped, match="1 site is held back"):
            asked.world.stack.up()
        told = next(text for text in asked.world.stack.told if "1 of 2 sites that answered before" in text)
        assert f"{place[1]} on {asked.server(place[0])}" in told
        for address, site in asked.places():
            is_former = asked.has(asked.server(address), site) == asked.former[asked.server(address)]
            assert is_former is (site == place[1])
        asked.down = lambda _address, _site, _new: False
        asked.change_code()
        asked.world.stack.up()


def test_a_site_that_is_down_already_on_one_web_server_holds_nothing_up_and_is_named(asked: Asked) -> None:
    named = []
    for place in asked.places():
        asked.down = partial(_at, place, new_only=False)
        asked.former = asked.live()
        asked.change_code()
        asked.world.stack.up()
        assert all(asked.live()[name] != asked.former[name] for name in asked.servers)
        told = [text for text in asked.world.stack.told if "with the former release as with the new one" in text]
        assert all(f"{place[1]} on {asked.server(place[0])}: answers 500" in text for text in told)
        named += [place] * len(told)
    # Where it was asked before the switch it counts as down, as a site does that is down everywhere.
    assert len(asked.places()) / 2 == len(named)


def test_a_site_that_is_down_where_it_is_asked_first_is_protected_where_it_answers(asked: Asked) -> None:
    site = asked.places()[0][1]
    for well in {address for address, _ in asked.places()}:
        asked.former = asked.live()
        asked.change_code()
        asked.down = partial(_elsewhere, well, site)
        with pytest.raises(Stopped, match="1 site is held back"):
            asked.world.stack.up()
        told = next(text for text in asked.world.stack.told if "sites that answered before" in text)
        assert f"{site} on {asked.server(well)}" in told
        assert asked.has(asked.server(well), site) == asked.former[asked.server(well)]
        asked.down = lambda _address, _site, _new: False
        asked.change_code()
        asked.world.stack.up()
