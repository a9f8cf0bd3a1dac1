"""A site that can be made on some web servers only, and that the operator then takes back, leaves nothing."""

from __future__ import annotations

import pytest

from tests.matrix.engine import Stopped
from tests.matrix.world import NEW, World


@pytest.fixture
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World.made(tmp_path_factory.mktemp("half"), "cluster")


def of_the_site(world: World) -> list[str]:
    return [f"{host.name}: {name}" for host in world.farm.hosts.values() for _, name in host.items if NEW in name]


@pytest.mark.parametrize("failing", [0, 1])
def test_what_was_made_of_it_goes_in_the_same_run_and_is_made_when_it_stays_declared(
    world: World, failing: int
) -> None:
    group = next(iter(world.config["clusters"].values()))
    machine = world.machine(group["servers"][failing])
    world.config["sites"][NEW] = {"platform": "code", "database": "db1"}
    machine.stderr = "cannot write: No space left on device"
    with pytest.raises(Stopped, match="No space left"):
        world.stack.up()
    machine.stderr = ""
    assert [] == [text for text in of_the_site(world) if not text.startswith("db1")]

    del world.config["sites"][NEW]
    before = world.content()
    world.stack.up()
    assert [] == of_the_site(world)
    assert before.keys() == world.content().keys()

    world.config["sites"][NEW] = {"platform": "code", "database": "db1"}
    world.stack.up()
    world.fill(NEW)
    assert [] == world.missing()
    assert {} == world.stack.refresh()
