"""Paths of values in a stack file, as Pulumi writes them: ``aegir:sites["www.example.com"].admin.password``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from .wording import key_text

PREFIX: Final = "aegir:"
KINDS: Final[Mapping[str, str]] = {
    "servers": "Server",
    "clusters": "WebCluster",
    "packs": "Pack",
    "platforms": "Platform",
    "sites": "Site",
}
"""Keys whose entries have names that people choose, each with the component that an entry is."""


def below(path: str, key: object) -> str:
    """Write the path of a value in a mapping."""
    return f"{path}[{key_text(str(key))}]"


def canonical(path: str) -> str:
    """Write a path in one of the two ways that Pulumi knows: ``a.b`` is ``a["b"]``."""
    return re.sub(r'\["([A-Za-z_][A-Za-z0-9_-]*)"\]', r".\1", path)


def secure_paths(value: Any, path: str) -> Iterator[str]:
    """List the paths of all values that are stored encrypted."""
    if isinstance(value, Mapping):
        if set(value) == {"secure"} and isinstance(value["secure"], str):
            yield canonical(path)
        else:
            for key, inner in value.items():
                yield from secure_paths(inner, below(path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from secure_paths(inner, f"{path}[{index}]")
