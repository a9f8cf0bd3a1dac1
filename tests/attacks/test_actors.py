"""The index of attacks names tests that are there, and the page of the threat model has the same actors."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.attacks.actors import ACTORS, counted
from tools.paths import ROOT

NAMED = sorted({test for tests in ACTORS.values() for test in tests})


@pytest.mark.parametrize("named", NAMED)
def test_a_named_attack_is_there(named: str) -> None:
    file, _, within = named.partition("::")
    name = within.rpartition("::")[2]
    text = (ROOT / "tests" / Path(file)).read_text()
    assert re.search(rf"^ *def {name}\(" if name else r"^ *def test_", text, re.MULTILINE)


def test_the_page_has_every_actor() -> None:
    page = (ROOT / "docs" / "explanation" / "security.md").read_text()
    assert [actor for actor in ACTORS if f"| {actor} |" not in page] == []


def test_what_was_tried_is_counted() -> None:
    held = ["tests/attacks/test_source.py::test_x[environ]", "tests/attacks/test_source.py::test_x[maps]"]
    assert ["a source: 3 tried, 1 succeeded"] == counted(held, ["tests/unit/test_hostile_git.py::test_y"])
