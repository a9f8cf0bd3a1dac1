"""What a cell of the matrix is: an edit, and what becomes of it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.matrix.world import World

Edit = Callable[[World], object]
MISSING = object()
"""In place of a value: the key is not there."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of an edit."""

    verdict: str
    """``applied``; ``rejected`` at preview; ``stopped`` at up, before anything of a site's is touched."""
    text: str
    """For the page: what happens, or what to do instead."""
    sentence: str = ""
    """A part of the message of an edit that is rejected or stopped."""
    then: Edit | None = None
    """Does what the text says to do instead; the next ``up`` has to end well."""


def applied(text: str = "") -> Outcome:
    """Nothing is lost."""
    return Outcome("applied", text)


def rejected(sentence: str, text: str, then: Edit | None = None) -> Outcome:
    """A preview ends with a sentence, and nothing was touched."""
    return Outcome("rejected", text, sentence, then)


def stopped(sentence: str, text: str, then: Edit | None = None) -> Outcome:
    """An ``up`` ends with a sentence, and no content was touched."""
    return Outcome("stopped", text, sentence, then)


APPLIED = applied()


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A key, with the values that it is given one after the other."""

    key: str
    values: tuple[Any, ...]
    """What it becomes in turn: added, changed. Where the stack has it already: only changed."""
    world: str = "server"
    at: str = ""
    """Which entry, where that is not the first one of its kind."""
    given: Mapping[str, Any] = field(default_factory=dict)
    """Other keys that are there before, by path."""
    before: Edit | None = None
    """Prepares what else has to be there."""
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    """By ``added``, ``changed``, ``removed``; those that are applied without a word are left out."""
    with_it: Mapping[str, Edit] = field(default_factory=dict)
    """What else the edit does, by kind: at the machines, or with keys that belong together."""


FIRST = {
    "servers": "web1", "clusters": "farm", "packs": "flock", "platforms": "code", "sites": "one.example.com",
    "commands": "hello", "values": "display_errors", "settings": "hash_name",
    "config": "system.site", "sanitise": "people.full_name", "repositories": "attic",
}  # fmt: skip
SHORT = {"web": "type", "database": "type", "source": "path"}
"""What a service's or a source's one word is, in the long form."""


def find(world: World, path: str, at: str = "") -> tuple[dict[str, Any], str]:
    """Go to the mapping that a key is in, made where it is missing, and give it with the key's own name."""
    *parts, last = path.split(".")
    place, former = world.config, ""
    for number, part in enumerate(parts):
        name = (at if number == 1 and at else FIRST[former]) if part == "*" else part
        found = place.setdefault(name, {})
        if not isinstance(found, dict):
            short = "server" if parts[0] == "sites" else SHORT.get(part, part)
            place[name] = found = {} if found is True or part in {"uploads", "certificate"} else {short: found}
        place, former = found, part
    return place, FIRST[former] if last == "*" else last


def put(world: World, path: str, value: Any, at: str = "") -> None:
    """Give a key a value; ``MISSING`` takes it away, and what is empty without it."""
    if value is MISSING and not has(world, path, at):
        return
    place, name = find(world, path, at)
    if value is MISSING:
        place.pop(name, None)
    else:
        place[name] = value(world) if callable(value) else value


def has(world: World, path: str, at: str = "") -> bool:
    """Return whether the stack file has a key."""
    before = copy.deepcopy(world.config)
    place, name = find(world, path, at)
    there = name in place
    world.stack.config = before
    return there


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """An edit of a whole entry of the stack file."""

    kind: str
    """``server``, ``site`` …"""
    operation: str
    edits: tuple[Edit, ...]
    """One ``up`` each; the outcome is the last one's, the others are applied."""
    outcome: Outcome = APPLIED
    world: str = "server"
