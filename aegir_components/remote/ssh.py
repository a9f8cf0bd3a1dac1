"""Scripts on machines: sent over stdin, run by a POSIX shell as root, answered on stdout."""

from __future__ import annotations

import getpass
import os
import shlex
import subprocess
from dataclasses import dataclass

from aegir_components.messages import numbered

from . import bounded
from .classify import BEGIN, command_failure
from .connection import Connection
from .errors import CommandTimeout, HostError
from .multiplex import in_session

DEFAULT_TIMEOUT = 120.0
"""Seconds that a script may take when nothing else is said."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a script printed after its first line."""

    stdout: str
    stderr: str


SHELL = ["sh", "-c", 'eval "$(cat)"']
"""Reads the whole script before it runs any of it. So no command of the script eats the rest as its input, and no part
is ever an argument of a process."""


def command_as(login: str, user: str, argv: list[str]) -> list[str]:
    """Give the command that runs ``argv`` as ``user`` for somebody who is logged in as ``login``."""
    if login == user:
        return argv
    if login == "root":
        return ["runuser", "-u", user, "--", *argv]
    return ["sudo", "-n", "-u", user, *argv]


def run(conn: Connection, script: str, *, what: str, user: str = "root", timeout: float = DEFAULT_TIMEOUT) -> Answer:
    """Run ``script`` on the machine.

    Args:
        conn: the machine.
        script: POSIX shell text; it may hold secrets.
        what: what is being done, for error texts: "preparing the web server".
        user: whose rights it runs with.
        timeout: seconds; after them the local end is abandoned (the remote script may still be running, which
            is why scripts take a lock there).

    Raises:
        HostError: which of its kinds says what went wrong.
    """
    text = f"printf '%s\\n' {BEGIN}\n{script}\n"
    if conn.kind == "none":
        raise HostError(
            conn.host, numbered(4065, f"{what}: nothing runs there; its connection is none in the stack file")
        )
    try:
        if conn.kind == "local":
            login = "root" if os.geteuid() == 0 else getpass.getuser()
            done = _execute(command_as(login, user, SHELL), text, timeout)
        else:
            command = "exec " + shlex.join(command_as(conn.user, user, SHELL))
            done = in_session(conn, lambda client: _execute([*client, conn.address, command], text, timeout))
    except subprocess.TimeoutExpired:
        raise CommandTimeout(
            conn.host,
            numbered(
                4060,
                f"{what} did not end within {timeout:g} s. Look on the machine at what hangs (ps aux), then run the same "
                f"command again: it goes on from what it finds",
            ),
        ) from None
    except bounded.AnswerTooLongError as fault:
        raise HostError(conn.host, f"{what}: {fault}") from None
    except OSError as fault:
        raise HostError(
            conn.host, numbered(4064, f"{what}: the command could not be started on the hub: {fault}")
        ) from fault
    if done.returncode != 0 or BEGIN not in done.stdout:
        raise command_failure(conn, what, done.returncode, done.stdout, done.stderr)
    return Answer(done.stdout.split(f"{BEGIN}\n", 1)[-1], done.stderr)


def _execute(command: list[str], text: str, timeout: float) -> subprocess.CompletedProcess[str]:
    done = bounded.run(command, data=text.encode(errors="surrogateescape"), timeout=timeout)
    stdout, stderr = (part.decode(errors="surrogateescape") for part in (done.stdout, done.stderr))
    return subprocess.CompletedProcess(command, done.returncode, stdout, stderr)
