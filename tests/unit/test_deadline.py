"""Which files of tests are not begun any more when the time is over."""

from __future__ import annotations

import pytest

from tests.deadline import REASON, VARIABLE, Deadline, left_out


def test_a_file_that_is_begun_comes_to_its_end_and_no_further_one_is_begun() -> None:
    now = [100.0]
    deadline = Deadline(200.0, lambda: now[0])
    assert not deadline.leaves_out("a.py")
    now[0] = 201.0
    assert not deadline.leaves_out("a.py")
    assert deadline.leaves_out("b.py")
    assert deadline.leaves_out("b.py")


def test_without_a_time_all_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert not Deadline.of_environment().leaves_out("a.py")
    monkeypatch.setenv(VARIABLE, "1")
    assert Deadline.of_environment().leaves_out("a.py")


def test_what_was_left_out_is_named() -> None:
    skipped = [("tests/integration/test_b.py::x", f"Skipped: {REASON}"), ("tests/integration/test_a.py::y[1]", REASON)]
    assert "not run, because the time was over: 2 tests of test_a.py, test_b.py" == left_out(skipped)
    assert "" == left_out([("tests/unit/test_a.py::y", "no nginx here")])
