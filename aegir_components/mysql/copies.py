"""Databases beside a site's own on its server: the copy that an update is tried on, and the one of before.

Both are known by the site's name alone, and the record in the database ``aegir`` says whose they are. So a run that was
killed finds its own half-done work again. A copy is let in by an account of its own, which cannot reach the live
database.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Final

from aegir_components.hub import wait
from aegir_components.messages import numbered

from . import databases, events, statements
from .client import DatabaseError, DatabaseForeign, Endpoint, Session, connect, decoded
from .databases import REGISTRY, SiteDatabase

DRAIN: Final = 10.0
"""Seconds for requests that are at work to end, before their connections are ended."""
ENDING: Final = 50
"""How often the connections that are left are ended, before they count as ones that do not end."""
LOOK: Final = 0.1
"""Seconds between two questions for what is at work."""
_KEPT: Final = (
    f"CREATE TABLE IF NOT EXISTS `{REGISTRY}`.`copies` (`name` VARCHAR(64) CHARACTER SET ascii PRIMARY KEY, "
    "`of` VARCHAR(64) CHARACTER SET ascii NOT NULL, `owner` VARCHAR(512) NOT NULL, `record` MEDIUMTEXT NOT NULL, "
    "`made` BIGINT NOT NULL) ENGINE=InnoDB"
)


def empty(endpoint: Endpoint, want: SiteDatabase, name: str) -> None:
    """Make an empty database beside a site's own, with its character set; a former one of that name goes.

    Raises:
        DatabaseForeign: a database of that name is there and is not of our making.
        DatabaseError: the server does not answer, or refuses.
    """
    with connect(endpoint) as session:
        session.be_patient()
        session.rows(_KEPT)
        if databases.is_there(session, name) and owner_of(session, name) != want.owner:
            raise DatabaseForeign(
                numbered(
                    5040,
                    f"{endpoint.server}: a database named {name} is there and is not of our making; it was left as it is. Rename "
                    f"or remove it",
                )
            )
        note(session, name, want, {})
        session.rows(f"DROP DATABASE IF EXISTS {statements.name(name)}")
        found = session.rows(
            "SELECT default_character_set_name, default_collation_name FROM information_schema.schemata "
            "WHERE schema_name = %s",
            (want.name,),
        )
        characters, collation = (decoded(found[0][0]), decoded(found[0][1])) if found else ("utf8mb4", "")
        session.rows(
            f"CREATE DATABASE {statements.name(name)} CHARACTER SET {characters}"
            + (f" COLLATE {collation}" if collation else "")
        )


def let_in(endpoint: Endpoint, want: SiteDatabase, name: str, user: str, password: str) -> None:
    """Make an account that may do with a copy what the site's account may do with its database, and nothing else.

    Raises:
        DatabaseError: the server does not answer, or refuses.
    """
    with connect(endpoint) as session:
        for host in want.clients:
            session.rows(f"DROP USER IF EXISTS {statements.account(user, host)}")
            session.run(statements.ensure_account(user, host, password, tls=want.tls))
            session.run(statements.site_grants(name, user, host, frozenset(), want.privileges))


def drop(endpoint: Endpoint, want: SiteDatabase, name: str, user: str = "") -> None:
    """Remove a database beside a site's own, and its account; nothing happens where it is not, or is somebody else's.

    Raises:
        DatabaseError: the server does not answer, or refuses.
    """
    with connect(endpoint) as session:
        session.be_patient()
        for host in want.clients if user else ():
            session.rows(f"DROP USER IF EXISTS {statements.account(user, host)}")
        if not _has_records(session) or owner_of(session, name) != want.owner:
            return
        session.rows(f"DROP DATABASE IF EXISTS {statements.name(name)}")
        session.rows(f"DELETE FROM `{REGISTRY}`.`copies` WHERE `name` = %s", (name,))


def record(endpoint: Endpoint, want: SiteDatabase, name: str) -> dict[str, Any] | None:
    """Give what is written down of a database beside a site's own; ``None`` where there is no such database of the site's.

    Raises:
        DatabaseError: the server does not answer, or refuses.
    """
    with connect(endpoint) as session:
        return record_in(session, want, name)


def record_in(session: Session, want: SiteDatabase, name: str) -> dict[str, Any] | None:
    """Give what ``record`` gives, in a session that is open."""
    if not _has_records(session):
        return None
    rows = session.rows(
        f"SELECT `record`, `made` FROM `{REGISTRY}`.`copies` WHERE `name` = %s AND `owner` = %s", (name, want.owner)
    )
    if not rows or not databases.is_there(session, name):
        return None
    return {**json.loads(decoded(rows[0][0])), "made": int(rows[0][1])}


def note(session: Session, name: str, want: SiteDatabase, what: Mapping[str, Any]) -> None:
    """Write down whose a database is and what is known of it."""
    session.rows(_KEPT)
    session.rows(
        f"REPLACE INTO `{REGISTRY}`.`copies` (`name`, `of`, `owner`, `record`, `made`) "
        "VALUES (%s, %s, %s, %s, UNIX_TIMESTAMP())",
        (name, want.name, want.owner, json.dumps(dict(what))),
    )


def forget(session: Session, name: str, want: SiteDatabase) -> None:
    """Forget what is written down of a database, which stays as it is."""
    if _has_records(session):
        session.rows(f"DELETE FROM `{REGISTRY}`.`copies` WHERE `name` = %s AND `owner` = %s", (name, want.owner))


def owner_of(session: Session, name: str) -> str | None:
    """Give whose a database beside a site's own is."""
    rows = session.rows(f"SELECT `owner` FROM `{REGISTRY}`.`copies` WHERE `name` = %s", (name,))
    return decoded(rows[0][0]) if rows else None


