"""What a service is on a machine: packages, files, commands. Pure."""

from __future__ import annotations

import functools
from importlib import resources


@functools.cache
def functions(name: str) -> str:
    """Read a library of shell functions, for a script that calls them."""
    return resources.files(__package__).joinpath("shell", f"{name}.sh").read_text(encoding="utf-8")
