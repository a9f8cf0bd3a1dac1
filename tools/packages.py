"""Packages of the machine itself: installed where that may be done, else asked for in one sentence."""

from __future__ import annotations

import os
import shutil

from tools.errors import SetupError
from tools.process import run, say


def can_install() -> bool:
    """Tell whether this process may install packages on this machine, which it does by apt."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def need(what: str, *packages: str) -> None:
    """Install Debian packages, or say which ones a person has to install.

    Args:
        what: the thing that is missing, as it reads at the start of a sentence.
        packages: the Debian packages that have it.
    """
    names = " ".join(packages)
    if not can_install():
        raise SetupError(f"{what} is missing: install it (on Debian: apt-get install {names})")
    say(f"{what} is missing: installing {names} by apt")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    run("apt-get update", ["apt-get", "-q", "update"], env=quiet)
    run("apt-get install", ["apt-get", "-qy", "install", "--no-install-recommends", *packages], env=quiet)