@contextmanager
def alone(endpoint: Endpoint, want: SiteDatabase) -> Iterator[bool]:
    """Be the only one who exchanges a site's database, also among several hubs; gives whether that was free.

    The server itself lets go when the connection ends, however that comes.

    Raises:
        DatabaseError: the server does not answer.
    """
    with connect(endpoint) as session:
        rows = session.rows("SELECT GET_LOCK(%s, 5)", (f"aegir-update-{want.name}",))
        yield bool(rows and rows[0][0] == 1)


def held_from(endpoint: Endpoint, want: SiteDatabase) -> str:
    """Name the machine, other than this hub, that has a site's database for itself; empty where none has.

    A connection of this hub's own does not count: one that was cut off may keep the lock for hours.

    Raises:
        DatabaseError: the server does not answer.
    """
    with connect(endpoint) as session:
        rows = session.rows(
            "SELECT SUBSTRING_INDEX(p.host, ':', 1), p.id = CONNECTION_ID() FROM information_schema.processlist p "
            "WHERE p.id IN (IS_USED_LOCK(%s), CONNECTION_ID())",
            (f"aegir-update-{want.name}",),
        )
    own = {decoded(host) for host, is_own in rows if is_own}
    others = {decoded(host) for host, is_own in rows if not is_own}
    return ", ".join(sorted(others - own))


@contextmanager
def watching(endpoint: Endpoint, want: SiteDatabase) -> Iterator[Session]:
    """Open a connection of the site's own account: it sees that account's other connections, and may end them.

    Raises:
        DatabaseError: the server does not answer, or does not let it in.
    """
    with as_account(endpoint, want.user, want.password) as session:
        yield session


@contextmanager
def as_account(endpoint: Endpoint, user: str, password: str) -> Iterator[Session]:
    """Open a connection of another account than the hub's.

    Raises:
        DatabaseError: the server does not answer, or does not let it in.
    """
    with connect(dataclasses.replace(endpoint, user=user, password=password)) as session:
        yield session


