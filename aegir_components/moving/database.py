"""A site's database on its way from one server to another: dumped here and loaded there as one stream, then counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from aegir_components.backups import inventory, loading, produce, proof, replacing, sql
from aegir_components.backups.source import Source
from aegir_components.messages import numbered
from aegir_components.messages.printable import printable
from aegir_components.mysql import arriving, client, databases, events, room, statements
from aegir_components.mysql.databases import SiteDatabase
from aegir_components.remote.errors import CommandFailed, Refused

from .pipe import Pipe

TOO_LONG: Final = ("max_allowed_packet", "gone away", "Lost connection")
"""What a server says of a statement that is longer than it takes."""
NAMED: Final = 3
_Part = tuple[str, tuple[bytes, ...]]
"""A part of a dump, as it comes: its name in a backup, and its content."""
RESERVE: Final = 512 << 20
"""Bytes that stay free on a database server."""


def rest_events(endpoint: client.Endpoint, what: SiteDatabase) -> None:
    """Let no event of a site's accounts run on a server until its accounts are let in there.

    Raises:
        DatabaseError: the server does not answer, or refuses.
    """
    with client.connect(endpoint) as session:
        accounts = [(user, host) for user in (what.user, what.other) if user for host in databases.hosts(session, user)]
        events.stop(session, what.name, sorted(accounts))


def refuse_uncarried(old: Source, new: Source) -> None:
    """Stop where something of a database cannot come along.

    Raises:
        Refused: says what it is.
        DatabaseError: the server does not answer, or refuses.
    """
    with client.connect(old.endpoint) as session:
        broken = inventory.broken_views(session, old.database)
        definers = inventory.definers(session, old.database)
        others = [name for name, user in events.running(session, old.database).items() if user not in old.accounts]
    if others:
        raise Refused(
            old.server,
            numbered(
                5052,
                f"the database has the event {others[0]} of another account, which would write while it is copied. Nothing was "
                f"changed. Let the site's account {old.account} be its definer, or disable it until the site has moved",
            ),
        )
    if broken:
        named = ", ".join(f"{view.name} ({printable(view.why)})" for view in broken[:NAMED])
        raise Refused(
            old.server, numbered(8020, f"the database has views that cannot be read: {named}. Repair or remove them")
        )
    if definers and new.conn.kind == "none":
        raise Refused(
            new.server,
            numbered(
                5053,
                f"it is somebody else's server, where the hub's account can give nobody else views, triggers and routines: "
                f"{', '.join(sorted(definers)[:NAMED])}. Load this database by hand, or remove them",
            ),
        )


def want_room(new: Source, size: int) -> None:
    """See that a database server has room for a database.

    Args:
        new: the site where its database is to be.
        size: bytes of its tables and their indexes.

    Raises:
        Refused: it has too little.
        HostError: it is not reached.
    """
    if new.conn.kind == "none":
        return
    free = room.free(new.conn, "looking for room for a database")
    if 0 <= free < size + RESERVE:
        raise Refused(
            new.server,
            numbered(
                5060,
                f"the database takes {size >> 20} MB, and the disk of the databases has {free >> 20} MB left. Nothing "
                f"was changed. Make room there, and run pulumi up again",
            ),
        )


def carry(old: Source, new: Source, what: SiteDatabase) -> int:
    """Bring a database to an empty one on another server, and count it there; return its rows.

    Args:
        old: the site where its database is. Nobody writes to it meanwhile.
        new: the site where it is to be.
        what: the database there.

    Raises:
        HostError: it could not be read or loaded.
        BackupError: what arrived is not what was sent.
        DatabaseError: a server does not answer, or refuses.
    """
    try:
        return _carried(old, new, what, roomy=False)
    except CommandFailed as fault:
        if not any(word in fault.text for word in TOO_LONG):
            raise
    return _carried(old, new, what, roomy=True)


def _carried(old: Source, new: Source, what: SiteDatabase, *, roomy: bool) -> int:
    with client.connect(old.endpoint) as session:
        before = inventory.objects(session, old.database)
        definers = inventory.definers(session, old.database)
        charset, collation = inventory.character_set(session, old.database)
        longest = int(str(session.rows("SELECT @@GLOBAL.max_allowed_packet")[0][0])) * 2 if roomy else 0
    arriving.mark(new.endpoint, what)
    with client.connect(new.endpoint) as session:
        session.be_patient()
        there = inventory.accounts(session)
        session.rows(f"DROP DATABASE IF EXISTS {statements.name(new.database)}")
        loading.create_schema(session, new.database, charset, collation)
    rows = _stream(old, new, there, min(longest, 1 << 30))
    had: Mapping[str, Any] = {"objects": before, "rows": rows, "definers": definers}
    if missing := set(before["tables"]) - rows.keys():
        raise Refused(old.server, numbered(7121, f"the dump lacks tables: {', '.join(sorted(missing)[:NAMED])}"))
    proof.check_counts(new, new.database, had)
    replacing.check_definers(new, had, there)
    return sum(rows.values())


def _stream(old: Source, new: Source, there: frozenset[str], longest: int) -> dict[str, int]:
    """Dump and load at once; give the rows of each table as they passed."""
    rows: dict[str, int] = {}

    def give(hand_over: Callable[[_Part], None]) -> None:
        splitter = sql.Splitter(lambda name, data: hand_over((name, (data,))))
        produce.dump(old, [], splitter, produce.URGENT)
        rows.update(splitter.rows)

    pipe: Pipe[_Part] = Pipe(give)
    try:
        loading.load(
            new, new.database, pipe.pieces(), longest=longest, former=old.database,
            definer=replacing.kept(new, there),
        )  # fmt: skip
    finally:
        # Why no more came is the cause of what the server says of the rest.
        pipe.finish()
    return rows
