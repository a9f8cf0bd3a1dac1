"""How much processor time hosts have taken: by the engine's accounts of a container, or by a machine's own process."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from . import entering
from .errors import LabError
from .hosts import Host
from .vm_hosts import VirtualHost

PROC = Path("/proc")
CGROUPS = Path("/sys/fs/cgroup")


def processor(hosts: Iterable[Host]) -> float:
    """Give the seconds of processor that hosts have taken since they started; what is not up counts nothing."""
    total = 0.0
    for host in hosts:
        with contextlib.suppress(LabError, OSError, ValueError):
            total += _of_machine(host) if isinstance(host, VirtualHost) else of_group(_group(host))
    return total


def of_group(lines: str, read: Callable[[Path], str] = Path.read_text) -> float:
    """Give the seconds of a control group, by what `/proc/…/cgroup` says of its first process: version 1 or 2 of groups."""
    groups = {kind: path for _, kind, path in (line.split(":", 2) for line in lines.splitlines())}
    for kinds, path in groups.items():
        if "cpuacct" in kinds.split(","):
            return int(read(CGROUPS / "cpuacct" / path.lstrip("/") / "cpuacct.usage")) / 1e9
    # systemd puts itself into a group below the container's.
    whole = groups[""].removesuffix("/init.scope").lstrip("/")
    figures = dict(line.split() for line in read(CGROUPS / whole / "cpu.stat").splitlines())
    return int(figures["usage_usec"]) / 1e6


def _group(host: Host) -> str:
    return (PROC / str(entering.first_process(host.engine, host.container)) / "cgroup").read_text()


def _of_machine(host: VirtualHost) -> float:
    pid = host.place.process()
    if pid is None:
        return 0.0
    # The guest's programs are its children and threads: what has ended counts with the process itself.
    words = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return sum(map(int, words[11:15])) / os.sysconf("SC_CLK_TCK")
