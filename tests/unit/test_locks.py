"""A lock on a file of the hub: one holder at a time, in all processes, and never longer than its holder lives."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from aegir_components.hub import locks

HOLDS = """
import sys, time
from pathlib import Path
from aegir_components.hub import locks
with locks.held(Path(sys.argv[1])) as handle:
    handle.write("somebody")
    handle.flush()
    print("held", flush=True)
    time.sleep(60)
"""


def test_another_process_that_has_it_is_named_by_what_it_wrote(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with subprocess.Popen([sys.executable, "-c", HOLDS, str(path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(locks.HeldError) as refused, locks.held(path, wait=0):
            pytest.fail("two have it")
        assert refused.value.said == "somebody"
        begun = time.monotonic()
        with pytest.raises(locks.HeldError), locks.held(path, wait=0.25):
            pytest.fail("two have it")
        assert time.monotonic() - begun >= 0.25
        holder.kill()
        holder.wait()
        with locks.held(path, wait=5) as handle:
            handle.seek(0)
            assert handle.read() == "somebody"


def test_a_program_that_stays_behind_does_not_keep_it(tmp_path: Path) -> None:
    """It has the open file as well, where that is handed on to it."""
    path = tmp_path / "lock"
    with locks.held(path) as handle:
        left = subprocess.Popen(["sleep", "60"], pass_fds=[handle.fileno()])
    try:
        with locks.held(path, wait=0):
            pass
    finally:
        left.kill()
        left.wait()


def test_it_is_free_after_an_error(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with pytest.raises(ZeroDivisionError), locks.held(path):
        raise ZeroDivisionError
    with locks.held(path, wait=0):
        pass
