"""A JSON schema of the stack file, made of what its own readers ask for: editors complete and check by it.

The readers are run on small stack files that have every long form, and note what they ask of each value. So a key that a reader
knows is in the schema, and no other one.
"""

from __future__ import annotations

import copy
import functools
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from . import schema_words
from .loading import read
from .reader import Asked, Report

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
SECRET: Final = {"$ref": "#/$defs/secret"}
FROM_OUTSIDE: Final = "include"
"""The key that is read before all others."""

SAMPLES: Final[tuple[dict[str, Any], ...]] = tuple(
    {
        "hub": {"ssh": {}},
        "servers": {
            "x": {
                "ssh": {},
                "services": {"web": {"type": "apache"}, "database": {"type": "mysql", "admin": {}}},
                "aegir_user": {},
                "php": {"values": {}},
                "limits": {},
                "commands": {"x": {}},
            }
        },
        "clusters": {"x": {"uploads": {}}},
        "packs": {"x": {}},
        "platforms": {"x": {"source": {kind: "x", "composer": {}}}},
        "sites": {
            "x.example.com": {
                "admin": {},
                "database": {},
                "certificate": {},
                "php": {"values": {}},
                "limits": {},
                "backups": {"keep": {}},
                "origin": {},
            },
            "y.example.com": {"origin": {"site": "x.example.com", "files": {}}},
        },
        "backups": {"keep": {}, "repositories": {"x": {}}},
        "acme": {},
        "certificates": {},
    }
    for kind in ("path", "git", "archive", "makefile")
)
"""Stack files with every mapping that there is: their readers say which keys each may have."""
NAMED: Final[dict[str, Any]] = {
    "servers": {"x": {"services": {"web": {"type": "apache"}, "database": {"type": "mysql"}}}},
    "platforms": {"x": {}},
    "backups": {"repositories": {"x": {}}},
}
"""The names that readers look up in other parts of a stack file, with as little else as possible: reading takes its time."""
_FORMS: Final[tuple[Any, ...]] = ({}, {"x": {}}, ["x"], [{}], "x", 1, True)
"""What a value may look like: readers ask further according to that."""
_NAMED = re.compile(r'\[(?:"(?:[^"\\]|\\.)*"|\d+)\]')

Notes = dict[str, dict[Asked, None]]
"""What is asked for at each path, in the order in which it was."""


@functools.lru_cache(maxsize=10_000)
def general(path: str) -> str:
    """Give the path of a key whatever the entries are called: ``sites.*.php.memory``."""
    return _NAMED.sub(".*", path).removeprefix("aegir:").removeprefix("aegir").lstrip(".")


def noted(config: Mapping[str, Any]) -> Notes:
    """List what the readers ask of the values of one stack file."""
    notes: Notes = {}
    _read(config, notes)
    return notes


def asked() -> Notes:
    """List what the readers ask of every value of the stack file."""
    notes: Notes = {}
    for sample in SAMPLES:
        _read(sample, notes)
    tried: set[str] = set()
    while missing := _paths(notes) - tried:
        tried |= missing
        for path in sorted(missing):
            for form in _FORMS:
                _read(_with(_part(path), path.split("."), form), notes)
    return notes


def made() -> dict[str, Any]:
    """Make the schema."""
    notes, descriptions = asked(), schema_words.descriptions()
    # Secrets of a stack file are Pulumi's own mappings.
    secret = {
        "type": "object", "properties": {"secure": {"type": "string"}}, "required": ["secure"], "additionalProperties": False,
    }  # fmt: skip
    top = {f"aegir:{key}": _schema(key, notes, descriptions) for key in (*_keys(notes[""]), FROM_OUTSIDE)}
    # Our keys have to be known; keys of other projects and Pulumi's own keys are not checked.
    names = {"if": {"pattern": "^aegir:"}, "then": {"enum": list(top)}}
    config = {"type": "object", "properties": top, "propertyNames": names}
    return {
        "$schema": DRAFT,
        "title": "A stack file of Aegir's multiserver hosting",
        "type": "object",
        "properties": {"config": config},
        "$defs": {"secret": secret},
    }


def _schema(path: str, notes: Notes, descriptions: Mapping[str, str]) -> dict[str, Any]:
    """Make the schema of the value at a path."""
    forms: list[dict[str, Any]] = []
    for each in notes.get(path, ()):
        form = _form(path, each, notes, descriptions)
        if form not in forms:
            forms.append(form)
    found: dict[str, Any] = forms[0] if len(forms) == 1 else {"anyOf": forms} if forms else {}
    text = descriptions.get(path)
    if not text:
        return found
    looks = f" Form: {found['description']}." if "description" in found else ""
    return {**found, "description": text + looks}


def _form(path: str, asked_for: Asked, notes: Notes, descriptions: Mapping[str, str]) -> dict[str, Any]:
    match asked_for.kind:
        case "mapping":
            known = {key: _schema(f"{path}.{key}", notes, descriptions) for key in asked_for.words}
            return {"type": "object", "properties": known, "additionalProperties": False}
        case "entries":
            return {"type": "object", "additionalProperties": _schema(f"{path}.*", notes, descriptions)}
        case "list":
            return {"type": "array", "items": _schema(f"{path}.*", notes, descriptions)}
        case "choice":
            return {"enum": list(asked_for.words)}
        case "scalar":
            return {"type": ["string", "number", "boolean"]}
        case "number":
            return {"type": "integer", "minimum": asked_for.low, "maximum": asked_for.high}
        case "flag":
            return {"type": "boolean"}
        case "password":
            longest = {"maxLength": asked_for.high} if asked_for.high else {}
            return {"anyOf": [{"type": "string", "minLength": asked_for.low, **longest}, SECRET]}
        case "text":
            return {"type": "string", **({"description": asked_for.form} if asked_for.form else {})}


def _paths(notes: Notes) -> set[str]:
    """List the paths that are known: those that were asked for, and the keys that mappings may have."""
    found = {
        f"{path}.{key}".lstrip(".")
        for path in notes
        for each in notes[path]
        for key in each.words
        if each.kind == "mapping"
    }
    return (found | notes.keys()) - {""}


def _keys(of: Iterable[Asked]) -> tuple[str, ...]:
    return next(each.words for each in of if each.kind == "mapping")


def _read(config: Mapping[str, Any], notes: Notes) -> None:
    def note(path: str, what: Asked) -> None:
        notes.setdefault(general(path), {})[what] = None

    report = Report(lambda _path: True, note=note)
    read(config, report)
    for path, keys in report.mappings():
        note(path, Asked("mapping", words=keys))


def _part(path: str) -> dict[str, Any]:
    """Return the part of a sample that a path leads into, with what other parts name of theirs."""
    top = path.partition(".")[0]
    return {**NAMED, **({top: SAMPLES[0][top]} if top in SAMPLES[0] else {})}


def _with(sample: Mapping[str, Any], path: list[str], value: Any) -> dict[str, Any]:
    """Give a sample with another value at a path, whose entries are made where they are missing."""
    changed = copy.deepcopy(dict(sample))
    place: Any = changed
    for part in path[:-1]:
        key = _entry(place) if part == "*" else part
        if not isinstance(place.get(key), dict):
            place[key] = {}
        place = place[key]
    place[_entry(place) if path[-1] == "*" else path[-1]] = value
    return changed


def _entry(place: Mapping[str, Any]) -> str:
    """Name an entry that is there, or a new one."""
    return next(iter(place), "x")
