"""How much of the hub's memory backups take together: programs wait until there is room for them.

The megabytes are measured (``benchmarks/backups.py --side-by-side``), as a share of what programs have in common. They depend on
the size of a backup: restic keeps parts of 64 MB and more of a large one, whatever its options.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

OTHER: Final = 60
"""Megabytes of a command of restic that handles no content: opening a repository takes most of it."""
NEW: Final = 90
"""Megabytes of making a repository: restic tries how much work a guess of its key may take."""


class Memory:
    """Megabytes that programs share. They are given in the order in which they were asked for."""

    def __init__(self, megabytes: int) -> None:
        self._free = self._all = megabytes
        self._changed = threading.Condition()
        self._waiting: deque[object] = deque()

    @contextmanager
    def of(self, megabytes: int) -> Iterator[None]:
        """Have so many for a block of work, or all where there are not as many. The block asks for no more."""
        wanted, own = min(megabytes, self._all), object()
        with self._changed:
            self._waiting.append(own)
            try:
                self._changed.wait_for(lambda: self._waiting[0] is own and wanted <= self._free)
                self._free -= wanted
            finally:
                self._waiting.remove(own)
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._free += wanted
                self._changed.notify_all()


HUB: Final = Memory(195)
"""Of this process. With what is not counted, such as ssh, it stays below 200 MB."""


def of_backup(size: int | None) -> int:
    """Give the megabytes of restic and the program that feeds it.

    Args:
        size: bytes of the backup; ``None`` where nobody knows, as of a first one.
    """
    return 60 + (50 if size is None else min(size >> 20, 50))


def of_reading(size: int) -> int:
    """Give the megabytes of reading a backup of so many bytes."""
    return 45 + min(size >> 20, 70)


def of_copying(size: int) -> int:
    """Give the megabytes of copying a backup of so many bytes to another repository."""
    return 45 + min(size >> 20, 35)
