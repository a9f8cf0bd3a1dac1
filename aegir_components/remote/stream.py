"""Scripts whose output is read while they run, and that end when nobody listens any more."""

from __future__ import annotations

import getpass
import os
import secrets
import shlex
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, Final, Literal

from aegir_components.hub.environment import without_pulumis
from aegir_components.messages import numbered

from .bounded import LONGEST
from .classify import BEGIN, command_failure
from .connection import Connection
from .errors import CommandTimeout, HostError
from .multiplex import in_session
from .ssh import command_as

Channel = Literal["out", "err"]
Line = Callable[[Channel, bytes], None]
"""Is told of a piece of output: a line with its end, the rest of one, or a part of one that is very long."""

LONGEST_LINE: Final = 1 << 16
"""Bytes that are handed on at once."""
GRACE: Final = 60.0
"""Seconds beside the time limit that the script itself keeps: for the login, and for ending what runs."""
LAST_WORDS: Final = 10.0
"""Seconds to wait for the rest of the output when there is a status."""
_POLL: Final = 0.2


class Stopped(Exception):
    """Somebody asked to stop, and the script was ended."""


class OutputTooLong(HostError):
    """The command printed more than it may, and was ended."""


@dataclass(slots=True)
class _Talk:
    """What is said between the hub and one script."""

    nonce: str
    line: Line
    longest: int
    begun: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)
    """There is a status, or too much output, or both streams have ended."""
    before: list[bytes] = field(default_factory=list)
    """What the script itself said on its output before it started the command."""
    waiting: list[bytes] = field(default_factory=list)
    """What came on standard error before that."""
    status: int | None = None
    total: int = 0
    too_long: bool = False
    streams: int = 2
    _empty: int = 0
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def out(self, piece: bytes) -> None:
        """Take a piece of the script's output."""
        if self.begun.is_set():
            self._count(piece)
            self.line("out", piece)
        elif piece == f"::started {self.nonce}\n".encode():
            with self._guard:
                self.begun.set()
                for early in self.waiting:
                    self.line("err", early)
        else:
            self.before.append(piece)

    def err(self, piece: bytes) -> None:
        """Take a piece of standard error, where the script says the status."""
        mark = f"::ended {self.nonce} ".encode()
        if piece.startswith(mark):
            # The line break before the mark is the script's own.
            self._errors(b"\n" * (self._empty - 1))
            self.status = int(piece[len(mark) :])
            self.over.set()
        elif piece == b"\n":
            self._empty += 1
        else:
            self._count(piece)
            self._errors(b"\n" * self._empty + piece)
            self._empty = 0

    def ended(self) -> None:
        """One of the two streams has ended."""
        with self._guard:
            self.streams -= 1
            if not self.streams:
                self.over.set()

    def _errors(self, piece: bytes) -> None:
        with self._guard:
            if piece and self.begun.is_set():
                self.line("err", piece)
            elif piece:
                self.waiting.append(piece)

    def _count(self, piece: bytes) -> None:
        self.total += len(piece)
        if self.total > self.longest:
            self.too_long = True
            self.over.set()


