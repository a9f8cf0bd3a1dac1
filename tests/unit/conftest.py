"""Scripts of ours, run by real shells on directories of the test's own."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import pytest

from aegir_components.remote.classify import decoded
from aegir_components.scripts import script

ME = pwd.getpwuid(os.getuid()).pw_name
MINE = grp.getgrgid(os.getgid()).gr_name

# How long an example takes says how busy the machine is, and nothing of the program.
hypothesis.settings.register_profile("busy", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("busy")


@dataclass(frozen=True)
class Ran:
    status: int
    report: script.Report
    stdout: str
    stderr: str

    @property
    def failure(self) -> str:
        """The sentence after which the script stopped; empty when it did not."""
        told = [line.split(" ", 1)[1] for line in self.stdout.splitlines() if line.startswith("::fail ")]
        return decoded(told[-1]) if told else ""


@dataclass(frozen=True)
class Shell:
    argv: tuple[str, ...]
    root: Path
    """Stands in for the machine's own places."""

    def run(self, mode: script.Mode, lines: Iterable[str], *, timeout: float = 20) -> Ran:
        text = script.render(mode, lines, holder="a test", lock=False)
        for place in ("/var/lib/aegir", "/run/aegir", "/etc/os-release", "/etc/php"):
            text = text.replace(place, f"{self.root}{place}")
        (self.root / "var/lib/aegir/undo").mkdir(parents=True, exist_ok=True)
        (self.root / "run/aegir").mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            [*self.argv, "-c", 'eval "$(cat)"'],
            input=text.encode(errors="surrogateescape"), capture_output=True, timeout=timeout, check=False,
        )  # fmt: skip
        stdout = done.stdout.decode(errors="surrogateescape")
        return Ran(done.returncode, script.parse(stdout), stdout, done.stderr.decode(errors="replace"))

    def check(self, *lines: str) -> Ran:
        return self.run("check", lines)

    def apply(self, *lines: str) -> Ran:
        return self.run("apply", lines)

    @property
    def undo(self) -> Path:
        return self.root / "var/lib/aegir/undo"


@pytest.fixture(params=["dash", "bash"])
def shell(request: pytest.FixtureRequest, tmp_path: Path) -> Shell:
    if shutil.which(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    root = tmp_path / "machine"
    root.mkdir()
    return Shell(("bash", "--posix") if request.param == "bash" else (request.param,), root)


@pytest.fixture
def me() -> str:
    return ME


@pytest.fixture
def mine() -> str:
    return MINE
