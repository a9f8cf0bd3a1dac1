"""A run that is killed at any point: the next one finishes the job, with no editing of state."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from lab import HostSpec, Lab
from tests.integration.farm import Farm, Running, fetch, web_and_database

pytestmark = [pytest.mark.cold, pytest.mark.long, pytest.mark.lab, pytest.mark.slow]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
NAME = "www.example.com"
HOSTS = [HostSpec("web1", image="web"), HostSpec("db1", image="db")]
POINTS = 10


class Progress:
    """How far a run is: the resources that its state has, as the file backend writes them."""

    def __init__(self, farm: Farm) -> None:
        self.file = farm.state_file

    def resources(self) -> int:
        try:
            found: dict[str, Any] = json.loads(self.file.read_text())
        except (OSError, ValueError):  # not there yet, or being written
            return 0
        return len((found["checkpoint"]["latest"] or {}).get("resources") or [])

    def watch(self, running: Running) -> list[tuple[float, int]]:
        """Note until the run ends when its state grew: seconds since its start, and resources."""
        seen = [(0.0, 0)]
        while running.process.poll() is None:
            count = self.resources()
            if count > seen[-1][1]:
                seen.append((time.monotonic() - running.begun, count))
            time.sleep(0.02)
        return seen

    def wait(self, running: Running, count: int, limit: float = 200) -> None:
        """Wait until the state has so many resources."""
        deadline = time.monotonic() + limit
        while self.resources() < count:
            assert running.process.poll() is None, running.wait().output
            assert time.monotonic() < deadline, f"not {count} resources within {limit:g} s"
            time.sleep(0.02)


def points_of(seen: list[tuple[float, int]], number: int) -> list[tuple[int, float, float]]:
    """Choose points of a run, equally far apart: the resources that are there by then, and when the last came and since when.

    A run that is faster or slower than the one that was watched is killed at the same work, so that none is over before.
    """
    begin, end = 1.5, seen[-1][0]  # Pulumi's own start takes the first part, and is of no interest
    chosen = []
    for point in range(1, number + 1):
        after = begin + (end - begin) * point / (number + 1)
        last, count = max(one for one in seen if one[0] <= after)
        chosen.append((count, last, after - last))
    return chosen


@pytest.mark.timeout(900)
def test_killed_at_ten_points_of_a_first_up_the_next_up_finishes_the_job(
    lab_factory: LabFactory, wordpress: Path, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """SIGKILL for Pulumi and all that it has started, ssh's connections too; each time on hosts as they were made."""
    lab = lab_factory("killed", HOSTS)
    whole = Farm(tmp_path / "whole", web_and_database(lab, source=wordpress))
    running = whole.start("up", "--yes", "--skip-preview")
    seen = Progress(whole).watch(running)
    assert running.wait().status == 0
    reached, over = [], 0
    for point, (count, last, more) in enumerate(points_of(seen, POINTS), 1):
        for name in ("web1", "db1"):
            lab.host(name).remove()
        lab.up(HOSTS)
        farm = Farm(tmp_path / f"point{point}", web_and_database(lab, source=wordpress))
        running = farm.start("up", "--yes", "--skip-preview")
        Progress(farm).wait(running, count)
        # How far into the next piece of work it is killed: any place in it is as good as another. It is as much faster as
        # this run was until now, on a machine that is less busy than it was at first.
        time.sleep(more * min(1.0, (time.monotonic() - running.begun) / last if last else 1.0))
        if running.process.poll() is not None:
            over += 1
            continue
        running.kill()
        there = len(farm.export()["deployment"].get("resources", []))
        reached.append(f"{count} and {more:.1f} s: {there}")

        farm.cancel()
        farm.up()

        assert fetch(lab.host("web1"), NAME).status == 200, f"killed {more:.1f} s after {count} resources"
        farm.unchanged("--refresh")
    assert over <= 1, f"{over} runs were over before they were killed: {reached}"
    record_property("killed after (resources in the state and seconds: resources found)", "; ".join(reached))
