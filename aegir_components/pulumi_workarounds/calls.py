"""More than four calls at a time in a provider's process.

Pulumi's server of dynamic providers has four threads, and no setting for more (``ThreadPoolExecutor(max_workers=4)`` in
``sdk/python/lib/pulumi/dynamic/__main__.py``). A fifth machine waits until one of four others is done, though this
process only waits for ssh. Further processes cost a quarter of a second of a core each, twice a run. (``up --refresh``
starts them for the refresh and again for the update.) So the server that runs our code is found from there, and gets
more threads.

Upstream: pulumi/pulumi#11116 lets a program's own threads follow ``--parallel``, and not those of this server.
Versions: pulumi 3.259; a server of another kind is left as it is.
Switch: ``--parallel``, by which the engine asks for fewer calls.
Test: tests/unit/test_calls.py
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from types import FrameType
from typing import Any

AT_ONCE = 64
"""Calls that one process serves at a time. The engine asks for fewer: ``--parallel``, four for each core as shipped."""


class _NeverIdle:
    """In place of a pool's count of idle threads: each call gets a thread of its own, up to the pool's limit.

    Python 3.11 counts a thread as idle that goes on with a call from the queue. A later call would wait for it although
    the pool may make another one.
    """

    def acquire(self, *, timeout: float | None = None) -> bool:
        """Say that no thread is idle."""
        del timeout
        return False

    def release(self) -> None:
        """Count nothing."""


def serve_more(at_once: int = AT_ONCE) -> bool:
    """Raise the number of calls that the process serves at a time; to be called by one of them.

    Args:
        at_once: how many; a higher number that is there already stays.

    Returns:
        Whether the threads belong to a pool that can grow. Where another version of Python or Pulumi has another kind of
        server, everything works as before, with as many calls as that one serves.
    """
    frame: FrameType | None = sys._getframe()  # noqa: SLF001 - the one way from a call to the pool that runs it
    while frame is not None:
        # The function of each thread of a pool has a weak reference to the pool (concurrent/futures/thread.py).
        reference = frame.f_locals.get("executor_reference") if frame.f_code.co_name == "_worker" else None
        pool = reference() if callable(reference) else None
        if isinstance(pool, ThreadPoolExecutor) and all(hasattr(pool, name) for name in _NEEDED):
            _grow(pool, at_once)
            return True
        frame = frame.f_back
    return False


_NEEDED = ("_max_workers", "_idle_semaphore", "_shutdown_lock", "_work_queue", "_adjust_thread_count")
"""What a pool of Python 3.11 to 3.14 has."""


def _grow(pool: Any, at_once: int) -> None:
    with pool._shutdown_lock:  # noqa: SLF001 - as the pool itself makes threads
        if isinstance(pool._idle_semaphore, _NeverIdle):  # noqa: SLF001
            return
        pool._max_workers = max(at_once, pool._max_workers)  # noqa: SLF001 - asked at each call, so it may change
        pool._idle_semaphore = _NeverIdle()  # noqa: SLF001
        # A thread begins when a call comes: what waits already would go on waiting for the first ones.
        for _ in range(pool._work_queue.qsize()):  # noqa: SLF001
            pool._adjust_thread_count()  # noqa: SLF001
