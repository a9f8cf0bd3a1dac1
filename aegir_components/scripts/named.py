"""Calls of shell functions by the names of their arguments: ``want_mount path=/srv/share source=10.0.0.9:/export``.

Each such function has a frozen dataclass whose fields are the names. Mypy checks a call where it is written, and Python when
the script is built. In the shell, ``takes`` reads them (``named.sh``). Assignments before the function's name would need no
reader. But dash exports them to every program that the function starts, and a wrong name would go unnoticed.
"""

from __future__ import annotations

import functools
import shlex
from dataclasses import dataclass, fields
from importlib import resources
from types import ModuleType
from typing import ClassVar


class Word(str):
    """A shell word that the machine expands, such as ``"$docroot"``; all other values are quoted."""

    __slots__ = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    """A shell function with named arguments; a subclass is a dataclass of them, and names the function."""

    function: ClassVar[str]

    @property
    def line(self) -> str:
        """The call, as a line of a script; arguments that are empty are left out."""
        return " ".join([self.function, *(f"{name}={word}" for name, word in self._words())])

    def _words(self) -> list[tuple[str, str]]:
        values = [(field.name, getattr(self, field.name)) for field in fields(self)]
        return [(name, value if isinstance(value, Word) else shlex.quote(value)) for name, value in values if value]


@functools.cache
def reader() -> str:
    """Give the shell function that reads named arguments, for a script without the prelude."""
    return resources.files(__package__).joinpath("named.sh").read_text(encoding="utf-8")


def declared(*modules: ModuleType) -> dict[str, type[Operation]]:
    """Give the operations that modules declare, by the names of their functions."""
    found = [each for module in modules for each in vars(module).values() if isinstance(each, type)]
    return {each.function: each for each in found if issubclass(each, Operation) and each is not Operation}


def names(operation: type[Operation]) -> list[str]:
    """List the names of an operation's arguments."""
    return [field.name for field in fields(operation)]
