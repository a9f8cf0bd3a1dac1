"""A site's database in the place of which another one is put: loaded beside it first, and exchanged in one step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from aegir_components.messages import around, numbered
from aegir_components.mysql import client, databases, room, statements

from . import archive, inventory, loading, proof, sql
from .repository import BackupError, Opened
from .source import Source


@dataclass(frozen=True, kw_only=True, slots=True)
class Beside:
    """A schema beside a site's own, with the tables of a backup."""

    schema: str
    later: sql.Apart
    """What cannot move to the site's database with them."""


@contextmanager
def loaded_beside(
    source: Source, hub_root: str, entries: Iterable[archive.Entry], *, size: int, longest: int
) -> Iterator[Beside]:
    """Load a backup's tables beside a site's own, which stay as they are, for a block of work.

    Args:
        source: the site.
        hub_root: of this hub.
        entries: what the backup has of the database.
        size: bytes of the dump.
        longest: bytes of its longest line; 0 where none is long.

    Raises:
        BackupError: the backup cannot be read, or the disk has too little room.
        HostError: the load failed.
        DatabaseError: the server refuses.
    """
    loading.want_room(source, size, f"aegir restore {source.name}")
    apart = sql.Apart()
    with loading.scratch_schema(source, hub_root, "", "") as schema:
        members = apart.tables(loading.texts(entries))
        loading.load(source, schema, members, longest=longest, former="", definer=None)
        if why := room.refuses_exchange(source.conn):
            raise BackupError(around(why, f"{source.server}: {why}: aegir restore {source.name}"))
        yield Beside(schema=schema, later=apart)


def count(source: Source, beside: Beside, manifest: Mapping[str, Any]) -> None:
    """Compare the tables that were loaded with what was counted in the backup's own transaction.

    Raises:
        BackupError: something is missing, or there is more.
        DatabaseError: the server refuses.
    """
    proof.check_counts(source, beside.schema, manifest["database"], kinds=("tables",))


def put(source: Source, beside: Beside, manifest: Mapping[str, Any]) -> None:
    """Replace a site's database by the tables that were loaded beside it. A proven backup of it has to be there.

    Raises:
        BackupError: what is there then is not what was saved.
        HostError: views, triggers or routines could not be loaded.
        DatabaseError: the server refuses.
    """
    had, there = manifest["database"], begin(source, manifest)
    with client.connect(source.endpoint) as session:
        session.be_patient()
        moves = [
            f"{place} TO {statements.name(source.database)}.{statements.name(name)}"
            for name, place in databases.tables_of(session, beside.schema).items()
        ]
        if moves:
            session.rows("SET SESSION foreign_key_checks = 0")
            session.rows(f"RENAME TABLE {', '.join(moves)}")
    loading.load(
        source, source.database, beside.later.later, longest=0, former=str(had["name"]), definer=kept(source, there)
    )
    proof.check_objects(source, source.database, had)
    check_definers(source, had, there)


def replace_database(repository: Opened, snapshot: str, source: Source, manifest: Mapping[str, Any]) -> None:
    """Replace a site's database by one that is read now, and count it. A proven backup of it has to be there.

    Raises:
        BackupError: what was loaded is not what was saved.
        HostError: the load failed.
        DatabaseError: the server refuses.
    """
    had, there = manifest["database"], begin(source, manifest)
    with repository.reading(snapshot) as stream:
        reading = archive.Reading(stream)
        for entry in reading.take(lambda name: not proof.is_dump(name)):
            entry.skip()
        loading.load(
            source, source.database, loading.texts(reading.take(proof.is_dump)), longest=int(had["longest"]),
            former=str(had["name"]), definer=kept(source, there),
        )  # fmt: skip
    proof.check_counts(source, source.database, had)
    check_definers(source, had, there)


def reject(source: Source, manifest: Mapping[str, Any]) -> None:
    """Reject a database that cannot be put into a site.

    Raises:
        BackupError: the backup has none, or its server is somebody else's, and it has views, triggers or routines.
    """
    had = manifest["database"]
    if not had["objects"]:
        raise BackupError(numbered(7102, "the backup has no database"))
    if source.conn.kind == "none" and had["definers"]:
        raise BackupError(
            numbered(
                5053,
                f"{source.server} is somebody else's server, where the hub's account can give nobody else views, triggers and "
                f"routines: {', '.join(sorted(had['definers'])[:5])}. Load this backup by hand (docs/howto/restore-a-site.md)",
            )
        )


def begin(source: Source, manifest: Mapping[str, Any]) -> frozenset[str]:
    """Make a site's database empty; list the accounts of its server."""
    reject(source, manifest)
    had = manifest["database"]
    with client.connect(source.endpoint) as session:
        session.be_patient()
        there = inventory.accounts(session)
        session.rows(f"DROP DATABASE IF EXISTS {statements.name(source.database)}")
        loading.create_schema(session, source.database, str(had["charset"]), str(had["collation"]))
    return there


def kept(source: Source, there: frozenset[str]) -> sql.Definer:
    """Let what runs with the rights of an account of the server do so again; the rest becomes the site's own."""
    own = loading.of_account(*source.definer)

    def definer(former: bytes) -> bytes:
        # An account that is not there any more was the site's own before, or of another server.
        user, _, host = former.decode("utf-8", "surrogateescape").partition("`@`")
        return former if f"{user.strip('`')}@{host.strip('`')}" in there else own(former)

    return definer


def check_definers(source: Source, had: Mapping[str, Any], there: frozenset[str]) -> None:
    """See that nothing runs with the rights of another account than the server said when the backup was made.

    Raises:
        BackupError: something would.
        DatabaseError: the server refuses.
    """
    own = "{}@{}".format(*source.definer)
    with client.connect(source.endpoint) as session:
        now = inventory.definers(session, source.database)
    if not had["definers"]:
        # An archive of a removal says of nobody with whose rights something ran: only the site's own account may be.
        now = {name: user for name, user in now.items() if user != own}
    wanted = {name: user if user in there else own for name, user in had["definers"].items()}
    if wrong := sorted(name for name, user in now.items() if user != wanted.get(name)):
        raise BackupError(
            numbered(7122, f"what was loaded would run with the rights of another account: {', '.join(wrong[:5])}")
        )
