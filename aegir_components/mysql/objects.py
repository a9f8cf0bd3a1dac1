"""What a database has beside its tables: views, triggers and routines, as statements that make them again.

Events are none of these: they belong to the database and not to its tables, and stay (``mysql.events``).

Each runs with the rights of its definer. They are created again by the account that becomes their definer, and never by
the hub's account. With the hub's rights, a trigger of a site would do what its author likes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from . import statements
from .client import Session, decoded

Kind = Literal["FUNCTION", "PROCEDURE", "VIEW", "TRIGGER"]
ORDER: Final[tuple[Kind, ...]] = ("FUNCTION", "PROCEDURE", "VIEW", "TRIGGER")
"""As they may need each other; views among themselves are tried until none comes any further."""
_LISTED: Final[dict[Kind, str]] = {
    "FUNCTION": "SELECT routine_name FROM information_schema.routines "
    "WHERE routine_schema = %s AND routine_type = 'FUNCTION'",
    "PROCEDURE": "SELECT routine_name FROM information_schema.routines "
    "WHERE routine_schema = %s AND routine_type = 'PROCEDURE'",
    "VIEW": "SELECT table_name FROM information_schema.views WHERE table_schema = %s",
    "TRIGGER": "SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = %s",
}
_COLUMN: Final[dict[Kind, str]] = {
    "FUNCTION": "Create Function", "PROCEDURE": "Create Procedure", "VIEW": "Create View",
    "TRIGGER": "SQL Original Statement",
}  # fmt: skip
_DEFINER = re.compile(r"\sDEFINER\s*=\s*(?:`(?:[^`]|``)*`@`(?:[^`]|``)*`|\S+)", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """One of them."""

    kind: Kind
    name: str
    statement: str
    """What makes it, without a definer."""
    sql_mode: str = ""


def without_definer(statement: str) -> str:
    """Leave the definer out of a statement: the first one, which stands before anything of the author's."""
    return _DEFINER.sub("", statement, count=1)


def names(session: Session, database: str, kind: Kind) -> list[str]:
    """List the objects of a kind."""
    return sorted(decoded(row[0]) for row in session.rows(_LISTED[kind], (database,)))


def read(session: Session, database: str) -> list[Made]:
    """Read all of them. The session's default database is that one afterwards, so that a view names its tables without it.

    Raises:
        DatabaseError: the server does not show one, as a view whose table is gone.
    """
    session.rows(f"USE {statements.name(database)}")
    return list(_read(session, database))


def _read(session: Session, database: str) -> Iterator[Made]:
    for kind in ORDER:
        for name in names(session, database, kind):
            row = session.row(f"SHOW CREATE {kind} {statements.name(name)}")
            statement = decoded(row[_COLUMN[kind]])
            yield Made(
                kind=kind, name=name, statement=without_definer(statement), sql_mode=decoded(row.get("sql_mode") or "")
            )


def drop(session: Session, database: str, made: list[Made]) -> None:
    """Remove them, the last ones first."""
    session.rows(f"USE {statements.name(database)}")
    for one in reversed(made):
        session.rows(f"DROP {one.kind} IF EXISTS {statements.name(one.name)}")


def create(session: Session, database: str, made: list[Made]) -> None:
    """Make them in a database, with the session's account as their definer.

    Raises:
        DatabaseError: the account lacks a right, or what one needs is not there.
    """
    session.rows(f"USE {statements.name(database)}")
    for one in made:
        if one.sql_mode:
            session.rows("SET SESSION sql_mode = %s", (one.sql_mode,))
        session.rows(f"DROP {one.kind} IF EXISTS {statements.name(one.name)}")
        session.rows(one.statement)


def named(made: list[Made]) -> str:
    """Name the first of some, for a sentence."""
    return ", ".join(f"the {one.kind.lower()} {one.name}" for one in made[:3]) + (
        " and others" if len(made) > 3 else ""
    )
