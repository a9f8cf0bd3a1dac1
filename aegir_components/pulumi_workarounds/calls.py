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

AT_ONCE = 64
"""Calls that one process serves at a time. The engine asks for fewer: ``--parallel``, four for each core as shipped."""


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
        if isinstance(pool, ThreadPoolExecutor) and isinstance(getattr(pool, "_max_workers", None), int):
            pool._max_workers = max(at_once, pool._max_workers)  # noqa: SLF001 - asked at each call, so it may change
            # A thread begins when work comes: what waits already would go on waiting for the first ones.
            for _ in range(pool._work_queue.qsize()):  # noqa: SLF001
                pool.submit(int)
            return True
        frame = frame.f_back
    return False
