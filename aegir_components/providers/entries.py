"""By which entries of a stack file machines are declared now: what keeps the removal of a former name from acting on them.

An entry may get another name, a run may be killed in the middle of that, and the edit may be undone. Then the state has
one machine under two names, and either of them may be the one that is removed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from aegir_components.hub.records import Records
from aegir_components.remote.connection import Connection
from aegir_components.scripts import script

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


def other(holder: str, conn: Connection, service: str = "") -> str:
    """Name the entry by which the machine of a resource that goes is declared now; empty where it is declared by no other.

    Args:
        holder: ``<project>/<stack>``.
        conn: how the resource's machine is reached.
        service: ``web`` or ``database``, where the other entry has to have it too.
    """
    for name, (address, port, *services) in (_known(holder, conn) or {}).items():
        if (address, port) == (conn.address, conn.port) and name != conn.host and (not service or service in services):
            return name
    return ""


def guard(holder: str, conn: Connection) -> list[str]:
    """List what ends a removal on a machine that is another entry by now; the machine's own word where the hub has no record."""
    return [script.only_entry(holder, conn.host)] if _known(holder, conn) is None else []


def _known(holder: str, conn: Connection) -> Mapping[str, list[Any]] | None:
    record = Records(conn.hub_root, KIND).get(holder)
    return None if record is None else dict(record.get("servers") or {})
