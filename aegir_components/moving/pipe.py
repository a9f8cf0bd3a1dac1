"""What one machine gives is handed to another as it comes: by the hub's memory, a few pieces at a time."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Final, Generic, TypeVar, cast

Piece = TypeVar("Piece")
WAITING: Final = 4
"""Pieces that wait for the machine that takes them."""
_END: Final = object()


class _TakerEnded(Exception):
    """Nobody takes what comes."""


class Pipe(Generic[Piece]):
    """Runs what gives pieces beside what takes them.

    Args:
        give: hands each piece to the function that it gets; ends when there is none left.
    """

    def __init__(self, give: Callable[[Callable[[Piece], None]], object]) -> None:
        self._give = give
        self._queue: queue.Queue[object] = queue.Queue(maxsize=WAITING)
        self._over = threading.Event()
        self._fault: Exception | None = None
        self._thread: threading.Thread | None = None

    def pieces(self) -> Iterator[Piece]:
        """Yield the pieces, once; a second time there are none."""
        if self._thread is not None:
            return
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        while (piece := self._queue.get()) is not _END:
            yield cast("Piece", piece)

    def finish(self) -> None:
        """Wait for the end of what gives, which is told that nobody takes any more.

        Raises:
            Exception: what went wrong there.
        """
        self._over.set()
        if self._thread is not None:
            self._thread.join()
        if self._fault is not None and not isinstance(self._fault, _TakerEnded):
            raise self._fault

    def _run(self) -> None:
        try:
            self._give(self._hand_over)
        except Exception as fault:  # noqa: BLE001 - raised again by finish
            self._fault = fault
        finally:
            self._put(_END)

    def _hand_over(self, piece: Piece) -> None:
        if not self._put(piece):
            raise _TakerEnded

    def _put(self, piece: object) -> bool:
        while not self._over.is_set():
            try:
                self._queue.put(piece, timeout=0.5)
            except queue.Full:
                continue
            return True
        return False
