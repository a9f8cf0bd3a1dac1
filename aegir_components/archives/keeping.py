"""What is kept on the hub before data are removed (docs/decisions, invariant 4): written, then proven, then named.

A dump is proven by loading it into a scratch database and counting every table's rows. An archive of files is proven by
reading it to its end and comparing the number of its entries. The checksums of a dump's tables are kept beside it, so
that a database that has not changed since need not be dumped again. Where the stack has backups, both are encrypted as
they come (``encrypting``).
"""

from __future__ import annotations

import getpass
import gzip
import json
import os
import secrets
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from aegir_components import layout
from aegir_components.hub import files, hub_disk, wait
from aegir_components.messages import numbered
from aegir_components.mysql import client, databases, dump_loading
from aegir_components.remote import bounded, multiplex, noise
from aegir_components.remote.classify import tail
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import CommandFailed, CommandTimeout, Refused
from aegir_components.remote.ssh import command_as
from aegir_components.scripts import script

from . import encrypting
from .merging import MERGE
from .names import ENDING, directory, is_dump, kept

STREAM_TIMEOUT = 3600.0
"""Seconds for one dump or archive."""
_UNPROVEN = ".part"
"""What the name of a backup ends with until it is proven; one that is not leaves no file that looks like a backup."""


DUMP = (
    "--single-transaction",
    "--quick",
    "--routines",
    "--triggers",
    "--events",
    "--hex-blob",
    "--no-tablespaces",
    "--default-character-set=utf8mb4",
    # A row may be as long as the server takes; the program's own limit is lower.
    "--max-allowed-packet=1G",
    # MySQL's own, where it numbers transactions: a dump that sets these numbers loads into no server that has them. MariaDB's
    # program passes over what begins with `loose`.
    "--loose-set-gtid-purged=OFF",
)


def listing(conn: Connection, path: str) -> str:
    """Give a digest of a directory's names, sizes and times, which tells whether anything was written; empty without one.

    Raises:
        HostError: it could not be read.
    """
    quoted = shlex.quote(path)
    find = f"find {quoted} -printf '%P %y %s %T@\\n' | LC_ALL=C sort | sha256sum"
    report = script.execute(
        conn, "check", [f'[ ! -d {quoted} ] || fact listing "$({find})"'], what="listing the site's files"
    )
    return report.facts.get("listing", "")


def save_files(conn: Connection, path: str, site: str, keys: encrypting.Keys | None = None) -> Path | None:
    """Bring a directory of a machine to the hub as a tar archive; ``None`` when it is not there.

    Args:
        conn: the machine.
        path: the directory.
        site: whose it is.
        keys: who can read the archive; ``None`` leaves it in clear.

    Raises:
        HostError: it could not be read whole; the machine's files are untouched.
    """
    # A socket is in no archive: it is a meeting point of running programs, and has no content.
    report = script.execute(
        conn, "check", [f'[ -d {shlex.quote(path)} ] && fact entries "$(find {shlex.quote(path)} ! -type s -printf x | wc -c)"'],
        what="looking for the site's files",
    )  # fmt: skip
    if "entries" not in report.facts:
        return None
    target = _free_name(conn, site, f"-{conn.host}-files.tar.gz", keys)
    with files.replacing(target, target.with_suffix(_UNPROVEN)) as part:
        words = ["tar", "-C", path, "--create", "--gzip", "--numeric-owner", "--acls", "--file=-", "."]
        _bring(conn, words, part, keys, called=f"nothing was removed: archiving {path}" if keys else "")
        try:
            got = _entries(part, keys.own if keys else "")
        except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, encrypting.UnreadableError) as fault:
            raise Refused(
                conn.host, numbered(7110, f"the archive of {path} arrived damaged ({fault}); nothing was removed")
            ) from None
        # What is no number is no proof.
        if got < report.number("entries", sys.maxsize):
            raise Refused(
                conn.host,
                numbered(
                    7110,
                    f"the archive of {path} has {got} entries of {report.number('entries', -1)}; nothing was removed",
                ),
            )
    return target


def _entries(archive: Path, key: str) -> int:
    """Count what is in an archive of files, and read it to its end."""
    with encrypting.reading(archive, key) as came, gzip.open(came, "rb") as text:
        with tarfile.open(fileobj=text, mode="r|") as members:
            found = sum(1 for _ in members)
        # What gzip compares with is behind the archive's own end.
        while text.read(1 << 20):
            pass
    return found


def copy_files(source: Connection, target: Connection, home: str, user: str, parts: Iterable[str]) -> None:
    """Bring directories of a machine to another, by way of the hub; what is newer there stays.

    Args:
        source: the machine that has them.
        target: the machine that gets them. Nothing is written through a link there, and all becomes the site's.
        home: the directory that they are in, on both.
        user: whose they are.
        parts: their paths below it.

    Raises:
        HostError: they could not be read or written whole.
    """
    with tempfile.TemporaryDirectory(prefix=".copy-", dir=directory(source)) as scratch:
        part, listed = Path(scratch, "files.tar.gz"), tuple(parts)
        _stream(
            source, ["tar", "-C", home, "--gzip", "--numeric-owner", "--acls", "--file=-", "--create", *listed], part
        )
        unpack_files(part, target, home, user, listed)


