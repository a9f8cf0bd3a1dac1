"""Which of several sites were begun and have ended, for a person who interrupts a command."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from .ends import tell


class Progress:
    """The sites of a command. Its methods may be called from several threads.

    Args:
        names: the sites' names, in the order in which they are done.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = list(names)
        self._begun: set[str] = set()
        self._ended: set[str] = set()
        self._guard, self._is_told = threading.Lock(), False

    def end(self, name: str) -> None:
        """Note that nothing is left to do for a site."""
        with self._guard:
            self._ended.add(name)

    @contextmanager
    def at_work(self, name: str) -> Iterator[None]:
        """Note the begin and the end of the work on a site."""
        with self._guard:
            self._begun.add(name)
        yield
        self.end(name)

    @contextmanager
    def told(self) -> Iterator[None]:
        """Tell what was done when Ctrl-C interrupts a block of work.

        Raises:
            KeyboardInterrupt: Ctrl-C.
        """
        try:
            yield
        except KeyboardInterrupt:
            self.interrupt()
            raise

    def interrupt(self) -> None:
        """Tell which sites have ended, are at work, and were not begun; once."""
        with self._guard:
            if self._is_told:
                return
            self._is_told = True
            ended = [name for name in self._names if name in self._ended]
            working = [name for name in self._names if name in self._begun - self._ended]
            left = [name for name in self._names if name not in self._begun | self._ended]
        for said, names in (("ended", ended), ("at work when interrupted", working), ("not begun", left)):
            if names:
                tell(f"{said}: {', '.join(names)}")
