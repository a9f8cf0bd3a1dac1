"""What a machine has of us by its own records: platforms, sites, directories with data, databases. It only looks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions


@dataclass(frozen=True, kw_only=True, slots=True)
class Inventory:
    """What one machine has."""

    platforms: tuple[tuple[str, str, str], ...] = ()
    """The stack that declares it (``<project>/<stack>``), its name, its publish path."""
    registered: tuple[tuple[str, str], ...] = ()
    """A platform's name, and the name of a site's entry in its registry."""
    data: Mapping[str, int] = field(default_factory=dict)
    """Directories with a site's data, each with the number of its files."""
    databases: tuple[tuple[str, str, int], ...] = ()
    """Name, owner (``<project>/<stack>/<site>``), number of tables."""


def items(roots: Iterable[str], *, database: bool) -> list[str]:
    """List what asks for it.

    Args:
        roots: the publish roots of the stack.
        database: whether the machine has a database server.
    """
    lines = [functions("inventory"), script.call("inventory_web", *sorted(set(roots)))]
    return [*lines, script.call("inventory_databases")] if database else lines


def read(facts: Mapping[str, str]) -> Inventory:
    """Read what the machine said."""
    rows = {
        name: [line.split() for line in facts.get(name, "").splitlines() if line.strip()]
        for name in ("platforms", "registered", "data", "databases")
    }
    return Inventory(
        platforms=tuple((row[0], row[1], row[2]) for row in rows["platforms"] if len(row) == 3),
        registered=tuple((row[0], row[1]) for row in rows["registered"] if len(row) == 2),
        data={row[0]: script.number(row[1]) for row in rows["data"] if len(row) == 2},
        databases=tuple((row[0], row[1], script.number(row[2])) for row in rows["databases"] if len(row) == 3),
    )
