"""A program of a source on the hub: what it sees of the run that started it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from aegir_components.sources import programs

SECRET = "the passphrase of this run"
TRIES = {
    "environ": 'cat "/proc/$0/environ"',
    "memory": 'head -c 1 "/proc/$0/maps" && cat "/proc/$0/maps"',
    "descriptors": 'ls -l "/proc/$0/fd" && cat "/proc/$0/environ"',
    "a new root": 'mount -t proc proc /mnt && cat "/mnt/$0/environ"',
    "its own environment": "env",
}


@pytest.mark.skipif(
    os.geteuid() != 0 or not programs.confined(), reason="needs root and setpriv with root's capabilities"
)
@pytest.mark.parametrize("command", TRIES.values(), ids=TRIES)
def test_a_build_cannot_look_into_the_run_that_started_it(command: str) -> None:
    environment = {**os.environ, "PULUMI_CONFIG_PASSPHRASE": SECRET}
    with subprocess.Popen([sys.executable, "-c", "input()"], env=environment, stdin=subprocess.PIPE) as run:
        try:
            done = programs.run(["sh", "-c", command, str(run.pid)], timeout=20)
            plain = subprocess.run(["cat", f"/proc/{run.pid}/environ"], capture_output=True, text=True, check=True)
        finally:
            run.communicate(b"\n")
    assert SECRET not in done.output + done.errors
    if command != "env":
        assert done.status != 0, done.output
    assert SECRET in plain.stdout, "root without this would read it"


def test_a_build_writes_files_and_gives_them_away(tmp_path: Path) -> None:
    command = f"mkdir -p {tmp_path}/a && echo x >{tmp_path}/a/b && chmod 640 {tmp_path}/a/b && cat {tmp_path}/a/b"
    assert (0, "x\n") == ((done := programs.run(["sh", "-c", command], timeout=20)).status, done.output)
