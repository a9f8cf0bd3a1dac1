"""Waiting for a condition, with a time limit. Whoever waits again and again does it here."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

Found = TypeVar("Found")


class Deadline:
    """The end of a wait that begins now.

    Args:
        seconds: how long the wait may last; ``None`` for as long as it takes.
    """

    def __init__(self, seconds: float | None) -> None:
        self._end = None if seconds is None else time.monotonic() + seconds

    @property
    def is_over(self) -> bool:
        """Whether the time is over."""
        return self._end is not None and time.monotonic() >= self._end

    def allows(self, seconds: float) -> bool:
        """Return whether at least so many seconds are left."""
        return self._end is None or time.monotonic() + seconds <= self._end

    def pause(self, seconds: float) -> bool:
        """Sleep before another try, unless the time is over; return whether there may be another try."""
        if self.is_over:
            return False
        time.sleep(seconds)
        return True


def until(find: Callable[[], Found], *, seconds: float | Deadline | None, pause: float) -> Found:
    """Call a function until it returns something that is true, and return that.

    Args:
        find: the function. It is called at least once.
        seconds: how long it is called again; ``None`` for as long as it takes. A wait of several steps gives one deadline.
        pause: seconds between two calls.

    Returns:
        What the function returned last. It is false when the time was over.
    """
    deadline = seconds if isinstance(seconds, Deadline) else Deadline(seconds)
    while not (found := find()) and deadline.pause(pause):
        pass
    return found


def tries(count: int, pause: float) -> Iterator[int]:
    """Yield the numbers of tries, for work that may take long itself, so that a time limit could end it after one try.

    Args:
        count: how often it is tried.
        pause: seconds after each try.
    """
    for number in range(count):
        yield number
        time.sleep(pause)
