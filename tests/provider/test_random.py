"""Random steps on doubles: a small sample each time, and as many as somebody asks for.

``AEGIR_DOUBLE_STEPS=100000 AEGIR_RANDOM_SEED=3 tools/env pytest tests/provider/test_random.py`` makes others.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.random.doubles import OnDoubles
from tests.random.driver import Driver

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
