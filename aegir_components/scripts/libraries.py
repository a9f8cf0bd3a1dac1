"""The libraries of shell functions, each beside the module that writes calls of it."""

from __future__ import annotations

import functools as _functools
from importlib import resources
from typing import Final

ROOMS: Final = ("services", "deploy", "facts")
"""Packages that have libraries. A library's name is used once among them."""


@_functools.cache
def functions(name: str) -> str:
    """Read a library of shell functions, for a script that calls them."""
    for room in ROOMS:
        library = resources.files(f"aegir_components.{room}").joinpath(f"{name}.sh")
        if library.is_file():
            return library.read_text(encoding="utf-8")
    raise FileNotFoundError(f"{name}.sh")
