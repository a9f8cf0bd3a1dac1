"""Packages of the pinned versions for further Pythons, in the cache: a second run downloads nothing."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tools import venv
from tools.errors import SetupError
from tools.lock import only_one
from tools.paths import REQUIREMENTS, cache
from tools.process import answer, run, say
from tools.pythons import Minor, write_version

UNUSED_DAYS = 30
"""An entry of the cache that nobody has used for this long is removed. Each has the size of a virtual environment."""


def ensure_environment(version: Minor, python: Path) -> Path:
    """Return a virtual environment for an interpreter, made from the checkout's requirements.

    Raises:
        SetupError: the environment cannot be made.
    """
    return _ensure("venv", version, venv.stamp(python), lambda place: _make_environment(python, place))


def ensure_packages(version: Minor) -> Path:
    """Return a directory with the packages that the program runs on, for a Python that this machine need not have.

    pip chooses the files of another version itself as long as nothing has to be compiled.

    Raises:
        SetupError: pip cannot get the packages.
    """
    key = hashlib.sha256(REQUIREMENTS[0].read_bytes() + os.uname().machine.encode()).hexdigest()
    return _ensure("packages", version, key, lambda place: _download_packages(version, place))


def _ensure(kind: str, version: Minor, key: str, make: Callable[[Path], None]) -> Path:
    top = cache() / "pythons"
    top.mkdir(parents=True, exist_ok=True)
    place = top / f"{kind}-{write_version(version)}-{key[:12]}"
    # Written last: a directory without this file is a leftover of an interrupted run.
    whole = place / "whole"
    (top / "lock").touch()
    with only_one(top / "lock", "at work on the packages of another Python"):
        if not whole.exists():
            shutil.rmtree(place, ignore_errors=True)
            make(place)
        whole.touch()
        _remove_unused(top)
    return place


def _remove_unused(top: Path) -> None:
    oldest = time.time() - UNUSED_DAYS * 24 * 3600
    for whole in top.glob("*/whole"):
        if whole.stat().st_mtime < oldest:
            shutil.rmtree(whole.parent)


def _make_environment(python: Path, place: Path) -> None:
    # Debian packs this module separately. Nothing is installed for a Python that the checkout itself does not use.
    if answer([python, "-I", "-c", "import ensurepip, venv"]) is None:
        raise SetupError("it has no ensurepip")
    say(f"making a virtual environment for {python}, once (about a minute)")
    venv.install(python, place)


def _download_packages(version: Minor, place: Path) -> None:
    say(f"getting the packages for Python {write_version(version)}, once (about half a minute)")
    run(
        f"getting the packages for Python {write_version(version)}",
        [
            *(sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet"),
            *("--target", place, "--python-version", write_version(version), "--implementation", "cp"),
            # The requirements name every package, so nothing is resolved for the Python that runs pip.
            *("--only-binary", ":all:", "--no-deps", "--require-hashes", "-r", REQUIREMENTS[0]),
        ],
        env={"PIP_USER": "0"},
    )
