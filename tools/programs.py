"""Programs that the hub itself runs: they are Debian's, and installed where that may be done."""

from __future__ import annotations

import shutil
from collections.abc import Mapping

from tools.packages import can_install, need
from tools.process import say

HUB: Mapping[str, str] = {"ssh": "openssh-client", "rsync": "rsync", "git": "git"}
"""What no run goes without: program to package."""
BUILDS: Mapping[str, str] = {"bwrap": "bubblewrap"}
"""What keeps builds of sources from the hub's files; where it cannot be installed, each build says so."""
CHECKS: Mapping[str, str] = {
    "shellcheck": "shellcheck",
    "composer": "composer",
    "zstd": "zstd",
    "dash": "dash",
    "dot": "graphviz",
    "chromium": "chromium",
}
"""What the tests look with; one whose program is missing is skipped."""


def missing(programs: Mapping[str, str]) -> dict[str, str]:
    """Name the programs that are not on PATH, with their packages."""
    return {program: package for program, package in programs.items() if shutil.which(program) is None}


def ensure(*, checks: bool = False) -> None:
    """Install what is missing.

    Args:
        checks: also what the tests look with.

    Raises:
        SetupError: a program that the hub runs is missing and cannot be installed here.
    """
    gone = missing(HUB)
    if can_install():
        gone |= missing(BUILDS) | (missing(CHECKS) if checks else {})
    if gone:
        need(", ".join(gone), *gone.values())
    for program, package in missing(CHECKS).items() if checks else ():
        say(f"{program} is not installed (Debian's package {package}): tests that need it are skipped")