def unpack_files(archive: Path, target: Connection, home: str, user: str, parts: Iterable[str], key: str = "") -> None:
    """Merge directories of an archive of ``home`` into a machine's, as ``copy_files`` does; what is newer there stays."""
    _feed(target, ["sh", "-c", MERGE, "sh", home, user, *parts], archive, key, called=f"copying uploads into {home}")


def save_database(
    conn: Connection, endpoint: client.Endpoint, database: str, site: str, keys: encrypting.Keys | None = None
) -> Path:
    """Dump a database to the hub, load the dump into a scratch database and compare the rows of every table.

    Args:
        conn: the database server's machine.
        endpoint: the way to the server.
        database: which one.
        site: whose it is.
        keys: who can read the dump; ``None`` leaves it in clear.

    Raises:
        HostError: the dump could not be made or loaded; nothing was removed.
        DatabaseError: the server refuses.
    """
    target = _free_name(conn, site, ".sql.gz", keys)
    key = keys.own if keys else ""
    with files.replacing(target, target.with_suffix(_UNPROVEN)) as part:
        sums = databases.checksums(endpoint, database)
        before = databases.tables(endpoint, database)
        with client_options(conn, endpoint) as (where, login):
            command = shlex.join(["mysqldump", *login, *DUMP, database])
            called = f"nothing was removed: mysqldump of {database}"
            _bring(where, ["sh", "-c", _both(command)], part, keys, called=called)
        longest = _check_end(conn, database, part, key)
        scratch = f"aegir_proof_{secrets.token_hex(6)}"
        with client.connect(endpoint) as session:
            session.rows(f"CREATE DATABASE `{scratch}`")
        try:
            with client_options(conn, endpoint) as (where, login):
                words = dump_loading.command(conn, endpoint, login, scratch, longest)
                called = f"nothing was removed: loading the dump of {database}" if key else ""
                _feed(where, words, part, key, called=called)
            after = databases.tables(endpoint, scratch)
        finally:
            with client.connect(endpoint) as session:
                session.rows(f"DROP DATABASE IF EXISTS `{scratch}`")
        if set(before) != set(after) or any(after[name] < rows for name, rows in before.items()):
            raise Refused(
                conn.host,
                numbered(
                    7112, f"the dump of {database} does not load to the same tables and rows; nothing was removed"
                ),
            )
        if sums == databases.checksums(endpoint, database):
            record = _sums(target)
            record.parent.mkdir(mode=0o700, exist_ok=True)
            record.write_text(json.dumps({"database": database, "sums": sums, "recipient": _recipient(keys)}))
    return target


def has_database(
    conn: Connection, endpoint: client.Endpoint, database: str, site: str, keys: encrypting.Keys | None = None
) -> bool:
    """Tell whether the newest dump of a site holds what is in its database now, for those who have a key now.

    A stack whose state was lost has other keys since: it cannot read a dump of before.

    Raises:
        DatabaseError: the server does not answer, or refuses.
    """
    dumps = [path for path in kept(conn, site) if is_dump(path)]
    try:
        record = json.loads(_sums(dumps[-1]).read_text())
    except (IndexError, OSError, ValueError):
        return False
    if record.get("recipient", "") != _recipient(keys):
        return False
    return (record.get("database"), record.get("sums")) == (database, databases.checksums(endpoint, database))


def _recipient(keys: encrypting.Keys | None) -> str:
    return keys.recipient if keys else ""


def _both(command: str) -> str:
    """Write what a command prints through gzip, and end with the command's own status: a pipe's is that of its end."""
    return f"exec 4>&1; status=$({{ {{ {command}; echo $? >&3; }} | gzip -c >&4; }} 3>&1); exit $status"


def _sums(dump: Path) -> Path:
    return dump.parent / ".sums" / f"{dump.name}.json"


def _free_name(conn: Connection, site: str, ending: str, keys: encrypting.Keys | None = None) -> Path:
    """Name a backup after its moment; one that is there already, of another directory in the same second, is never replaced."""
    ending += ENDING if keys else ""

    def free() -> Path | None:
        target = directory(conn) / f"{layout.file_name(site)}-{_now()}{ending}"
        return None if target.exists() else target

    found = wait.until(free, seconds=None, pause=0.2)
    assert found is not None
    return found


