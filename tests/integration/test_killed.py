"""A run that is killed at any point: the next one finishes the job, with no editing of state."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from lab import HostSpec, Lab
from tests.integration.farm import Farm, fetch, web_and_database

pytestmark = [pytest.mark.long, pytest.mark.lab, pytest.mark.slow]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
NAME = "www.example.com"
HOSTS = [HostSpec("web1", image="web"), HostSpec("db1", image="db")]
POINTS = 10


@pytest.mark.timeout(900)
def test_killed_at_ten_points_of_a_first_up_the_next_up_finishes_the_job(
    lab_factory: LabFactory, wordpress: Path, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """SIGKILL for Pulumi and all that it has started, ssh's connections too; each time on hosts as they were made."""
    lab = lab_factory("killed", HOSTS)
    whole = Farm(tmp_path / "whole", web_and_database(lab, source=wordpress)).up().seconds
    reached = []
    for point in range(1, POINTS + 1):
        for name in ("web1", "db1"):
            lab.host(name).remove()
        lab.up(HOSTS)
        farm = Farm(tmp_path / f"point{point}", web_and_database(lab, source=wordpress))
        running = farm.start("up", "--yes", "--skip-preview")
        # Pulumi's own start takes the first part of it, and is of no interest.
        after = 1.5 + (whole - 1.5) * point / (POINTS + 1)
        time.sleep(after)
        if running.process.poll() is not None:
            done = running.wait()
            assert done.status == 0, done.output
            # The machine was busier while the whole run was measured: this one had a lead.
            reached.append(f"over before {after:.1f} s")
            continue
        running.kill()
        reached.append(f"{after:.1f} s: {len(farm.export()['deployment'].get('resources', []))}")

        farm.cancel()
        farm.up()

        assert fetch(lab.host("web1"), NAME).status == 200, f"killed after {after:.1f} s"
        farm.unchanged("--refresh")
    assert len([text for text in reached if "over" in text]) <= POINTS // 3, reached
    record_property("killed after (seconds: resources in the state)", ", ".join(reached))