def others(session: Session) -> list[int]:
    """List the connections of a session's account but for its own."""
    rows = session.rows(
        "SELECT id FROM information_schema.processlist WHERE id <> CONNECTION_ID() "
        "AND user = SUBSTRING_INDEX(CURRENT_USER(), '@', 1)"
    )
    return [int(row[0]) for row in rows]


def too_old(endpoint: Endpoint) -> str:
    """Give the version of a server that cannot lock accounts; empty where it can.

    MariaDB can since 10.4, and MySQL since 5.7.

    Raises:
        DatabaseError: the server does not answer.
    """
    with connect(endpoint) as session:
        version = decoded(session.rows("SELECT VERSION()")[0][0])
    # MariaDB calls itself 5.5.5 to clients that are older than its own numbers.
    numbers = [int(number) for number in re.findall(r"[0-9]+", version.removeprefix("5.5.5-"))[:2]]
    return version if numbers < ([10, 4] if "MariaDB" in version else [5, 7]) else ""


def drain(session: Session) -> None:
    """Wait until the requests that are at work have ended; those that do not are ended by ``shut``."""
    deadline, quiet = wait.Deadline(DRAIN), 0
    while quiet < 3 and not deadline.is_over:
        quiet = 0 if others(session) else quiet + 1
        deadline.pause(LOOK)


def shut(endpoint: Endpoint, want: SiteDatabase, session: Session) -> None:
    """Let nobody in any more by a site's accounts, and end what they do: nothing of it writes after that, its events neither.

    Args:
        endpoint: the server.
        want: the site's database.
        session: one that ``watching`` has opened.

    Raises:
        DatabaseError: the server does not answer, refuses, or is too old to lock accounts.
    """
    with connect(endpoint) as hub:
        accounts = _accounts(hub, want)
        _lock(hub, accounts, "LOCK")
        events.stop(hub, want.name, accounts)
    for _ in wait.tries(ENDING, LOOK):
        left = others(session)
        if not left:
            return
        for number in left:
            # It may have ended by itself.
            with suppress(DatabaseError):
                session.rows(f"KILL {number}")
    raise DatabaseError(
        numbered(
            5050,
            f"{endpoint.server}: {len(left)} connections of {want.user} do not end, so that nobody knows whether they "
            f"still write",
        )
    )


def open_again(endpoint: Endpoint, want: SiteDatabase, *, with_events: bool = True) -> None:
    """Let a site's accounts in again.

    Args:
        endpoint: the server.
        want: the site's database.
        with_events: whether what the server itself runs of the site goes on, too.

    Raises:
        DatabaseError: the server does not answer, or refuses.
    """
    with connect(endpoint) as session:
        accounts = _accounts(session, want)
        # First of all: a locked account is what tells the next run of one that was killed here.
        if with_events:
            events.go_on(session, want.name, accounts, want.privileges)
        _lock(session, accounts, "UNLOCK")


def is_shut(endpoint: Endpoint, want: SiteDatabase) -> bool:
    """Return whether a site's account is locked.

    Raises:
        DatabaseError: the server does not answer, or refuses.
    """
    with connect(endpoint) as session:
        for user, host in _accounts(session, want):
            said = session.rows(f"SHOW CREATE USER {statements.account(user, host)}")
            if said and "ACCOUNT LOCK" in decoded(said[0][0]):
                return True
    return False


def _lock(session: Session, accounts: Iterable[tuple[str, str]], how: str) -> None:
    for user, host in accounts:
        session.rows(f"ALTER USER {statements.account(user, host)} ACCOUNT {how}")


def _accounts(session: Session, want: SiteDatabase) -> list[tuple[str, str]]:
    return [(user, host) for user in (want.user, want.other) if user for host in sorted(databases.hosts(session, user))]


def _has_records(session: Session) -> bool:
    found = session.rows(
        "SELECT 1 FROM information_schema.tables WHERE table_schema = %s AND table_name = 'copies'", (REGISTRY,)
    )
    return bool(found)