def _check_end(conn: Connection, database: str, dump: Path, key: str = "") -> int:
    """See that a dump is whole, and give the length of its longest line, which is a statement, in bytes."""
    ending, line, longest = b"", 0, 0
    try:
        with encrypting.reading(dump, key) as came, gzip.open(came, "rb") as packed:
            while chunk := packed.read(1 << 20):
                ending = (ending + chunk)[-200:]
                first, *more = chunk.split(b"\n")
                line += len(first)
                longest = max(longest, line, *(len(each) for each in more))
                line = len(more[-1]) if more else line
    except (OSError, EOFError, zlib.error) as fault:
        raise Refused(
            conn.host, numbered(7110, f"the dump of {database} arrived damaged ({fault}); nothing was removed")
        ) from None
    if b"Dump completed" not in ending:
        raise Refused(conn.host, numbered(7110, f"the dump of {database} has no end; nothing was removed"))
    return longest


@contextmanager
def client_options(conn: Connection, endpoint: client.Endpoint) -> Iterator[tuple[Connection, list[str]]]:
    """Give the machine that MySQL's programs run on, and their options: root's socket, or the network from the hub."""
    if conn.kind != "none":
        yield conn, ["--protocol=socket", "--user=root"]
        return
    if shutil.which("mysqldump") is None:
        raise Refused(
            conn.host,
            numbered(
                7111,
                "nothing was removed: its database is somebody else's, and the dump has to be made on the hub, which has no "
                "mysqldump. On the hub: apt-get install default-mysql-client",
            ),
        )
    with tempfile.NamedTemporaryFile("w", prefix="aegir-login-", suffix=".cnf") as file:  # 0600, and gone afterwards
        # Of "Using Option Files": backslashes are doubled, and the outermost quotes are taken off.
        secret = endpoint.password.replace("\\", "\\\\")
        lines = ["[client]", f"host={endpoint.address}", f"port={endpoint.port}", f"user={endpoint.user}"]
        file.write("\n".join([*lines, f'password="{secret}"', "protocol=tcp", client.UNASKED]) + "\n")
        file.flush()
        hub = replace(conn, host="the hub", kind="local", user=getpass.getuser())
        yield hub, [f"--defaults-extra-file={file.name}"]


def _now() -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())


def _command(conn: Connection, argv: list[str], ssh: list[str]) -> list[str]:
    if conn.kind == "local":
        return command_as(getpass.getuser(), conn.user, argv)
    return [*ssh, conn.address, shlex.join(command_as(conn.user, "root", argv))]


def _stream(conn: Connection, argv: list[str], target: Path, *, called: str = "") -> None:
    try:
        with target.open("xb") as out:
            target.chmod(0o600)
            _run(conn, argv, stdin=subprocess.DEVNULL, stdout=out, called=called)
            out.flush()
            os.fsync(out.fileno())
    except (CommandFailed, OSError):
        # ssh ends with a word of its own where it cannot write what comes; that is not the machine's doing.
        target.unlink(missing_ok=True)
        hub_disk.refuse_full(target.parent)
        raise
    noise.cut(conn, target)


def _bring(conn: Connection, argv: list[str], target: Path, keys: encrypting.Keys | None, *, called: str) -> None:
    """Write what a program prints to a file, for those who have a key or in clear."""
    if keys is None:
        _stream(conn, argv, target, called=called)
    else:
        encrypting.receive(conn, argv, target, keys, called=called)


def _feed(conn: Connection, argv: list[str], source: Path, key: str = "", *, called: str = "") -> None:
    if key:
        encrypting.send(conn, argv, source, key, called=called)
        return
    with source.open("rb") as data:
        _run(conn, argv, stdin=data, stdout=subprocess.DEVNULL, called=called)


def run(conn: Connection, argv: list[str], *, called: str) -> None:
    """Run a program on a machine as root, or on the hub, with no input; its output goes nowhere.

    Raises:
        HostError: it failed; says what it said without a site's rows.
    """
    _run(conn, argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, called=called)


def _run(conn: Connection, argv: list[str], *, stdin: BinaryIO | int, stdout: BinaryIO | int, called: str = "") -> None:
    """Run a program; ``called`` is what messages call it, where its command says less."""

    def go(ssh: list[str]) -> subprocess.CompletedProcess[bytes]:
        if not isinstance(stdin, int):
            stdin.seek(0)
        try:
            return bounded.run(_command(conn, argv, ssh), stdin=stdin, stdout=stdout, timeout=STREAM_TIMEOUT)
        except subprocess.TimeoutExpired:
            raise CommandTimeout(
                conn.host, numbered(4060, f"{argv[0]} did not end within {STREAM_TIMEOUT:g} s")
            ) from None
        except bounded.AnswerTooLongError as fault:
            raise CommandFailed(conn.host, f"{called or argv[0]}: {fault}") from None

    done = go([]) if conn.kind == "local" else multiplex.in_session(conn, go)
    if done.returncode != 0:
        said = tail(done.stderr.decode(errors="replace"))
        raise CommandFailed(conn.host, f"{called or shlex.join(argv)[:80]} exited {done.returncode}: {said}")
