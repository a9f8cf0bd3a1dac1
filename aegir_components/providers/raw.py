"""Inputs and outputs of resources as Pulumi hands them over: plain mappings, of which only some are known."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from pulumi.output import contains_unknowns

from aegir_components.remote.connection import Connection

State = dict[str, Any]

SHORTEST_SECRET: Final = 4
"""Characters; shorter values are not looked for in texts, where they would match at random."""


def plain(props: Mapping[str, Any]) -> State:
    """Leave out Pulumi's own keys, which begin with two underscores."""
    return {key: value for key, value in props.items() if not key.startswith("__")}


def changed_keys(olds: Mapping[str, Any], news: Mapping[str, Any], computed: Collection[str] = ()) -> list[str]:
    """List the inputs that differ, those that are no longer given among them; an unknown input counts as different.

    Args:
        olds: the recorded outputs.
        news: the inputs.
        computed: outputs that are no inputs.
    """
    before, now = plain(olds), plain(news)
    return sorted(
        key
        for key in before.keys() | now.keys()
        if key not in computed and (contains_unknowns(now.get(key)) or normal(before.get(key)) != normal(now.get(key)))
    )


def normal(value: Any) -> Any:
    """Bring a value to the one form in which Pulumi hands it back: no ``None`` in mappings, numbers as floats."""
    if isinstance(value, Mapping):
        return {key: normal(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [normal(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value


def redacted(text: str, secrets: list[str]) -> str:
    """Replace each secret in ``text``, the longest first so that none is left in part."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= SHORTEST_SECRET:
            text = text.replace(secret, "[secret]")
    return text


def without(props: State, gone: Collection[str]) -> State | None:
    """Leave machines out of a resource's inputs; ``None`` when it was on no other machine."""
    if props.get("host") in gone or props.get("server") in gone:
        return None
    left = dict(props)
    for key in ("members", "clients"):
        # A database's clients are addresses where no machine of theirs is asked.
        if isinstance(props.get(key), Mapping):
            left[key] = {name: entry for name, entry in props[key].items() if name not in gone}
    return None if props.get("members") and not left["members"] else left


def machines_of(props: State) -> set[str]:
    """Name the machines that a resource is on."""
    listed = [props.get("host"), props.get("server"), *(props.get("members") or {}), *(props.get("clients") or {})]
    return {name for name in listed if isinstance(name, str)}


def stack_of(props: Mapping[str, Any]) -> str:
    """Say which stack a resource is of: ``<project>/<stack>``."""
    return str(props.get("holder") or "/".join(str(props.get("owner") or "").split("/")[:2]))


def machine_of(props: Mapping[str, Any]) -> list[Any]:
    """Say which machine a resource is on, whatever it is called; nothing where it is on none or on several."""
    found = props.get("connection")
    if not isinstance(found, Mapping) or not {"host", "address"} <= found.keys():
        return []
    return list(Connection.from_props(found).place)
