"""The same work on several machines side by side, with a result for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from aegir_components.messages import joined

from .connection import Connection
from .errors import HostError, Refused

Found = TypeVar("Found")


def each(members: Mapping[str, Connection], work: Callable[[Connection], Found]) -> dict[str, Found]:
    """Do the same on all members side by side; the first error is raised when all have ended."""
    found: dict[str, Found] = {}

    def keep(conn: Connection) -> None:
        found[conn.host] = work(conn)

    settle(attempt(members, keep))
    return {name: found[name] for name in members}


def settle(results: Mapping[str, HostError | None]) -> None:
    """Raise what went wrong on any of the members, as one error.

    Raises:
        HostError: that of the one member, or one that tells of them all.
    """
    faults = [fault for fault in results.values() if fault is not None]
    if len(faults) > 1:
        raise Refused(", ".join(fault.host for fault in faults), joined(fault.text for fault in faults))
    if faults:
        raise faults[0]


def attempt(members: Mapping[str, Connection], work: Callable[[Connection], None]) -> dict[str, HostError | None]:
    """Do the same on all members side by side, and give each one's error or ``None``."""

    def one(conn: Connection) -> HostError | None:
        try:
            work(conn)
        except HostError as fault:
            return fault
        return None

    if len(members) == 1:
        return {name: one(conn) for name, conn in members.items()}
    with ThreadPoolExecutor(max_workers=max(1, len(members))) as pool:
        return dict(zip(members, pool.map(one, members.values()), strict=True))
