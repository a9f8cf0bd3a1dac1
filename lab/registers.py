"""What virtual machines need on processors whose registers their kernel does not know: a small library, compiled once."""

from __future__ import annotations

import hashlib
import os
import pathlib
import shutil
from collections.abc import Callable

from . import state
from .engine import install_packages, run

SOURCE = pathlib.Path(__file__).with_suffix(".c")
COMPILER = ("gcc", "libc6-dev")
"""Debian's packages with a C compiler."""
FLAG = "amx_tile"
"""The processor's feature that user-mode-linux 6.1 has no room for, as /proc/cpuinfo calls it."""


def is_needed(cpuinfo: str) -> bool:
    """Return whether a processor needs the library, by the text of its /proc/cpuinfo."""
    flags = (line.partition(":")[2].split() for line in cpuinfo.splitlines() if line.startswith("flags"))
    return any(FLAG in words for words in flags)


def library() -> pathlib.Path:
    """Name the compiled library of this source."""
    return state.home() / f".registers-{hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16]}.so"


def ensure(say: Callable[[str], None], cpuinfo: pathlib.Path = pathlib.Path("/proc/cpuinfo")) -> None:
    """Compile the library where this machine needs it and does not have it.

    Raises:
        EngineMissing: the machine has no C compiler, and cannot get one.
    """
    if not is_needed(cpuinfo.read_text()) or library().exists():
        return
    if not shutil.which("gcc"):
        install_packages(say, COMPILER, what=f"virtual machines on a processor with {FLAG}")
    with state.locked("registers"):
        fresh = library().with_suffix(f".{os.getpid()}")
        run(["gcc", "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", str(fresh), str(SOURCE), "-ldl"])
        fresh.replace(library())


def environment() -> dict[str, str]:
    """Give the variables that load the library into a virtual machine's process; none where there is no library."""
    return {"LD_PRELOAD": str(library())} if library().exists() else {}
