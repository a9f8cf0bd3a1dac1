"""A site's database on a server that it is about to move to: marked there until the site uses it.

A mark says that nobody has used what was loaded, so that a run that failed or was killed may drop it and begin again. What has
no mark is never dropped.
"""

from __future__ import annotations

from typing import Final

from . import copies, databases, statements
from .client import Endpoint, connect
from .databases import SiteDatabase

MARK: Final = {"moving": True}


def tables(endpoint: Endpoint, database: str) -> int:
    """Count the tables and views of a database; none where it is not there.

    Raises:
        DatabaseError: the server does not answer, or refuses.
    """
    return databases.size(endpoint, database)[0]


def is_marked(endpoint: Endpoint, what: SiteDatabase) -> bool:
    """Return whether a database was loaded by a move that has not come to its end.

    Raises:
        DatabaseError: the server does not answer, or refuses.
    """
    return bool((copies.record(endpoint, what, what.name) or {}).get("moving"))


def mark(endpoint: Endpoint, what: SiteDatabase) -> None:
    """Write down that nobody uses a database yet.

    Raises:
        DatabaseError: the server does not answer, or refuses.
    """
    with connect(endpoint) as session:
        copies.note(session, what.name, what, MARK)


def unmark(endpoint: Endpoint, what: SiteDatabase) -> None:
    """Write down that a database is the site's from now on.

    Raises:
        DatabaseError: the server does not answer, or refuses.
    """
    if is_marked(endpoint, what):
        with connect(endpoint) as session:
            copies.forget(session, what.name, what)


def clear(endpoint: Endpoint, what: SiteDatabase) -> None:
    """Empty a database that a move has loaded, and no other.

    Raises:
        DatabaseError: the server does not answer, or refuses.
    """
    if not is_marked(endpoint, what):
        return
    with connect(endpoint) as session:
        session.be_patient()
        session.rows(f"DROP DATABASE IF EXISTS {statements.name(what.name)}")
        session.rows(f"CREATE DATABASE {statements.name(what.name)} CHARACTER SET utf8mb4")
    unmark(endpoint, what)


def give_up(endpoint: Endpoint, what: SiteDatabase) -> bool:
    """Remove a database that a move was to bring content to, if nobody has used it; return whether none is left.

    Raises:
        DatabaseError: the server does not answer, or refuses.
    """
    clear(endpoint, what)
    if tables(endpoint, what.name):
        return False
    databases.drop(endpoint, what)
    return True
