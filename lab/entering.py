"""Running a program in a container without the engine: a `podman exec` takes a fifth of a second, and tests do thousands.

What is run has the container's namespaces, control groups, environment and capabilities, as the engine would give it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from .engine import Engine

_GROUPS = Path("/sys/fs/cgroup")
_known: dict[str, tuple[int, str]] = {}
"""The first process of each container, with the time of its start: a number alone may be another process's by now."""

_VARIABLES = ("HOME", "HOSTNAME", "PATH", "TERM", "container")
"""What the engine gives to each program; systemd has more of its own."""

# A group that is gone or frozen is no reason to fail: what runs is looked at from the test, by its output.
_JOIN = 'for group in $1; do echo $$ >"$group/cgroup.procs"; done 2>/dev/null; shift; exec "$@"'


def argv(engine: Engine, container: str, script: str, *words: str) -> list[str]:
    """Give the argv that runs a shell script as root in a container: past the engine where this is possible.

    The script's `$0` and further words follow it.
    """
    if engine.program == "podman" and os.geteuid() == 0 and shutil.which("nsenter"):
        first = first_process(engine, container)
        if first is not None:
            joined = groups(Path("/proc", str(first), "cgroup").read_text())
            # What enters a frozen group freezes; the engine says so.
            if not any(map(_frozen, joined)):
                return [*_entered(first, joined), "sh", "-c", script, *words]
    return [engine.program, *engine.runtime, "exec", "-i", container, "sh", "-c", script, *words]


def _entered(pid: int, joined: list[str]) -> list[str]:
    place = Path("/proc", str(pid))
    environment = place.joinpath("environ").read_bytes().decode(errors="surrogateescape").split("\0")
    kept = [pair for pair in environment if pair.partition("=")[0] in _VARIABLES]
    status = dict(line.split(":\t", 1) for line in place.joinpath("status").read_text().splitlines() if ":\t" in line)
    bounds = bounding(int(status["CapBnd"], 16))
    return [
        "sh", "-c", _JOIN, "join", " ".join(joined),
        "nsenter", "--target", str(pid), "--all", "--",
        "setpriv", f"--bounding-set={bounds}", "--inh-caps=-all", "--", "env", "-i", "--chdir=/", *kept,
    ]  # fmt: skip


def bounding(mask: int) -> str:
    """Write a set of capabilities as setpriv takes it.

    >>> bounding(0b1011)
    '-all,+cap_0,+cap_1,+cap_3'
    """
    return ",".join(["-all", *(f"+cap_{number}" for number in range(64) if mask >> number & 1)])


def groups(lines: str, there: Callable[[Path], bool] = Path.is_dir) -> list[str]:
    """Name the directories of a process's control groups, by its `/proc/…/cgroup`: of version 1, 2, or both."""
    found = []
    for line in lines.splitlines():
        _, kinds, path = line.split(":", 2)
        name = kinds.removeprefix("name=") or "unified"
        root = _GROUPS / name if kinds or there(_GROUPS / name) else _GROUPS
        found.append(str(root / path.lstrip("/")))
    return found


def first_process(engine: Engine, container: str) -> int | None:
    """Give the number of a container's first process on this machine; none of one that does not run or is paused."""
    pid, begun = _known.get(container, (0, ""))
    if not pid or _begun(pid) != begun:
        answer = engine.call(
            "inspect", "--format", "{{.State.Running}} {{.State.Paused}} {{.State.Pid}}", container, check=False
        )
        match answer.split():
            case ["true", "false", number]:
                pid = int(number)
                _known[container] = pid, _begun(pid)
            case _:
                return None
    return pid


def _frozen(group: str) -> bool:
    for name, word in (("freezer.state", "THAWED"), ("cgroup.freeze", "0")):
        try:
            if Path(group, name).read_text().strip() != word:
                return True
        except OSError:
            continue
    return False


def _begun(pid: int) -> str:
    try:
        return Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
