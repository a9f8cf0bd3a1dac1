"""The quick way of declaring resources on doubles gives what Pulumi's own SDK gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from aegir_components.testing.engine import Row
from tests.matrix.engine import Stopped
from tests.matrix.world import KINDS, ONE, TWO, World


@pytest.fixture(scope="module", params=sorted(KINDS))
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> World:
    return World.made(tmp_path_factory.mktemp(request.param), request.param)


def by_each(made: World, edit: Callable[[World], None]) -> list[tuple[set[str], Any, dict[str, Row]]]:
    """Bring an edit about both ways, and give for each its steps or failure, its warnings, and the state after it."""
    found = []
    for quick in (False, True):
        made.restore()
        made.stack.quick = quick
        edit(made)
        try:
            done = set(made.stack.up())
        except Stopped as stopped:
            done = set(str(stopped).split("; "))
        # A provider has no data: what is compared of it is what it is.
        state = {urn: replace(row, provider=None) for urn, row in made.stack.state.items()}
        found.append((done, sorted(made.stack.told), state))
    return found


def nothing(_world: World) -> None:
    pass


def aliases(world: World) -> None:
    for name in world.config["sites"]:
        world.config["sites"][name]["aliases"] = [f"also.{name}"]


def unreachable(world: World) -> None:
    aliases(world)
    target = world.config["platforms"][world.config["sites"][ONE]["platform"]]["server"]
    world.machine(world.config.get("packs", {}).get(target, {}).get("master", "web1")).unreachable = True


def removed(world: World) -> None:
    del world.config["sites"][TWO]
    world.config["confirm_removals"] = [TWO]


@pytest.mark.parametrize("edit", [nothing, aliases, unreachable, removed])
def test_both_ways_make_the_same_steps_and_the_same_state(made: World, edit: Callable[[World], None]) -> None:
    slow, quick = by_each(made, edit)
    assert slow[0] == quick[0]
    assert slow[1] == quick[1]
    assert slow[2] == quick[2], "inputs, outputs, and what depends on what"
    assert bool(quick[0]) == (edit is not nothing)
