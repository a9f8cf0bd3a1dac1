"""One set-up at a time, where two would spoil each other's work or do it twice."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.process import HEARTBEAT, elapsed, say


@contextmanager
def only_one(file: Path, what: str) -> Iterator[None]:
    """Hold the lock on a file that exists, waiting for another set-up to let it go.

    The system takes the lock back when the process ends, however it ends: none is ever stale.

    Args:
        file: what is locked; nothing is written to it.
        what: what the other set-up is at, for the person who waits.
    """
    with file.open() as lock:
        start = told = time.monotonic()
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                now = time.monotonic()
                # Not at once: a set-up that finds all there is over before anybody could read it.
                if (told == start and now - start > 1) or now - told > HEARTBEAT:
                    say(f"another set-up is {what}: waiting for it ({elapsed(now - start)})")
                    told = now
                time.sleep(0.1)
        yield
