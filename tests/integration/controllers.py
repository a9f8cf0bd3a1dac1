"""The controllers of a lab host's control groups, which its systemd limits processes with: containers have them to read only."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from lab import Host

OLD = ("cpu", "cpuacct", "memory", "pids")
"""Those of the first version of control groups; of the second one a container has its own, to write."""
READY = r"""
set -eu
own=$(sed -n 's/^0:://p' /proc/1/cgroup); own=${own%/init.scope}
for controller in "$@"; do mkdir -p "/sys/fs/cgroup/$controller$own"; done
systemctl daemon-reexec
"""


def hand_over(host: Host) -> None:
    """Let a host's systemd limit what runs there, as it does on a machine of its own."""
    if host.run("stat -f -c %T /sys/fs/cgroup").stdout.strip() == "cgroup2fs":
        return
    if shutil.which("nsenter") is None:
        pytest.skip("nsenter is not installed here")
    pid = host.engine.call("inspect", "--format", "{{.State.Pid}}", host.container).strip()
    for controller in OLD:
        done = subprocess.run(
            ["nsenter", "-t", pid, "-m", "mount", "-o", "remount,bind,rw", f"/sys/fs/cgroup/{controller}"],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        if done.returncode:
            pytest.skip(f"this machine hands over no control groups ({done.stderr.strip()})")
    host.run(f"sh -s {' '.join(OLD)}", input=READY)
