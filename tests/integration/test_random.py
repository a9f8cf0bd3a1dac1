"""A fixed sample of random steps on hosts; ``make random STEPS=300 SEED=7`` makes others."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from lab import HostSpec, Lab
from tests.random.driver import Driver
from tests.random.world import HOSTS, OnHosts

pytestmark = [pytest.mark.long, pytest.mark.lab, pytest.mark.slow]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
STEPS = int(os.environ.get("AEGIR_RANDOM_STEPS") or 12)
SEED = int(os.environ.get("AEGIR_RANDOM_SEED") or 1)


@pytest.mark.timeout(120 + 60 * STEPS)
def test_no_step_loses_anything(
    lab_factory: LabFactory, wordpress: Path, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    driver = Driver(OnHosts.made(lab_factory("random", HOSTS), wordpress, tmp_path), SEED)
    driver.run(STEPS)
    record_property(
        f"random steps of seed {SEED}", ", ".join(f"{kind} {count}" for kind, count in driver.counts.items())
    )
