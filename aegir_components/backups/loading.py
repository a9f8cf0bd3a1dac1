"""A dump out of a backup, loaded into a schema."""

from __future__ import annotations

import os
import re
import secrets
import shlex
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from typing import Final

from aegir_components.archives import keeping
from aegir_components.messages import numbered
from aegir_components.mysql import client, dump_loading, room, statements
from aegir_components.remote import session
from aegir_components.remote.errors import HostError

from . import archive, sql
from .produce import LOW, TIMEOUT
from .repository import BackupError
from .source import Source

PREFIX: Final = "aegir_proof_"
SMALL: Final = 64 << 20
"""Bytes of a dump for which nobody looks."""
RESERVE: Final = 1 << 30
"""Bytes that stay free on a database server."""


def load(
    source: Source,
    schema: str,
    members: Iterable[tuple[str, Iterable[bytes]]],
    *,
    longest: int,
    former: str,
    definer: sql.Definer | None,
    low: bool = False,
) -> None:
    """Load a dump into an empty schema.

    Args:
        source: the site, whose database server it is.
        schema: the schema.
        members: what the backup has of the database, in order: names with content, as ``texts`` gives them.
        longest: bytes of the dump's longest line; 0 where none is long.
        former: the schema that the dump is of.
        definer: gives the account of views and routines, quoted; ``None`` for the account that loads them.
        low: whether the site's own work comes first.

    Raises:
        BackupError: the backup cannot be read, or the server takes it not.
        HostError: the machine cannot be reached, or the load failed there.
    """
    stream = _Once(sql.loadable(members, definer, former.encode()))
    try:
        with keeping.client_options(source.conn, source.endpoint) as (where, login):
            words = ["mysql", *login, "--binary-mode", "--max-allowed-packet=1G"]
            text = _script(source, words, schema, longest, low=low)
            session.send(where, text, stream.start, what=f"loading the database of {source.name}", user="root",
                         timeout=TIMEOUT)  # fmt: skip
    except HostError:
        # A stream that ended early is the cause of what the other end says.
        stream.check()
        raise
    stream.check()


def texts(entries: Iterable[archive.Entry]) -> Iterator[tuple[str, Iterable[bytes]]]:
    """Give the members of a backup for ``load``."""
    return ((entry.name, entry.content()) for entry in entries)


def of_account(name: str, host: str) -> sql.Definer:
    """Give all views, triggers, routines and events one account."""
    own = f"{statements.name(name)}@{statements.name(host)}".encode()
    return lambda _former: own


def _script(source: Source, words: list[str], schema: str, longest: int, *, low: bool) -> str:
    program = f"{'low ' if low else ''}{shlex.join([*words, schema])}"
    if longest <= dump_loading.PACKET:
        return f"{LOW}\n{program}"
    # The statement has some bytes around the row, and the server's limit counts in steps of a kilobyte.
    limit = (longest + (1 << 20)) >> 10 << 10
    if source.conn.kind == "none":
        with client.connect(source.endpoint) as open_session:
            allowed = int(str(open_session.rows("SELECT @@GLOBAL.max_allowed_packet")[0][0]))
        if allowed < longest:
            raise BackupError(
                numbered(
                    5061,
                    f"{source.server}: a row takes a statement of {longest >> 20} MB, and the server takes {allowed >> 20} MB. "
                    f"Let its owner raise max_allowed_packet, for as long as this takes",
                )
            )
        return f"{LOW}\n{program}"
    return f"{LOW}\nset -- {limit} {shlex.join(words)}\n{dump_loading.ROOMY}{program}"


class _Once:
    """A stream that is given away once; what went wrong with it is known afterwards."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts, self._given = parts, False
        self._fault: Exception | None = None

    def start(self) -> Iterator[bytes]:
        """Yield the stream."""
        if self._given:
            self._fault = BackupError("the connection was lost before the load began; run the same command again")
            return
        self._given = True
        try:
            yield from self._parts
        except (archive.DamagedError, OSError, ValueError) as fault:
            self._fault = fault

    def check(self) -> None:
        """Raise what went wrong while the stream was read."""
        if self._fault is not None:
            raise BackupError(numbered(7101, f"the backup cannot be read: {self._fault}")) from self._fault


@contextmanager
def scratch_schema(source: Source, hub_root: str, charset: str, collation: str) -> Iterator[str]:
    """Make an empty schema for a block of work, and drop it afterwards; those of killed runs of this hub are dropped first.

    Raises:
        DatabaseError: the server refuses.
    """
    mine = f"{PREFIX}{_word(hub_root)}_"
    name = f"{mine}{os.getpid():x}_{secrets.token_hex(4)}"
    with client.connect(source.endpoint) as open_session:
        listed = open_session.rows(
            "SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE %s", (f"{mine}%",)
        )
        for left in _left_behind((str(row[0]) for row in listed), mine, _is_alive):
            open_session.rows(f"DROP DATABASE IF EXISTS {statements.name(left)}")
        create_schema(open_session, name, charset, collation)
    try:
        yield name
    finally:
        with client.connect(source.endpoint) as open_session:
            open_session.rows(f"DROP DATABASE IF EXISTS {statements.name(name)}")


def want_room(source: Source, size: int, again: str) -> None:
    """See that a scratch schema has room on the database server's disk: neither proof nor restore must fill it.

    Args:
        source: the site, whose database server it is.
        size: bytes of the dump; the tables take about as much, and their indexes as much again.
        again: the command that is to be run when there is room.

    Raises:
        BackupError: there is too little.
        HostError: the machine cannot be reached.
    """
    if source.conn.kind == "none" or size < SMALL:
        return
    free = room.free(source.conn, "looking for room for a scratch schema")
    if 0 <= free < 2 * size + RESERVE:
        raise BackupError(
            numbered(
                5060,
                f"{source.server}: a scratch schema for the backup takes up to {2 * size >> 20} MB, and the disk of the "
                f"databases has {free >> 20} MB left. Make room there, then run: {again}",
            )
        )


def create_schema(open_session: client.Session, name: str, charset: str, collation: str) -> None:
    """Make an empty schema with a character set and a collation; what is no name of one is left out."""
    words = [
        f"{key} {value}"
        for key, value in (("CHARACTER SET", charset), ("COLLATE", collation))
        if re.fullmatch("[a-z0-9_]+", value)
    ]
    open_session.rows(" ".join([f"CREATE DATABASE {statements.name(name)}", *words]))


def _left_behind(names: Iterable[str], mine: str, is_alive: Callable[[int], bool]) -> list[str]:
    found = []
    for name in names:
        process = name.removeprefix(mine).partition("_")[0]
        if name.startswith(mine) and re.fullmatch("[0-9a-f]{1,8}", process) and not is_alive(int(process, 16)):
            found.append(name)
    return found


def _is_alive(process: int) -> bool:
    with suppress(PermissionError):
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return False
    return True


def _word(hub_root: str) -> str:
    """Tell this hub from others, in eight characters."""
    return sha256(f"{socket.gethostname()}:{hub_root}".encode()).hexdigest()[:8]
