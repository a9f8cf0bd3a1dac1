"""Commands of the command line that run beside a test, and end as by a power failure."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

from tests.integration.project import Project


def begin(work: Project, *words: str) -> subprocess.Popen[bytes]:
    """Begin a command of the command line in a group of processes of its own."""
    argv = [sys.executable, "-m", "aegir_components", "--cwd", str(work.project), *words]
    return subprocess.Popen(
        argv, env=work.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip


def kill(process: subprocess.Popen[bytes]) -> None:
    """End it and all that it has started, as a power failure does; ssh's shared connections are in other groups."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(60)
    # What the leader had started ends a moment later, and until then restic takes its lock for that of a living process.
    wait_for(lambda: not is_alive(process.pid))


def is_alive(group: int) -> bool:
    """Return whether a process of a group is there."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def wait_for(condition: Callable[[], bool], limit: float = 60.0) -> None:
    """Wait until a condition holds, for at most so many seconds."""
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.02)
