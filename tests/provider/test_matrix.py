"""Every edit of the matrix, made by the real program and the real providers on fake machines whose sites have content."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from aegir_components import layout
from tests.matrix import keys, page
from tests.matrix.cells import Entry, Row
from tests.matrix.entries import ENTRIES
from tests.matrix.rows import ROWS
from tests.matrix.running import run_entry, run_row
from tests.matrix.verdicts import ENTRIES as VERDICTS
from tests.matrix.verdicts import KEYS
from tests.matrix.world import KINDS, World

Get = Callable[[str], World]


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Get:
    """Give a stack of a kind as it was when it was made, which is done once."""
    made: dict[str, World] = {}

    def get(kind: str) -> World:
        if kind not in made:
            made[kind] = World.made(tmp_path_factory.mktemp(kind), kind)
        made[kind].restore()
        return made[kind]

    return get


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.key}-{row.at}")
def test_a_key_is_added_changed_and_removed(worlds: Get, row: Row) -> None:
    found = run_row(worlds(row.world), row)
    assert {kind: fault for kind, fault in found.items() if fault} == {}
    assert set(row.outcomes) <= set(found) | {"added"}


@pytest.mark.slow
@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: f"{entry.kind}, {entry.operation}")
def test_an_entry_is_edited(worlds: Get, entry: Entry) -> None:
    assert run_entry(worlds(entry.world), entry) == ""


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_second_run_over_content_does_nothing_and_sees_no_drift(worlds: Get, kind: str) -> None:
    world = worlds(kind)
    assert world.stack.up() == []
    assert world.stack.refresh() == {}
    assert world.missing() == []


def test_the_comparison_sees_what_is_lost(worlds: Get) -> None:
    world = worlds("server")
    mysql = world.machine("db1").mysql
    assert mysql is not None
    mysql.databases[layout.database_name("one.example.com")].pop("content")
    upload = next(path for path in world.machine("web1").files if path.endswith("two.example.com/site/files/own.txt"))
    world.machine("web1").drop(upload)
    assert ["one.example.com: None rows", "two.example.com on web1: no upload"] == world.missing()


def test_every_key_of_the_stack_file_has_a_row() -> None:
    assert keys.every() == sorted({row.key for row in ROWS})


def test_every_verdict_is_of_a_row() -> None:
    assert set(KEYS) <= {row.key for row in ROWS}
    assert set(VERDICTS) <= {(entry.kind, entry.operation) for entry in ENTRIES}


def test_the_page_has_the_matrix_as_it_is() -> None:
    text = page.PAGE.read_text(encoding="utf-8")
    assert page.written(text) == text, "write it: tools/env python -m tests.matrix.page"
