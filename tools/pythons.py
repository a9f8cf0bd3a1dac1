"""The supported Pythons of this machine: each minor version once, and only those that start."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from tools import versions
from tools.process import answer

Minor = tuple[int, int]
"""A version of Python without its patch release: ``(3, 11)``."""

SUPPORTED: tuple[Minor, ...] = ((3, 11), (3, 12), (3, 13))
"""What the program runs on: Debian 12's Python, Debian 13's, and what lies between them."""

# An interpreter of a virtual environment names the one that it was made from.
_PROBE = "import sys; print(*sys.version_info[:2], sys._base_executable)"


def write_version(version: Minor) -> str:
    """Write a version as people do: ``3.11``."""
    return ".".join(map(str, version))


def find_pythons() -> dict[Minor, Path]:
    """Find an interpreter for each supported version: on PATH, in /usr/bin, or among pyenv's versions."""
    found = {}
    for version in SUPPORTED:
        started = (start_python(candidate, version) for candidate in list_candidates(version))
        first = next(filter(None, started), None)
        if first is not None:
            found[version] = first
    return found


def list_candidates(version: Minor) -> Iterator[Path]:
    """Yield the files that may be an interpreter of a version, the preferred ones first."""
    name = f"python{write_version(version)}"
    for place in [*filter(None, os.environ.get("PATH", "").split(os.pathsep)), "/usr/bin", "/usr/local/bin"]:
        yield Path(place, name)
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    # A directory that is named after no release (3.13-dev, a virtual environment's name) comes last.
    installed = sorted(root.glob("versions/*"), key=lambda path: versions.parse(path.name) or (0, 0, 0), reverse=True)
    for directory in installed:
        yield directory / "bin" / name


def start_python(candidate: Path, version: Minor) -> Path | None:
    """Start a candidate; return its interpreter, or None if the file does not start or has another version.

    pyenv puts a shim on PATH for every version that it has; most of them only print that they are not in use.
    """
    if not os.access(candidate, os.X_OK):
        return None
    words = (answer([candidate, "-I", "-c", _PROBE]) or "").split(maxsplit=2)
    if len(words) < 3 or words[:2] != [str(number) for number in version]:
        return None
    return Path(words[2])
