"""What sites, platforms and databases take of machines' disks, and what of it nobody needs any more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from aegir_components import layout
from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions

KILOBYTE = 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Room:
    """A file system of a machine."""

    mount: str
    free: int
    """Bytes."""
    size: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Spare:
    """Something that nobody needs any more."""

    path: str
    size: int
    """Bytes."""


def items(paths: Iterable[str], *, database: bool) -> list[str]:
    """List what asks for it.

    Args:
        paths: directories and files whose sizes are asked for.
        database: whether the machine has a database server of ours.
    """
    lines = [functions("disk"), script.call("disk_facts", *paths)]
    return [*lines, "disk_databases"] if database else lines


def sizes(facts: Mapping[str, str]) -> dict[str, int]:
    """Read the sizes, in bytes, by path."""
    found = (line.split("\t", 1) for line in facts.get("sizes", "").splitlines() if "\t" in line)
    return {path: script.number(size) * KILOBYTE for size, path in found}


def databases(facts: Mapping[str, str]) -> dict[str, int]:
    """Read the sizes of databases, in bytes, by name."""
    rows = (line.split("\t") for line in facts.get("databases", "").splitlines())
    return {row[2]: script.number(row[0]) for row in rows if len(row) == 3}


def rooms(facts: Mapping[str, str]) -> list[Room]:
    """Read the file systems."""
    rows = (line.split(" ", 2) for line in facts.get("room", "").splitlines())
    return [
        Room(mount=row[2], free=script.number(row[0]) * KILOBYTE, size=script.number(row[1]) * KILOBYTE)
        for row in rows
        if len(row) == 3
    ]


def spare_items(publish_path: str, platform: str, keep: int) -> list[str]:
    """List what finds the releases of a platform that nobody needs; in apply mode they go.

    Args:
        publish_path: the platform's.
        platform: its name.
        keep: how many releases stay.
    """
    places = (publish_path, layout.releases_directory(publish_path), str(keep), layout.platform_registry(platform))
    return [functions("disk"), script.call("spare_releases", *places)]


def spare(facts: Mapping[str, str], publish_path: str) -> list[Spare]:
    """Read what was found, or taken away."""
    place = layout.releases_directory(publish_path)
    rows = (line.split("\t", 1) for line in facts.get(f"spare.{publish_path}", "").splitlines())
    return [Spare(path=f"{place}/{row[1]}", size=script.number(row[0]) * KILOBYTE) for row in rows if len(row) == 2]