def run(
    conn: Connection,
    script: str,
    line: Line,
    *,
    what: str,
    timeout: float,
    stop: threading.Event | None = None,
    longest: int = LONGEST,
) -> int:
    """Run a script as root, hand its command's output on as it comes, and give the command's exit status.

    The script finds ``NONCE`` set. It prints ``::started $NONCE`` before it starts the command. After it, it prints a line break
    and ``::ended $NONCE STATUS`` on standard error, so that the command's output comes byte by byte. The command does not know
    that word, so it cannot forge its status. The script's standard input ends when the hub does not listen any more, and then it
    has to end the command.

    Args:
        conn: the machine.
        script: POSIX shell text; it may hold secrets.
        line: is called from two threads.
        what: what is being done, for error texts.
        timeout: seconds that the command may take, which the script itself keeps.
        stop: set when it is to be ended early.
        longest: bytes of output after which it is ended.

    Raises:
        Stopped: ``stop`` was set.
        OutputTooLong: it printed more than it may.
        CommandTimeout: it did not end in time.
        HostError: which of its kinds says what went wrong.
    """
    nonce = secrets.token_hex(12)
    text = f"printf '%s\\n' {BEGIN}\nNONCE={nonce}\n{script}\n".encode(errors="surrogateescape")
    shell = ["sh", "-c", f'eval "$(head -c {len(text)})"']
    talk = _Talk(nonce, line, longest)
    if conn.kind == "none":
        raise HostError(
            conn.host, numbered(4065, f"{what}: nothing runs there; its connection is none in the stack file")
        )

    def work(command: list[str]) -> subprocess.CompletedProcess[str]:
        return _execute(command, text, talk, timeout + GRACE, stop or threading.Event())

    try:
        if conn.kind == "local":
            login = "root" if os.geteuid() == 0 else getpass.getuser()
            done = work(command_as(login, "root", shell))
        else:
            remote = "exec " + shlex.join(command_as(conn.user, "root", shell))
            done = in_session(conn, lambda client: work([*client, conn.address, remote]))
    except subprocess.TimeoutExpired:
        raise CommandTimeout(
            conn.host, numbered(4060, f"{what} did not end within {timeout:g} s and was ended")
        ) from None
    except OSError as fault:
        raise HostError(
            conn.host, numbered(4064, f"{what}: the command could not be started on the hub: {fault}")
        ) from fault
    if talk.too_long:
        raise OutputTooLong(
            conn.host,
            numbered(
                4063, f"{what}: it printed more than {longest // 1_000_000} MB and was ended. Send its output to a file"
            ),
        )
    if talk.status is not None:
        return talk.status
    if talk.begun.is_set():
        raise HostError(
            conn.host,
            numbered(4066, f"the connection broke during {what}, so it was ended there. Its result is not known"),
        )
    raise command_failure(conn, what, done.returncode, done.stdout, done.stderr)


def _execute(
    command: list[str], text: bytes, talk: _Talk, limit: float, stop: threading.Event
) -> subprocess.CompletedProcess[str]:
    pipe = subprocess.PIPE
    # In a session of its own: Ctrl-C at the terminal is for us, who end it in order. Not as a context: that would wait for what
    # a program's children still hold open.
    process = subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=pipe, env=without_pulumis(), start_new_session=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    readers = [
        threading.Thread(target=_read, args=(stream, take, talk), daemon=True)
        for stream, take in ((process.stdout, talk.out), (process.stderr, talk.err))
    ]
    for reader in readers:
        reader.start()
    try:
        with suppress(BrokenPipeError):
            process.stdin.write(text)
            process.stdin.flush()
        _wait(process, talk, time.monotonic() + limit, stop)
    finally:
        # The end of its input tells the script that nobody listens.
        with suppress(BrokenPipeError):
            process.stdin.close()
        if talk.status is not None:
            # What the command said last may still be on its way.
            for reader in readers:
                reader.join(LAST_WORDS)
        process.kill()
        process.wait()
    before, errors = (b"".join(parts).decode(errors="surrogateescape") for parts in (talk.before, talk.waiting))
    return subprocess.CompletedProcess(command, process.returncode, before, errors)


def _wait(process: subprocess.Popen[bytes], talk: _Talk, deadline: float, stop: threading.Event) -> None:
    while not talk.over.wait(_POLL):
        if stop.is_set():
            raise Stopped
        if time.monotonic() > deadline:
            raise subprocess.TimeoutExpired(process.args, deadline)
    if talk.status is None and not talk.too_long:
        process.wait(timeout=GRACE)


def _read(stream: IO[bytes], take: Callable[[bytes], None], talk: _Talk) -> None:
    try:
        with stream:
            while not talk.too_long and (piece := stream.readline(LONGEST_LINE)):
                take(piece)
    finally:
        talk.ended()
