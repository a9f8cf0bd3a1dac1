"""By which entries of a stack file machines are declared now: what keeps the removal of a former name from acting on them.

An entry may get another name, a run may be killed in the middle of that, and the edit may be undone. Then the state has
one machine under two names, and either of them may be the one that is removed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from aegir_components.host import script
from aegir_components.host.connection import Connection
from aegir_components.hub_records import Records

from .lifecycle import State

KIND: Final = "machines"


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a declared server is, and what it is for."""

    address: str
    port: int
    """Of ssh."""
    services: tuple[str, ...]
    """``web``, ``database``."""


def note(hub_root: str, stack: str, declared: Mapping[str, Entry]) -> None:
    """Write down where each server of a stack is, before anything is declared.

    Args:
        hub_root: where the hub has its records.
        stack: ``<project>/<stack>``.
        declared: its servers by name.
    """
    rows = {name: [entry.address, entry.port, *entry.services] for name, entry in declared.items()}
    Records(hub_root, KIND).put({"servers": rows}, stack)


def other(have: State, service: str = "") -> str:
    """Name the entry by which the machine of a resource that goes is declared now; empty where it is declared by no other.

    Args:
        have: the resource's inputs.
        service: ``web`` or ``database``, where the other entry has to have it too.
    """
    conn = Connection.from_props(have["connection"])
    for name, (address, port, *services) in (_known(have) or {}).items():
        if (address, port) == (conn.address, conn.port) and name != conn.host and (not service or service in services):
            return name
    return ""


def guard(have: State) -> list[str]:
    """List what ends a removal on a machine that is another entry by now; the machine's own word where the hub has no record."""
    return [script.only_entry(have["holder"], have["host"])] if _known(have) is None else []


def _known(have: State) -> Mapping[str, list[Any]] | None:
    root = Connection.from_props(have["connection"]).hub_root
    record = Records(root, KIND).get(str(have["holder"]))
    return None if record is None else dict(record.get("servers") or {})
