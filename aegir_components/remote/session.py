"""Scripts that are fed while they run: with a stream after the script, or with a word for which they wait."""

from __future__ import annotations

import getpass
import os
import shlex
import subprocess
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import IO

from aegir_components.hub.environment import without_pulumis
from aegir_components.messages import numbered

from . import bounded
from .classify import BEGIN, command_failure
from .connection import Connection
from .errors import CommandTimeout, HostError
from .multiplex import in_session
from .ssh import Answer, command_as

READY = b"::ready"
"""The line with which a script says that all but its last step is done."""
GO = b"go\n"


def send(
    conn: Connection, script: str, stream: Callable[[], Iterable[bytes]], *, what: str, user: str, timeout: float
) -> Answer:
    """Run a script on the machine whose standard input is a stream.

    Args:
        conn: the machine.
        script: POSIX shell text.
        stream: gives the stream from its beginning; asked again when a session was lost before it began.
        what: what is being done, for error texts.
        user: whose rights it runs with.
        timeout: seconds for all of it.

    Raises:
        HostError: which of its kinds says what went wrong.
    """

    def talk(stdin: IO[bytes], stdout: bounded.Reader) -> bytes:
        def feed() -> None:
            # It ended before it took everything: its status says why.
            with suppress(BrokenPipeError), stdin:
                for part in stream():
                    stdin.write(part)

        feeder = threading.Thread(target=feed, daemon=True)
        feeder.start()
        said = stdout.read()
        feeder.join()
        return said

    return _run(conn, script, talk, what=what, user=user, timeout=timeout)


def hold(
    conn: Connection, script: str, ready: Callable[[], bool], *, what: str, user: str = "root", timeout: float
) -> Answer:
    """Run a script that says when it is ready, and give it the word to go on, or none.

    Args:
        conn: the machine.
        script: POSIX shell text; it may hold secrets.
        ready: called when the script is ready; waits, and tells whether it shall go on. A script that has nothing to do
            ends without being ready.
        what: what is being done, for error texts.
        user: whose rights it runs with.
        timeout: seconds for all of it.

    Raises:
        HostError: which of its kinds says what went wrong.
    """

    def talk(stdin: IO[bytes], stdout: bounded.Reader) -> bytes:
        said = []
        with suppress(BrokenPipeError), stdin:
            for line in stdout:
                said.append(line)
                if line.startswith(READY):
                    if ready():
                        stdin.write(GO)
                    break
        return b"".join(said) + stdout.read()

    return _run(conn, script, talk, what=what, user=user, timeout=timeout)


def _run(
    conn: Connection,
    script: str,
    talk: Callable[[IO[bytes], bounded.Reader], bytes],
    *,
    what: str,
    user: str,
    timeout: float,
) -> Answer:
    text = f"printf '%s\\n' {BEGIN}\n{script}\n".encode(errors="surrogateescape")
    # Exactly the script is read before any of it runs; what comes after it is its input.
    shell = ["sh", "-c", f'eval "$(head -c {len(text)})"']
    if conn.kind == "none":
        raise HostError(
            conn.host, numbered(4065, f"{what}: nothing runs there; its connection is none in the stack file")
        )

    def work(command: list[str]) -> subprocess.CompletedProcess[str]:
        return _execute(command, text, talk, timeout)

    try:
        if conn.kind == "local":
            login = "root" if os.geteuid() == 0 else getpass.getuser()
            done = work(command_as(login, user, shell))
        else:
            remote = "exec " + shlex.join(command_as(conn.user, user, shell))
            done = in_session(conn, lambda client: work([*client, conn.address, remote]))
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


def _execute(
    command: list[str], text: bytes, talk: Callable[[IO[bytes], bounded.Reader], bytes], timeout: float
) -> subprocess.CompletedProcess[str]:
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=without_pulumis()) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        late = threading.Event()

        def end() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(timeout, end)
        timer.start()
        assert process.stderr is not None
        listener = bounded.Listener(process, process.stderr)
        try:
            with suppress(BrokenPipeError):
                process.stdin.write(text)
                process.stdin.flush()
            said = talk(process.stdin, bounded.Reader(process.stdout))
            errors = listener.said()
            process.wait()
        except bounded.AnswerTooLongError:
            process.kill()
            raise
        finally:
            timer.cancel()
        if late.is_set():
            raise subprocess.TimeoutExpired(command, timeout)
    return subprocess.CompletedProcess(
        command, process.returncode,
        said.decode(errors="surrogateescape"), errors.decode(errors="surrogateescape"),
    )  # fmt: skip
