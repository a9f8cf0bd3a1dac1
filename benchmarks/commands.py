"""Processor time of commands with nothing to do: as they are, and with the processes that Pulumi starts left as it ships them."""

from __future__ import annotations

import ctypes
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from lab import HostSpec, Lab
from tests.integration.farm import EMPTY, Config, Farm, hub_settings

WEBS, SITES, RUNS = 2, 5, 7
CODE = Path.home() / ".cache/aegir-pulumi/code/drupal10"
COMMANDS = {
    "up": ("up", "--yes", "--skip-preview", EMPTY),
    "up --refresh": ("up", "--yes", "--skip-preview", "--refresh", EMPTY),
    "preview": ("preview", EMPTY),
}
SHIPPED = {"AEGIR_PULUMI_PLAIN_START": "1", "GOGC": "100"}
OURS = {"AEGIR_PULUMI_PLAIN_START": "", "GOGC": os.environ.get("GOGC", "")}
SETTLED = 0.3
"""Seconds in which what outlives a command ends: a plugin that the engine has killed, not the shared ssh connections."""
PR_SET_CHILD_SUBREAPER = 36
"""``prctl(2)``: orphans become this process's children, and their time is counted when they end."""


def main() -> None:
    """Measure, print, and take the hosts down."""
    lab = Lab("bench-commands")
    try:
        lab.up([HostSpec(f"web{number}", image="web") for number in range(1, WEBS + 1)] + [HostSpec("db1", image="db")])
        with tempfile.TemporaryDirectory(prefix="aegir-bench-") as directory:
            farm = Farm(Path(directory), declared(lab, Path(os.environ.get("AEGIR_TEST_DRUPAL10") or CODE)))
            farm.up()
            measure(farm)
    finally:
        lab.down()


def declared(lab: Lab, source: Path) -> Config:
    """Declare two web servers, a database server, a platform and its sites."""
    webs = [lab.host(f"web{number}") for number in range(1, WEBS + 1)]
    servers: Config = {host.spec.fqdn: {"address": host.address, "services": {"web": "apache"}} for host in webs}
    database = lab.host("db1")
    servers[database.spec.fqdn] = {"address": database.address, "services": {"database": "mysql"}}
    return {
        "hub": hub_settings(lab),
        "servers": servers,
        "clusters": {"web": {"servers": [host.spec.fqdn for host in webs], "uploads": "separate"}},
        "platforms": {"code": {"server": "web", "source": str(source)}},
        "sites": {f"s{index}.example.com": {"platform": "code", "install": False} for index in range(SITES)},
    }


def measure(farm: Farm, runs: int = RUNS) -> None:
    """Print the medians of both ways, which take turns."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    print(
        f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; medians of {runs}; user and system seconds of the hub"
    )
    print(f"{'command':>14} {'shipped':>8} {'ours':>8} {'ratio':>6} {'of pairs':>9} {'load':>5}")
    for name, words in COMMANDS.items():
        shipped, ours = [], []
        for way in (SHIPPED, OURS):
            spent(farm, words, way)  # The first run makes the bytecode, and opens the connections
        for _ in range(runs):
            for way, found in ((SHIPPED, shipped), (OURS, ours)):
                found.append(spent(farm, words, way))
        before, after = statistics.median(shipped), statistics.median(ours)
        pairs = statistics.median(b / a for a, b in zip(shipped, ours, strict=True))
        print(
            f"{name:>14} {before:>8.2f} {after:>8.2f} {after / before:>6.2f} {pairs:>9.2f} {os.getloadavg()[0]:>5.1f}"
        )


def spent(farm: Farm, words: tuple[str, ...], way: Mapping[str, str]) -> float:
    """Give the processor seconds of a command and of all that it starts and that has ended with it."""
    before = children()
    with variables(way):
        farm.command(*words)
    until = time.monotonic() + SETTLED
    while time.monotonic() < until:
        try:
            ended, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            break
        if not ended:
            time.sleep(0.02)
    return children() - before


def children() -> float:
    """Give the processor seconds of all children that have ended so far, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextmanager
def variables(values: Mapping[str, str]) -> Iterator[None]:
    """Set variables of the environment; an empty value removes one."""
    before = dict(os.environ)
    os.environ.update(values)
    for name in [name for name, value in values.items() if not value]:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


if __name__ == "__main__":
    main()
