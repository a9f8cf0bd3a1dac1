"""Which of several sites were begun and have ended, for a person who interrupts a command."""

from __future__ import annotations

import signal
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
        """Note the begin and the end of the work on a site, and let the work come to its end when Ctrl-C is pressed."""
        with self._guard:
            self._begun.add(name)
        with _without_ctrl_c():
            yield
        self.end(name)

    @property
    def is_interrupted(self) -> bool:
        """Whether Ctrl-C was pressed, and told."""
        return self._is_told

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
        if working:
            tell("waiting for what is at work. To end it at once press Ctrl-\\; the same command then repairs the site")


@contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """Keep Ctrl-C from the programs that this thread starts: a terminal sends it to ssh and restic as well.

    Not in the main thread, which has to hear of it itself.
    """
    if threading.current_thread() is threading.main_thread():
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
