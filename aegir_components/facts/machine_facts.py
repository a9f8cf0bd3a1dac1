"""What a machine says of itself: load, memory, disks, pending packages, mounts. It only looks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions

from .disk import KILOBYTE, Room


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """A machine, now."""

    load: float
    """Processes that run or wait, over the last five minutes."""
    processors: int
    memory_free: int
    """Bytes."""
    memory: int
    up: int
    """Seconds since it was started."""
    rooms: tuple[Room, ...]
    security_packages: int
    """Packages with an update for security, by the lists that are there."""
    packages: int
    lists_at: int
    """When these lists were fetched, in seconds since 1970."""
    reboot: bool
    """Whether an installed update waits for a restart."""
    mounts: tuple[str, ...]
    """Directories that are mounted over NFS."""


def items() -> list[str]:
    """List what asks for it."""
    return [functions("status"), "status_machine"]


def read(facts: Mapping[str, str]) -> Facts | None:
    """Read what a machine said; ``None`` where it said nothing."""
    if "machine.load" not in facts:
        return None
    load = facts["machine.load"].split()
    free, whole = (*_numbers(facts.get("machine.memory", "")), 0, 0)[:2]
    security, packages, lists = (*_numbers(facts.get("machine.packages", "")), 0, 0, 0)[:3]
    rows = (line.split(" ", 2) for line in facts.get("machine.disk", "").splitlines())
    return Facts(
        load=_decimal(load[1] if len(load) > 1 else ""), processors=max(1, script.number(load[-1] if load else "", 1)),
        memory_free=free * KILOBYTE, memory=whole * KILOBYTE, up=script.number(facts.get("machine.up", "")),
        rooms=tuple(
            Room(mount=row[2], free=script.number(row[0]) * KILOBYTE, size=script.number(row[1]) * KILOBYTE)
            for row in rows if len(row) == 3
        ),
        security_packages=security, packages=packages, lists_at=lists, reboot="machine.reboot" in facts,
        mounts=tuple(line.split(" ", 1)[0] for line in facts.get("machine.mounts", "").splitlines() if line),
    )  # fmt: skip


def _numbers(text: str) -> list[int]:
    return [script.number(word) for word in text.split()]


def _decimal(text: str) -> float:
    try:
        return min(max(float(text), 0.0), 1e6)
    except ValueError:
        return 0.0
