"""What commands of sites print, on the way to a terminal, a file or a program: by bytes for one site, tagged for many."""

from __future__ import annotations

import errno
import os
import select
import shutil
import sys
import threading
from collections.abc import Callable
from typing import IO, Any, Final

from aegir_components.messages import numbered
from aegir_components.messages.printable import printable
from aegir_components.remote.stream import Channel

from .ends import Refusal

KEPT: Final = 20_000
"""Bytes of each site's output that a report in JSON has; the end of it."""
NARROW: Final = 80
"""Columns of a terminal below which tags are shortened."""

Sink = Callable[[Channel, bytes], None]


class Printer:
    """Writes whole lines of several sites to the same two streams, and notices when nobody reads them any more."""

    def __init__(self, stop: Callable[[], None], out: IO[Any] | None = None, err: IO[Any] | None = None) -> None:
        self._stop, self._out, self._err = stop, out or sys.stdout, err or sys.stderr
        self._guard = threading.Lock()
        self.broken = False
        self._fault: OSError | None = None

    def raw(self) -> Sink:
        """Give what writes one site's output as it comes: by bytes, but what drives a terminal does not reach one."""

        def sink(channel: Channel, piece: bytes) -> None:
            stream = self._out if channel == "out" else self._err
            self._write(stream, _shown(piece).encode() if stream.isatty() else piece)

        return sink

    def tagged(self, tag: str) -> Tagged:
        """Give what writes one site's lines with its tag before each."""
        return Tagged(lambda channel, line: self._write(self._out if channel == "out" else self._err, line), tag)

    def check(self) -> None:
        """End the program quietly where nobody reads its output any more.

        Raises:
            BrokenPipeError: click turns it into an exit status without a word.
            Refusal: the output cannot be written, as on a full disk.
        """
        if self._fault is not None:
            raise Refusal(
                numbered(9021, f"the output cannot be written: {self._fault.strerror}; what was running was ended")
            )
        if self.broken:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))

    def _write(self, stream: IO[Any], piece: bytes) -> None:
        with self._guard:
            if self.broken:
                return
            try:
                buffer = getattr(stream, "buffer", None)
                if buffer is None:
                    stream.write(piece.decode(errors="replace"))
                else:
                    buffer.write(piece)
                stream.flush()
            except (BrokenPipeError, ValueError):
                self.broken = True
            except OSError as fault:
                self.broken, self._fault = True, fault
        if self.broken:
            self._stop()


def check_reader(stream: IO[Any] | None = None) -> None:
    """End the program quietly where nobody reads its output any more, also while there is nothing to write.

    Raises:
        BrokenPipeError: click turns it into an exit status without a word.
    """
    poller = select.poll()
    try:
        poller.register(stream or sys.stdout, 0)
    except (OSError, ValueError, AttributeError):  # no file: a test's output
        return
    if any(event & select.POLLERR for _, event in poller.poll(0)):
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


class Tagged:
    """Puts a tag before each line of a site's output."""

    def __init__(self, write: Sink, tag: str) -> None:
        self._write, self._tag = write, tag
        self._rest: dict[Channel, bytes] = {"out": b"", "err": b""}

    def __call__(self, channel: Channel, piece: bytes) -> None:
        """Take a piece."""
        whole, found, rest = (self._rest[channel] + piece).rpartition(b"\n")
        self._rest[channel] = rest
        if found:
            self._write(
                channel, "".join(f"{self._tag} {line}\n" for line in _shown(whole + b"\n")[:-1].split("\n")).encode()
            )

    def flush(self) -> None:
        """Write what came without an end of line."""
        for channel, rest in self._rest.items():
            if rest:
                self._write(channel, f"{self._tag} {_shown(rest)}\n".encode())
        self._rest = {"out": b"", "err": b""}


class Kept:
    """Keeps the end of a site's output, for a report in JSON."""

    def __init__(self) -> None:
        self._parts: dict[Channel, bytes] = {"out": b"", "err": b""}

    def __call__(self, channel: Channel, piece: bytes) -> None:
        """Take a piece."""
        self._parts[channel] = (self._parts[channel] + piece)[-KEPT:]

    def text(self, channel: Channel) -> str:
        """Give it, fit for a message."""
        return _shown(self._parts[channel])


def tags(names: list[str], columns: int | None = None) -> dict[str, str]:
    """Give each site's tag, all as long as each other, and shortened where the terminal is narrow."""
    width = shutil.get_terminal_size().columns if columns is None else columns
    longest = max((len(name) for name in names), default=0)
    most = min(longest, 30 if width >= NARROW else max(10, width // 3))
    return {name: f"{_shortened(name, most).ljust(most)} |" for name in names}


def _shortened(name: str, most: int) -> str:
    return name if len(name) <= most else f"{name[: most // 2]}…{name[len(name) - (most - most // 2 - 1) :]}"


def _shown(piece: bytes) -> str:
    # Programs draw their progress with carriage returns; the last state of a line is what stays on a terminal.
    text = piece.decode(errors="replace").replace("\r\n", "\n").replace("\r", "\n")
    return printable(text, longest=len(text))
