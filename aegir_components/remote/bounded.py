"""What a program prints, up to a limit: a machine in somebody else's hands may answer without end."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import IO

from aegir_components.hub.environment import without_pulumis
from aegir_components.messages import AegirError, numbered

LONGEST = 64_000_000
"""Bytes of one answer; our longest, a list of all that is in a release, has some millions."""
_CHUNK = 1 << 16
GRACE = 5.0
"""Seconds to end in, for an interrupted program."""


class AnswerTooLongError(AegirError):
    """A program printed more than it may."""

    def __init__(self) -> None:
        super().__init__(
            numbered(
                4062,
                f"it answered with more than {LONGEST // 1_000_000} MB, which no answer has. Nothing of it was used. Find out "
                f"what prints there; the machine may be in somebody else's hands",
            )
        )


class Reader:
    """The output of a program, counted."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._left = LONGEST

    def read(self) -> bytes:
        """Read all of it.

        Raises:
            AnswerTooLongError: there is more than may be.
        """
        return b"".join(self._parts())

    def __iter__(self) -> Iterator[bytes]:
        """Read it line by line, as it comes; raises as ``read`` does."""
        while line := self._stream.readline(self._left + 1):
            yield self._counted(line)

    def _parts(self) -> Iterator[bytes]:
        while part := self._stream.read(_CHUNK):
            yield self._counted(part)

    def _counted(self, part: bytes) -> bytes:
        self._left -= len(part)
        if self._left < 0:
            raise AnswerTooLongError
        return part


class Listener:
    """Reads a stream beside other work, so that its program never waits for a reader."""

    def __init__(self, process: subprocess.Popen[bytes], stream: IO[bytes]) -> None:
        self._process, self._reader = process, Reader(stream)
        self._said, self._fault = b"", False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            self._said = self._reader.read()
        except AnswerTooLongError:
            self._fault = True
            self._process.kill()

    def said(self) -> bytes:
        """Wait for the end, and give all of it.

        Raises:
            AnswerTooLongError: it printed more than it may, and was ended.
        """
        self._thread.join()
        if self._fault:
            raise AnswerTooLongError
        return self._said


def run(
    command: list[str], *, data: bytes | None = None, timeout: float, stdin: IO[bytes] | int | None = None,
    stdout: IO[bytes] | int = subprocess.PIPE, env: Mapping[str, str] | None = None, apart: bool = False,
    stderr: IO[bytes] | int = subprocess.PIPE,
) -> subprocess.CompletedProcess[bytes]:  # fmt: skip
    """Run a program as ``subprocess.run`` does, and keep no more of what it prints than it may print.

    Args:
        command: program and arguments.
        data: its input.
        timeout: seconds.
        stdin: where its input comes from, in place of ``data``.
        stdout: where its output goes; what goes into a file has no limit here.
        env: its environment, in place of ours without what is Pulumi's.
        apart: whether it has a process group of its own, to which no terminal sends Ctrl-C. When this process is interrupted,
            it passes that on.
        stderr: where its errors go.

    Raises:
        AnswerTooLongError: it printed more than it may.
        subprocess.TimeoutExpired: it took too long.
        OSError: it could not be started.
    """
    given = subprocess.PIPE if data is not None else stdin if stdin is not None else subprocess.DEVNULL
    # Not as a context: that would close what a program's children still hold open, and wait for them.
    process = subprocess.Popen(
        command, stdin=given, stdout=stdout, stderr=stderr, env=env or without_pulumis(),
        process_group=0 if apart else None,
    )  # fmt: skip
    late = threading.Event()

    def end() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(timeout, end)
    timer.daemon = True
    timer.start()
    try:
        streams = [stream for stream in (process.stdout, process.stderr) if stream is not None]
        listeners = [Listener(process, stream) for stream in streams]
        if data is not None and process.stdin is not None:
            # It ended before it took everything: its status says why.
            with suppress(BrokenPipeError):
                process.stdin.write(data)
            with suppress(BrokenPipeError):
                process.stdin.close()
        process.wait()
        if late.is_set():
            raise subprocess.TimeoutExpired(command, timeout)
        said = [listener.said() for listener in listeners]
    except KeyboardInterrupt:
        if apart:
            _interrupt(process)
        raise
    finally:
        timer.cancel()
    for stream in streams:
        stream.close()
    output, errors = (said.pop(0) if stream is not None else b"" for stream in (process.stdout, process.stderr))
    return subprocess.CompletedProcess(command, process.returncode, output, errors)


def _interrupt(process: subprocess.Popen[bytes]) -> None:
    """Have it end in its own way, which is what Ctrl-C would have done; by force after a moment."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGINT)
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
