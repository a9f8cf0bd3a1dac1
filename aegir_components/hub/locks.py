"""Locks on files of the hub, which all processes there see. A lock ends with its process, however that ends."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from .wait import Deadline

AGAIN: Final = 0.1
"""Seconds between two tries."""


class HeldError(Exception):
    """Another one has held the lock for as long as was waited."""

    def __init__(self, said: str) -> None:
        """Keep what the owner of the lock wrote into the file, which may be nothing."""
        super().__init__(said)
        self.said = said


@contextmanager
def held(path: Path, *, wait: float | None = None) -> Iterator[IO[str]]:
    """Hold a lock for a block of work, and give its open file, which begins with what is in it.

    Args:
        path: the file; it is made where it is not there, in its directory.
        wait: for how many seconds another owner is waited for; ``None`` for as long as it takes.

    Raises:
        HeldError: another one has it.
        OSError: the file cannot be opened.
    """
    with path.open("a+", encoding="utf-8") as handle:
        if wait is None:
            fcntl.flock(handle, fcntl.LOCK_EX)
        else:
            _take(handle, Deadline(wait))
        try:
            yield handle
        finally:
            # Not by its end: a process that another thread starts now has the file too, until it is a program.
            fcntl.flock(handle, fcntl.LOCK_UN)


def _take(handle: IO[str], deadline: Deadline) -> None:
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if deadline.pause(AGAIN):
                continue
            handle.seek(0)
            raise HeldError(handle.read(1000).strip()) from None
        return
