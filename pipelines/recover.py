"""What a killed run has left: its lock, processes of its, and pending operations in the state.

    python -m pipelines.recover lock STACK <what Pulumi said>     0: taken away, try again; 75: somebody works, wait
    python -m pipelines.recover pending <an exported state>       0: there are some; 1: none

A lock is taken away only when its holder is known to be dead:

- it was made on this machine, and no process of that number is a Pulumi any more; or
- it was made on a machine of this CI (AEGIR_CI_HOSTS), and is older than a run may take. A run of ours is ended by its own
  `timeout` (AEGIR_RUN_LIMIT), wherever it is and whatever the CI has lost sight of, and the CI lets one run at a time work on a
  stack.

Anybody else's is waited for, and named.
"""

from __future__ import annotations

import datetime as dt
import fnmatch
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HELD: Final = 75
"""The status for "somebody works": EX_TEMPFAIL."""
RUN_LIMIT: Final = 3000
MARGIN: Final = 300
"""Seconds beyond a run's limit: `timeout` sends SIGKILL a minute after SIGTERM, and clocks differ."""
MARK: Final = "AEGIR_PIPELINE_STACK"
"""The variable by which a run's processes are known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lock:
    """Who holds a stack, as Pulumi says it."""

    user: str
    host: str
    pid: int
    since: dt.datetime

    def __str__(self) -> str:
        return f"{self.user}@{self.host} (process {self.pid}) since {self.since:%Y-%m-%d %H:%M:%S} UTC"


@dataclass(frozen=True, kw_only=True, slots=True)
class Here:
    """What this machine knows."""

    host: str
    now: dt.datetime
    lives: Callable[[int], bool]
    """Whether a process of this machine is a Pulumi."""
    ours: tuple[str, ...] = ()
    """Patterns of the names of machines that only this CI's jobs run on."""
    limit: float = RUN_LIMIT


def locks(said: str) -> list[Lock]:
    """Read the holders out of what Pulumi says of a locked stack."""
    found = re.findall(r"created by (\S+)@(\S+) \(pid (\d+)\) at (\S+)", said)
    return [
        Lock(user=user, host=host, pid=int(pid), since=dt.datetime.fromisoformat(when).astimezone(dt.UTC))
        for user, host, pid, when in found
    ]


def dead(lock: Lock, here: Here) -> str | None:
    """Say why the holder is known to be dead; `None`: it is not known."""
    if lock.host == here.host:
        return None if here.lives(lock.pid) else f"no process {lock.pid} of Pulumi's is on this machine any more"
    age = (here.now - lock.since).total_seconds()
    if any(fnmatch.fnmatch(lock.host, pattern) for pattern in here.ours) and age > here.limit + MARGIN:
        return f"it was a job of this CI, and would have been ended after {here.limit:.0f} s"
    return None


def pending(exported: str) -> list[str]:
    """Name the things of which a state does not know whether they were made."""
    deployment = json.loads(exported).get("deployment") or {}
    operations = deployment.get("pending_operations") or []
    return [f"{entry['type']} {entry['resource']['urn'].rpartition('::')[2]}" for entry in operations]


def orphans(stack: str, proc: Path = Path("/proc")) -> list[int]:
    """List what a dead run has left on this machine: its plugins wait for an engine that is gone, and never end."""
    needle, found = f"{MARK}={stack}".encode(), []
    own = _line(os.getpid(), proc)
    for entry in proc.iterdir():
        if entry.name.isdigit() and int(entry.name) not in own:
            try:
                words = (entry / "cmdline").read_bytes()
                if b"pulumi" in words and needle in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def _line(pid: int, proc: Path) -> set[int]:
    """List a process with those that it came from."""
    line: set[int] = set()
    while pid > 0 and pid not in line:
        line.add(pid)
        try:
            # The name is in brackets and may hold anything.
            pid = int((proc / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError, ValueError):
            break
    return line


def _is_pulumi(pid: int) -> bool:
    try:
        return b"pulumi" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except FileNotFoundError:
        return False
    except OSError:
        # It is there, and somebody else's: nobody knows.
        return True


def _end(pids: Sequence[int]) -> None:
    for word in (signal.SIGTERM, signal.SIGKILL):
        for pid in pids:
            try:
                os.kill(pid, word)
            except ProcessLookupError:
                continue
        time.sleep(2 if word is signal.SIGTERM else 0)


def _here(environment: Mapping[str, str]) -> Here:
    return Here(
        host=socket.gethostname(),
        now=dt.datetime.now(dt.UTC),
        lives=_is_pulumi,
        ours=tuple(environment.get("AEGIR_CI_HOSTS", "").split()),
        limit=float(environment.get("AEGIR_RUN_LIMIT", RUN_LIMIT)),
    )


def unlock(stack: str, said: str, here: Here) -> int:
    """Take the locks away when all their holders are dead; else name those that are not."""
    held = locks(said)
    judged = [(lock, dead(lock, here)) for lock in held]
    alive = [lock for lock, why in judged if why is None]
    if alive or not held:
        for lock in alive:
            print(f"the stack {stack} is at work by {lock}")
        return HELD
    for lock, why in judged:
        print(f"the lock of {lock} is taken away: {why}")
    left = orphans(stack)
    if left:
        print(f"ending what that run has left: {' '.join(map(str, left))}")
        _end(left)
    command = ["pulumi", "cancel", "--yes", "--non-interactive", "--stack", stack]
    return subprocess.run(command, check=False, timeout=60, stdout=subprocess.DEVNULL).returncode


def main(arguments: Sequence[str]) -> int:
    """Run one of the two."""
    match arguments:
        case ["lock", stack]:
            return unlock(stack, sys.stdin.read(), _here(os.environ))
        case ["pending"]:
            found = pending(sys.stdin.read())
            for name in found:
                print(f"a killed run has left in the state: {name}")
            return 0 if found else 1
        case _:
            print(__doc__, file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
