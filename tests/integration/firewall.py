"""A firewall in front of a host of the lab, from outside: packets to it vanish, as filters between networks let them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from lab import Host


@contextmanager
def filtered(host: Host, port: int, source: str) -> Iterator[None]:
    """Drop what comes from an address to a port of a host."""
    for program in ("nsenter", "iptables"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed here")
    pid = host.engine.call("inspect", "--format", "{{.State.Pid}}", host.container).strip()
    rule = ["INPUT", "-p", "tcp", "-s", source, "--dport", str(port), "-j", "DROP"]

    def change(how: str) -> None:
        subprocess.run(
            ["nsenter", "-t", pid, "-n", "iptables", "-w", how, *rule], check=True, timeout=60, capture_output=True
        )

    change("-I")
    try:
        yield
    finally:
        change("-D")
