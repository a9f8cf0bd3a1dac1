"""The table of seconds of the tests on hosts, and the order that follows from it."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from lab import usage
from tests.integration import times
from tests.integration.ledger import Ledger

HERE = Path(__file__).resolve().parents[1] / "integration"


def spans(order: list[str], seconds: dict[str, float], workers: int) -> dict[str, tuple[float, float]]:
    """Say from when until when each file runs, as xdist hands files out."""
    free, found = [0.0] * workers, {}
    for file in order:
        begun = min(free)
        free[free.index(begun)] = begun + seconds[file]
        found[file] = (begun, begun + seconds[file])
    return found


def test_the_longest_file_begins_first_and_equals_go_by_name() -> None:
    assert ["c", "a", "b"] == times.arranged({"b": 1, "a": 1, "c": 5}, (), 2)


@pytest.mark.parametrize("workers", [2, 3, 4])
def test_no_two_heavy_files_run_at_once_while_there_are_others(workers: int) -> None:
    seconds = {f"heavy{number}": 50.0 - number for number in range(3)} | {
        f"other{number}": 20.0 for number in range(30)
    }
    heavy = {file for file in seconds if file.startswith("heavy")}

    order = times.arranged(seconds, heavy, workers)

    assert sorted(seconds) == sorted(order)
    found = sorted(span for file, span in spans(order, seconds, workers).items() if file in heavy)
    assert all(first[1] <= second[0] for first, second in itertools.pairwise(found))
    assert max(end for _, end in spans(order, seconds, workers).values()) <= sum(seconds.values()) / workers + 50


def test_heavy_files_alone_are_run_all_the_same() -> None:
    assert ["b", "a"] == times.arranged({"a": 1, "b": 2}, {"a", "b"}, 2)


def test_what_a_run_measured_is_entered_and_the_rest_stays(tmp_path: Path) -> None:
    table = tmp_path / "times.json"
    times.enter(table, {"one.py": {"total": 7.4, "tests": 2}, "two.py": {"total": 3.6, "tests": 1}})
    times.enter(table, {"two.py": {"total": 9.6, "tests": 1}})

    assert {"one.py": 7, "two.py": 10} == times.read(table)
    assert {} == times.read(tmp_path / "none.json")


def test_the_table_has_no_file_that_is_gone() -> None:
    files = {f"tests/integration/{path.name}": path.read_text() for path in HERE.glob("test_*.py")}

    assert set() == set(json.loads(times.TABLE.read_text())) - set(files)


def test_processor_time_goes_to_the_file_whose_tests_ran() -> None:
    book = Ledger()
    book.begin("one.py")
    sum(number * number for number in range(2_000_000))
    book.begin("two.py")
    book.begin()

    assert book.rows["one.py"].besides > 10 * book.rows["two.py"].besides >= 0


@pytest.mark.parametrize(
    ("lines", "path", "text"),
    [
        pytest.param(
            "3:cpuacct,cpu:/pods/one\n0::/pods/one/init.scope", "cpuacct/pods/one/cpuacct.usage", "2500000000\n", id="1"
        ),
        pytest.param("0::/pods/one/init.scope", "pods/one/cpu.stat", "usage_usec 2500000\nuser_usec 1\n", id="2"),
    ],
)
def test_processor_time_of_a_host_is_read_from_its_control_group(lines: str, path: str, text: str) -> None:
    files = {usage.CGROUPS / path: text}
    assert 2.5 == usage.of_group(lines, files.__getitem__)
