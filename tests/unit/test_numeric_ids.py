"""Numbers of accounts, handed out once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aegir_components.hub import numeric_ids
from aegir_components.hub.numeric_ids import FIRST, LAST, choose, hand_out


def test_a_name_points_to_the_same_number_on_every_hub(tmp_path: Path) -> None:
    one, other = (hand_out(tmp_path / name, "www.example.com") for name in ("a.json", "b.json"))
    assert one == other
    assert FIRST <= one <= LAST


def test_two_names_never_share_a_number(tmp_path: Path) -> None:
    path = tmp_path / "numbers.json"
    taken: dict[str, int] = {}
    for index in range(500):
        taken[f"site{index}"] = choose(f"site{index}", taken)
    assert 500 == len(set(taken.values()))
    path.write_text(json.dumps(taken))
    assert taken["site7"] == hand_out(path, "site7")


def test_numbers_that_meet_are_settled_by_the_list() -> None:
    number = choose("one", {})
    assert number + 1 == choose("one", {"other": number}) or number == LAST


def test_the_states_number_stands_and_is_recorded_again(tmp_path: Path) -> None:
    path = tmp_path / "numbers.json"
    assert 31_234 == hand_out(path, "one", known=31_234)
    assert {"one": 31_234} == json.loads(path.read_text())
    with pytest.raises(ValueError, match="number 31234 of two is handed out to one"):
        hand_out(path, "two", known=31_234)


def test_a_full_range_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numeric_ids, "LAST", FIRST + 1)
    with pytest.raises(ValueError, match="all numbers"):
        choose("three", {"one": FIRST, "two": FIRST + 1})
