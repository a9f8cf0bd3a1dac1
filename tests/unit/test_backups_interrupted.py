"""Ctrl-C at a terminal does not reach restic, which hears of signals that its parent blocks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from aegir_components.backups.repository import Target, opened
from aegir_components.remote import bounded
from aegir_components.settings import Repository
from tests.integration.processes import wait_for

SECONDS = 20
BACKUPS = """\
import sys
from concurrent.futures import ThreadPoolExecutor
from aegir_components.cli.progress import Progress
from aegir_components.settings import Repository
from aegir_components.backups.repository import Target, opened

target = Target(repository=Repository(name="hub", kind="directory", path=sys.argv[1]), owner="a", key="key")
progress = Progress(["a"])

def work():
    with progress.at_work("a"), opened(target) as repository:
        print("begun", flush=True)
        for _ in range(2):
            repository.run("backup", "--stdin-filename", "x", "--stdin-from-command", "--", "sh", "-c", "sleep 0.1; echo x")
        print("whole", flush=True)

try:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(work).result()
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.fixture
def target(tmp_path: Path) -> Target:
    made = Target(repository=Repository(name="hub", kind="directory", path=str(tmp_path)), owner="a", key="key")
    with opened(made) as repository:
        repository.run("init")
    return made


def test_backups_at_work_come_to_their_end(target: Target, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", BACKUPS, str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert "begun\n" == process.stdout.readline()
    time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    said, errors = process.communicate(timeout=60)
    assert "whole\ninterrupted\n" == said, errors
    with opened(target) as repository:
        assert 2 == len(repository.snapshots())


@pytest.mark.parametrize("by", [signal.SIGQUIT, signal.SIGKILL])
def test_restic_ends_with_the_command_that_is_ended_at_once(target: Target, tmp_path: Path, by: int) -> None:
    """As after Ctrl-backslash: it neither works on nor is in the way of the next one."""
    process = subprocess.Popen(
        [sys.executable, "-c", BACKUPS.replace("sleep 0.1", f"touch {tmp_path}/there; exec sleep 3{by}"), str(tmp_path)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    wait_for((tmp_path / "there").exists, 30)
    assert at_work(tmp_path)
    process.send_signal(by)
    process.wait(SECONDS)
    wait_for(lambda: not at_work(tmp_path), 30)
    with opened(target) as repository:
        repository.run("forget", "--keep-last", "1", "--prune")


def test_a_program_apart_is_interrupted_with_who_waits_for_it(tmp_path: Path) -> None:
    code = "import sys; from aegir_components.remote import bounded; bounded.run(sys.argv[1:], timeout=60, apart=True)"
    ended, there = tmp_path / "ended", tmp_path / "there"
    # A second later, whoever has started it waits for it.
    script = f"trap 'touch {ended}; exit 1' INT; sleep 1; touch {there}; while :; do sleep 0.1; done"
    process = subprocess.Popen([sys.executable, "-c", code, "sh", "-c", script], stderr=subprocess.PIPE, text=True)
    wait_for(there.exists, 30)
    process.send_signal(signal.SIGINT)
    assert "KeyboardInterrupt" in process.communicate(timeout=SECONDS)[1]
    assert ended.exists()


def test_without_it_a_program_shares_the_group() -> None:
    words = ["sh", "-c", "ps -o pgid= -p $$"]
    assert os.getpgrp() == int(bounded.run(words, timeout=SECONDS).stdout)
    assert os.getpgrp() != int(bounded.run(words, timeout=SECONDS, apart=True).stdout)


def at_work(repository: Path) -> list[str]:
    """List the processes that have a repository in their command."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            found.append(place.read_text().replace("\0", " "))
    return [line for line in found if "--repo" in line and str(repository) in line]
