"""A last step that several machines take at the same moment, or none of them."""

from __future__ import annotations

import threading
from collections.abc import Iterable

PATIENCE = 240.0
"""Seconds that a machine which is ready waits for the others; its own script waits a little longer."""


class Together:
    """Where the threads of all machines meet before the last step."""

    def __init__(self, names: Iterable[str]) -> None:
        """Name the machines that are to be waited for."""
        self._changed = threading.Condition()
        self._awaited = set(names)
        self._failed = False
        self.went: set[str] = set()
        """Machines that were told to go on."""
        self.stayed: set[str] = set()
        """Machines that were ready, and were told not to go on."""

    def ready(self, name: str) -> bool:
        """Wait until every machine is ready or has nothing to do, and tell whether to go on."""
        with self._changed:
            self._awaited.discard(name)
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._failed or not self._awaited, PATIENCE)
            # One that took too long must not be the only one that goes.
            self._failed = self._failed or bool(self._awaited)
            (self.stayed if self._failed else self.went).add(name)
            return not self._failed

    def ended(self, name: str, *, well: bool) -> None:
        """Note that a machine's work is over; when it went wrong before the last step, no machine takes that."""
        with self._changed:
            self._failed = self._failed or (not well and name in self._awaited)
            self._awaited.discard(name)
            self._changed.notify_all()
