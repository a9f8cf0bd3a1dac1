"""Random steps on doubles: a small sample each time, and as many as somebody asks for.

``AEGIR_DOUBLE_STEPS=100000 AEGIR_RANDOM_SEED=3 tools/env pytest tests/provider/test_random.py`` makes others.
"""

from __future__ import annotations

import copy
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pulumi.dynamic import UpdateResult

from aegir_components.providers import site_config
from aegir_components.testing.engine import Killed
from tests.random import edits
from tests.random.doubles import OnDoubles
from tests.random.driver import Driver
from tests.random.world import FIRST

pytestmark = pytest.mark.slow

STEPS = int(os.environ.get("AEGIR_DOUBLE_STEPS") or 60)
SEED = int(os.environ.get("AEGIR_RANDOM_SEED") or 0)
SEEDS = [SEED] if SEED else [2, 3]
"""The first one renames a database's entry, is killed, and takes the edit back: the hub had given itself another password."""


@pytest.mark.timeout(120 + 3 * STEPS)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("seed", SEEDS)
def test_no_step_on_doubles_loses_anything(
    seed: int, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    with OnDoubles.made(tmp_path / "world", seed) as world:
        driver = Driver(world, seed)
        driver.run(STEPS)
    counts = ", ".join(f"{kind} {count}" for kind, count in sorted(driver.counts.items()))
    record_property(f"random steps on doubles, seed {seed}", counts)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("killed", sorted(FIRST))
def test_a_web_server_joins_while_the_engine_ends_and_the_edit_is_taken_back(
    killed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the killed run has copied there is gone again: it would stand in the way of a later move."""
    update = site_config.SiteConfigurationProvider.update

    def last(self: site_config.SiteConfigurationProvider, id_: str, olds: Any, news: Any) -> UpdateResult:
        done = update(self, id_, olds, news)
        if news["site"] == killed:
            raise Killed
        return done

    with OnDoubles.made(tmp_path / "world", seed=1) as world:
        before = copy.deepcopy(world.settings)
        edits.cluster(world, random.Random(1))
        with monkeypatch.context() as patch:
            patch.setattr(site_config.SiteConfigurationProvider, "update", last)
            with pytest.raises(Killed):
                world.up()
        assert killed in _sites_on(world, "web2")
        world.settings = before
        ended = world.up()
        assert ended.ok, ended.output
        assert set() == _sites_on(world, "web2")
        assert [] == world.missing()


def _sites_on(world: OnDoubles, host: str) -> set[str]:
    items = world.farm.hosts[f"{host}.lab.test"].items
    return {key for key in world.kept.values() if any(name.endswith(f"/{key}/site/files/own.txt") for _, name in items)}
