"""Scripts whose output is a stream: handed on as it comes, never kept."""

from __future__ import annotations

import getpass
import os
import shlex
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import IO

from aegir_components.hub.environment import without_pulumis
from aegir_components.messages import numbered

from . import bounded
from .classify import BEGIN, command_failure
from .connection import Connection
from .errors import CommandTimeout, HostError
from .multiplex import in_session
from .ssh import SHELL, command_as

_NOISE = 1 << 20
"""Bytes that a login's shell may print before the script begins."""


def receive(
    conn: Connection, script: str, take: Callable[[IO[bytes]], None], *, what: str, user: str = "root", timeout: float
) -> str:
    """Run a script and hand its output to a reader; return what it printed on standard error.

    Args:
        conn: the machine.
        script: POSIX shell text.
        take: reads the output to its end. It is called once, and only when the script has begun.
        what: what is being done, for error texts.
        user: whose rights it runs with.
        timeout: seconds for all of it.

    Raises:
        HostError: which of its kinds says what went wrong; the reader may have read a part by then.
    """
    if conn.kind == "none":
        raise HostError(
            conn.host, numbered(4065, f"{what}: nothing runs there; its connection is none in the stack file")
        )
    text = f"printf '%s\\n' {BEGIN}\n{script}\n".encode(errors="surrogateescape")
    begun = threading.Event()

    def work(command: list[str]) -> subprocess.CompletedProcess[bytes]:
        return _run(command, text, take, begun, timeout)

    try:
        if conn.kind == "local":
            login = "root" if os.geteuid() == 0 else getpass.getuser()
            done = work(command_as(login, user, SHELL))
        else:
            remote = "exec " + shlex.join(command_as(conn.user, user, SHELL))
            done = in_session(conn, lambda client: work([*client, conn.address, remote]))
    except subprocess.TimeoutExpired:
        raise CommandTimeout(conn.host, numbered(4060, f"{what} did not end within {timeout:g} s")) from None
    except bounded.AnswerTooLongError as fault:
        raise HostError(conn.host, f"{what}: {fault}") from None
    except OSError as fault:
        raise HostError(conn.host, numbered(4064, f"{what}: {fault}")) from fault
    errors = done.stderr.decode(errors="replace")
    if done.returncode != 0 or not begun.is_set():
        raise command_failure(conn, what, done.returncode, BEGIN if begun.is_set() else "", errors)
    return errors


def _run(
    command: list[str], text: bytes, take: Callable[[IO[bytes]], None], begun: threading.Event, timeout: float
) -> subprocess.CompletedProcess[bytes]:
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=without_pulumis()) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        late = threading.Event()

        def end() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(timeout, end)
        timer.daemon = True
        timer.start()
        listener = bounded.Listener(process, process.stderr)
        try:
            with suppress(BrokenPipeError), process.stdin:
                process.stdin.write(text)
            if _skip_noise(process.stdout):
                begun.set()
                take(process.stdout)
            while process.stdout.read(1 << 16):
                pass
            errors = listener.said()
            process.wait()
        except BaseException:
            process.kill()
            raise
        finally:
            timer.cancel()
        if late.is_set():
            raise subprocess.TimeoutExpired(command, timeout)
    return subprocess.CompletedProcess(command, process.returncode, b"", errors)


def _skip_noise(stream: IO[bytes]) -> bool:
    """Read to the line with which a script begins; return whether it came."""
    left = _NOISE
    while left > 0 and (line := stream.readline(left)):
        if line.rstrip(b"\r\n").endswith(BEGIN.encode()):
            return True
        left -= len(line)
    return False
