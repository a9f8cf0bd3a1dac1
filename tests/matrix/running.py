"""Runs cells of the matrix, and says of each what became of it."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from tests.matrix.cells import APPLIED, MISSING, Edit, Entry, Outcome, Row, has, put
from tests.matrix.engine import Stopped
from tests.matrix.world import World, nothing_changes


def steps(world: World, row: Row) -> Iterator[tuple[str, Edit]]:
    """List the edits of a row in turn: added, changed, removed; ``changed`` alone first where the stack has the key."""
    there = has(world, row.key, row.at)
    for number, value in enumerate(row.values):
        kind = "added" if number == 0 and not there else "changed"
        yield kind, partial(_put, row, value)
    yield "removed", lambda here: put(here, row.key, MISSING, row.at)


def _put(row: Row, value: Any, world: World) -> None:
    put(world, row.key, value, row.at)


def run_row(world: World, row: Row) -> dict[str, str]:
    """Make a row's edits one after the other, each over what the former one left, and give each one's fault; none where right."""
    for path, value in row.given.items():
        put(world, path, value, row.at)
    if row.before:
        row.before(world)
    if row.given or row.before:
        world.stack.up()
        assert not world.missing()
    found: dict[str, str] = {}
    for kind, edit in steps(world, row):

        def both(here: World, kind: str = kind, edit: Edit = edit) -> None:
            edit(here)
            if also := row.with_it.get(kind):
                also(here)

        fault = run_cell(world, both, row.outcomes.get(kind, APPLIED))
        found[kind] = "; ".join(filter(None, (found.get(kind), fault)))
    return found


def run_cell(world: World, edit: Edit, outcome: Outcome) -> str:
    """Make an edit, and compare what becomes of it with what the matrix says; the fault, or nothing.

    After one that is not applied the stack file is as it was before.
    """
    before = copy.deepcopy(world.config)
    edit(world)
    if outcome.verdict == "applied":
        return _applied(world)
    command = world.stack.preview if outcome.verdict == "rejected" else world.stack.up
    content = world.content()
    try:
        if outcome.verdict == "rejected":
            with nothing_changes(world):
                try:
                    command()
                except Stopped as fault:
                    said = str(fault)
                else:
                    return "is not rejected"
        else:
            world.stack.preview()
            try:
                command()
            except Stopped as fault:
                said = str(fault)
            else:
                return "is not stopped"
    except AssertionError as fault:
        return f"changes something: {str(fault)[:600]}"
    if lost := _lost(content, world.content()):
        return f"touches content: {lost}"
    if outcome.sentence not in said:
        return f"says {said!r}"
    wanted, world.stack.config = world.stack.config, before
    if missing := world.missing():
        return f"leaves {missing}"
    if outcome.then is not None:
        world.stack.config = wanted
        outcome.then(world)
    return _applied(world)


def _lost(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Name the databases and files that are gone or have another content."""
    return [
        f"{where} {name}"
        for where, had in before.items()
        for name, content in had.items()
        if after.get(where, {}).get(name) != content and name != "aegir"
    ]


def _applied(world: World) -> str:
    try:
        world.stack.up()
    except Stopped as fault:
        return f"ends with {fault}"
    if missing := world.missing():
        return f"loses {missing}"
    try:
        if again := world.stack.up():
            return f"is not all in one run: {again}"
    except Stopped as fault:
        return f"ends a second time with {fault}"
    return ""


def run_entry(world: World, entry: Entry) -> str:
    """Make the edits of an entry, and give the fault; nothing where all is as the matrix says."""
    *first, last = entry.edits
    for number, edit in enumerate(first, start=1):
        edit(world)
        if fault := _applied(world):
            return f"edit {number} {fault}"
    return run_cell(world, last, entry.outcome)
