"""A wait ends with its condition or with its time."""

from __future__ import annotations

import time

import pytest

from aegir_components.hub import wait


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Give a clock that only sleeping moves."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    return now


@pytest.mark.parametrize(
    ("answers", "seconds", "found", "slept"),
    [
        (["yes"], 0, "yes", 0),
        (["", "", "yes"], 10, "yes", 4),
        (["", "", "yes"], None, "yes", 4),
        (["", "no time for it"], 0, "", 0),
        (["", "", "", "no time for it"], 3, "", 4),
    ],
)
def test_a_function_is_called_until_it_returns_something(
    clock: list[float], answers: list[str], seconds: float | None, found: str, slept: float
) -> None:
    said = iter(answers)

    assert found == wait.until(lambda: next(said), seconds=seconds, pause=2)
    assert 100 + slept == clock[0]


def test_steps_of_one_wait_share_its_time(clock: list[float]) -> None:
    deadline = wait.Deadline(5)

    assert not wait.until(lambda: clock[0] > 200, seconds=deadline, pause=2)
    assert deadline.is_over
    assert not wait.until(lambda: False, seconds=deadline, pause=2)
    assert 106 == clock[0]


@pytest.mark.parametrize(("seconds", "left"), [(None, True), (5.0, True), (4.9, False)])
def test_a_deadline_tells_whether_there_is_time_for_a_longer_pause(
    clock: list[float], seconds: float | None, left: bool
) -> None:
    del clock
    assert left is wait.Deadline(seconds).allows(5)


@pytest.mark.parametrize(("enough", "tried", "slept"), [(1, 1, 0), (3, 3, 4), (9, 4, 8)])
def test_tries_are_counted_however_long_each_takes(clock: list[float], enough: int, tried: int, slept: float) -> None:
    seen = 0
    for number in wait.tries(4, 2):
        clock[0] += 1000
        seen = number + 1
        if seen == enough:
            break
    assert (tried, 100 + 1000 * tried + slept) == (seen, clock[0])
