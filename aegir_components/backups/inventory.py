"""What a database has: its tables, views, triggers, routines, events and sequences, by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from aegir_components.mysql import statements
from aegir_components.mysql.client import DatabaseError, Session, decoded

Objects = Mapping[str, list[str]]
"""Names by kind, sorted."""

_TABLES: Final = "SELECT table_name FROM information_schema.tables WHERE table_schema = %s AND table_type = "
_QUERIES: Final[Mapping[str, str]] = {
    "tables": f"{_TABLES}'BASE TABLE'",
    "views": f"{_TABLES}'VIEW'",
    "sequences": f"{_TABLES}'SEQUENCE'",
    "triggers": "SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = %s",
    "routines": "SELECT CONCAT(routine_type, ' ', routine_name) FROM information_schema.routines WHERE routine_schema = %s",
    "events": "SELECT event_name FROM information_schema.events WHERE event_schema = %s",
}
_DEFINERS: Final[Mapping[str, str]] = {
    "view": "SELECT table_name, definer FROM information_schema.views WHERE table_schema = %s",
    "trigger": "SELECT trigger_name, definer FROM information_schema.triggers WHERE trigger_schema = %s",
    "routine": "SELECT routine_name, definer FROM information_schema.routines WHERE routine_schema = %s",
    "event": "SELECT event_name, definer FROM information_schema.events WHERE event_schema = %s",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class BrokenView:
    """A view that no dump can have: its table or its definer is missing."""

    name: str
    definition: str
    why: str


def objects(session: Session, database: str) -> dict[str, list[str]]:
    """List everything in a database, by kind.

    Raises:
        DatabaseError: the server refuses.
    """
    return {
        kind: sorted({decoded(row[0]) for row in session.rows(query, (database,))}) for kind, query in _QUERIES.items()
    }


def broken_views(session: Session, database: str) -> list[BrokenView]:
    """List the views that cannot be read.

    Raises:
        DatabaseError: the server refuses to list them.
    """
    listed = session.rows(
        "SELECT table_name, view_definition FROM information_schema.views WHERE table_schema = %s", (database,)
    )
    return list(_broken(session, database, {decoded(row[0]): decoded(row[1] or "") for row in listed}))


def _broken(session: Session, database: str, views: Mapping[str, str]) -> Iterator[BrokenView]:
    for name, definition in sorted(views.items()):
        place = f"{statements.name(database)}.{statements.name(name)}"
        try:
            session.rows(f"SHOW FIELDS FROM {place}")
            session.rows(f"SHOW CREATE VIEW {place}")
        except DatabaseError as fault:
            yield BrokenView(name=name, definition=definition, why=str(fault).partition("(")[2].removesuffix(")"))


def of_no_transaction(session: Session, database: str) -> list[str]:
    """List the tables whose rows may change while they are dumped: they are of an engine without transactions.

    Raises:
        DatabaseError: the server refuses.
    """
    listed = session.rows(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = %s AND table_type = 'BASE TABLE' "
        "AND engine NOT IN (SELECT engine FROM information_schema.engines WHERE transactions = 'YES')",
        (database,),
    )
    return sorted(decoded(row[0]) for row in listed)


def character_set(session: Session, database: str) -> tuple[str, str]:
    """Return the character set and the collation of a database.

    Raises:
        DatabaseError: the server refuses.
    """
    listed = session.rows(
        "SELECT default_character_set_name, default_collation_name FROM information_schema.schemata WHERE schema_name = %s",
        (database,),
    )
    return (decoded(listed[0][0]), decoded(listed[0][1])) if listed else ("", "")


def differences(before: Objects, after: Objects) -> list[str]:
    """Say what is in one list and not in the other, such as ``table wp_x is missing``; of the kinds that the first one has."""
    found = []
    for kind in before:
        had, has = set(before[kind]), set(after.get(kind, ()))
        found += [f"{kind.removesuffix('s')} {name} is missing" for name in sorted(had - has)]
        found += [f"{kind.removesuffix('s')} {name} is there in addition" for name in sorted(has - had)]
    return found


def definers(session: Session, database: str) -> dict[str, str]:
    """Say with whose rights each view, trigger, routine and event runs: ``trigger filled`` to ``user@host``.

    Raises:
        DatabaseError: the server refuses.
    """
    return {
        f"{kind} {decoded(row[0])}": decoded(row[1])
        for kind, query in _DEFINERS.items()
        for row in session.rows(query, (database,))
    }


def accounts(session: Session) -> frozenset[str]:
    """List all accounts of a server, as ``user@host``.

    Raises:
        DatabaseError: the server refuses.
    """
    return frozenset(
        f"{decoded(row[0])}@{decoded(row[1])}" for row in session.rows("SELECT user, host FROM mysql.user")
    )
