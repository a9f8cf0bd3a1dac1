"""rsync over the shared ssh connection."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Sequence

from aegir_components.messages import around, numbered

from . import bounded, noise
from .classify import tail
from .connection import Connection
from .errors import HUB, CommandFailed, CommandTimeout, HostUnreachable
from .multiplex import in_session
from .ssh import command_as

COPY_TIMEOUT = 1800.0
"""Seconds for one copy; rsync itself gives up after a silence of ``SILENCE``."""
SILENCE = 60
"""Seconds without a byte after which rsync ends."""

_MEANING = {
    2: "the other end did not speak rsync's language",
    11: "a file could not be written there; the disk may be full",
    12: "the stream broke: rsync is missing there, or the connection was cut",
    23: "some files could not be copied",
    24: "files disappeared from the source while it was copied",
    30: f"nothing came for {SILENCE} s",
    127: "rsync is not installed there",
}
"""Of rsync(1), "EXIT VALUES"."""


_NOISY = "is your shell clean?"


def _hubs_own(said: str) -> str | None:
    """Give what rsync's end on the hub says of the hub's disk; ``None`` where it says nothing of that."""
    lines = [line for line in said.splitlines() if line.startswith("rsync: [sender]")]
    words = ("No space left on device", "Input/output error", "Permission denied")
    return next((line for line in lines if any(word in line for word in words)), None)


def copy(
    conn: Connection, source: str, target: str, *, options: Sequence[str] = (), user: str = "root",
    timeout: float = COPY_TIMEOUT,
) -> None:  # fmt: skip
    """Copy a file or tree from the hub to the machine.

    Args:
        conn: the machine.
        source: path on the hub; with a trailing slash the content of a directory.
        target: path on the machine.
        options: more of rsync's options.
        user: whose rights the machine's end has.
        timeout: seconds.

    Raises:
        CommandFailed: rsync ended with an error.
        CommandTimeout: it took too long.
        HostUnreachable: the connection broke.
    """
    base = ["rsync", "--links", "--times", "--recursive", f"--timeout={SILENCE}", *options]
    if conn.kind == "local":
        login = "root" if os.geteuid() == 0 else ""
        command = [*command_as(login, user, base), "--", source, target]
        _judge(conn, _run(conn, command, timeout), source, target)
        return
    # --protect-args: names with spaces or quotes are not read by the remote shell.
    there = shlex.join(command_as(conn.user, user, ["rsync"]))
    address = f"[{conn.address}]" if ":" in conn.address else conn.address

    def work(client: list[str]) -> subprocess.CompletedProcess[str]:
        options = ["--protect-args", "-e", shlex.join(client), f"--rsync-path={there}"]
        return _run(conn, [*base, *options, "--", source, f"{address}:{target}"], timeout)

    _judge(conn, in_session(conn, work), source, f"{address}:{target}")


def _run(conn: Connection, command: list[str], timeout: float) -> subprocess.CompletedProcess[str]:
    try:
        done = bounded.run(command, timeout=timeout)
    except subprocess.TimeoutExpired:
        raise CommandTimeout(
            conn.host, numbered(4060, f"rsync to {command[-1]} did not end within {timeout:g} s")
        ) from None
    except bounded.AnswerTooLongError as fault:
        raise CommandFailed(conn.host, around(fault, f"rsync to {command[-1]}: {fault}")) from None
    said = (part.decode(errors="replace") for part in (done.stdout, done.stderr))
    return subprocess.CompletedProcess(command, done.returncode, *said)


def _judge(conn: Connection, done: subprocess.CompletedProcess[str], source: str, target: str) -> None:
    if done.returncode == 0:
        return
    meaning = _MEANING.get(done.returncode, "see rsync(1), EXIT VALUES")
    if _NOISY in done.stderr:
        why = noise.advice(conn)
        raise CommandFailed(conn.host, around(why, f"rsync of {source} to {target} could not begin: {why}"))
    if (hub := _hubs_own(done.stderr)) is not None:
        raise CommandFailed(
            HUB,
            numbered(4076, f"rsync of {source} to {target} ended, since the hub's own disk has a problem: {hub}"),
        )
    text = numbered(
        4075, f"rsync of {source} to {target} ended with {done.returncode} ({meaning}): {tail(done.stderr)}"
    )
    if done.returncode == 255:
        raise HostUnreachable(conn.host, text)
    raise CommandFailed(conn.host, text)
