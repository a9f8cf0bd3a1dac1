"""A database copied on its own server: in one snapshot, streamed, with the site live and nothing written to a disk but tables."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Final

from aegir_components.archives import keeping
from aegir_components.messages import AegirError, around, numbered
from aegir_components.mysql import databases, dump_loading, objects, room
from aegir_components.mysql.client import Endpoint, connect
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import CommandFailed

OPTIONS: Final = (
    "--single-transaction", "--quick", "--skip-triggers", "--hex-blob", "--no-tablespaces", "--skip-comments",
    "--default-character-set=utf8mb4", "--max-allowed-packet=1G", "--loose-set-gtid-purged=OFF",
)  # fmt: skip
"""Of mysqldump: tables alone. What runs with somebody's rights is made by the account that will have it (``mysql.objects``)."""
LOAD: Final = (
    "--max-allowed-packet=1G",
    "--default-character-set=utf8mb4",
    "--init-command=SET SESSION foreign_key_checks=0",
)
SMALL: Final = 64 << 20
"""Bytes of a database for which nobody looks."""
RESERVE: Final = 1 << 30
"""Bytes that stay free on a database server."""
TOO_LONG: Final = ("max_allowed_packet", "gone away", "Lost connection")
"""What a server says of a statement that is longer than it takes."""


class NoRoom(AegirError):
    """The disk of the databases has too little left for a copy."""


def want_room(conn: Connection, endpoint: Endpoint, database: str) -> None:
    """See that a copy has room on the database server's disk: one that fills it would stop every site that is there.

    Args:
        conn: the database server's machine; nobody looks on a server of somebody else's.
        endpoint: the server.
        database: what is to be copied.

    Raises:
        NoRoom: there is too little.
        HostError: the machine cannot be reached.
        DatabaseError: the server does not answer.
    """
    if conn.kind == "none":
        return
    _, size = databases.size(endpoint, database)
    if size < SMALL:
        return
    if why := lacks_room(size, room.free(conn, "looking for room for a copy")):
        raise NoRoom(around(why, f"{endpoint.server}: {why}"))


def lacks_room(size: int, free: int) -> str:
    """Say why a copy has no room; empty where it has, or where nobody knows. Pure.

    Args:
        size: bytes of the tables and their indexes.
        free: bytes that the disk has left; below 0 where that is not known.
    """
    # The update rewrites tables: the largest one may be there twice for a while.
    need = size + size // 2 + RESERVE
    if not 0 <= free < need:
        return ""
    return numbered(
        5060,
        f"a copy of the database takes up to {(size + size // 2) >> 20} MB. The disk of the databases has "
        f"{free >> 20} MB left, of which {RESERVE >> 20} MB are for the other sites. Make room there (aegir disk, aegir prune), "
        f"then run pulumi up",
    )


def tables(conn: Connection, endpoint: Endpoint, source: str, target: str, leave: Sequence[str] = ()) -> None:
    """Copy the tables of a database into an empty one on the same server.

    Args:
        conn: the database server's machine.
        endpoint: the server.
        source: the database that is copied.
        target: the empty one.
        leave: tables of which only the definition comes: nobody needs their rows.

    Raises:
        HostError: it could not be read or loaded whole.
        DatabaseError: the server refuses to list views.
    """
    with connect(endpoint) as session:
        views = objects.names(session, source, "VIEW")
    try:
        _copy(conn, endpoint, source, target, views, leave, roomy=False)
    except CommandFailed as fault:
        if conn.kind == "none" or not any(word in fault.text for word in TOO_LONG):
            raise
        with connect(endpoint) as session:
            for place in databases.tables_of(session, target).values():
                session.rows(f"DROP TABLE IF EXISTS {place}")
        _copy(conn, endpoint, source, target, views, leave, roomy=True)


def _copy(
    conn: Connection,
    endpoint: Endpoint,
    source: str,
    target: str,
    views: Sequence[str],
    leave: Sequence[str],
    *,
    roomy: bool,
) -> None:
    with keeping.client_options(conn, endpoint) as (where, login):
        ignored = [f"--ignore-table={source}.{name}" for name in (*views, *leave)]
        dump = shlex.join(["mysqldump", *login, *OPTIONS, *ignored, source])
        if leave:
            dump += f" && {shlex.join(['mysqldump', *login, *OPTIONS, '--no-data', source, *leave])}"
        load = shlex.join(["mysql", *login, *LOAD, target])
        text = (
            f'said=$({{ {{ {{ {dump}; }}; echo "read $?" >&3; }} | {{ {load} >&2; echo "load $?" >&3; }}; }} 3>&1 1>&2); '
            'case "$said" in *"read 0"*) ;; *) exit 3 ;; esac; case "$said" in *"load 0"*) ;; *) exit 4 ;; esac'
        )
        words = ["sh", "-c", text]
        if roomy:
            words = ["sh", "-c", f"{dump_loading.ROOMY}{text}", "sh", str(1 << 30), "mysql", *login]
        keeping.run(where, words, called=f"copying the database {source}")
