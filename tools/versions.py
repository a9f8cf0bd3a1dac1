"""Version numbers, and which way to the engine is open. Pure functions."""

from __future__ import annotations

import re
from dataclasses import dataclass

Version = tuple[int, int, int]


def parse(text: str) -> Version | None:
    """Read the version in ``v3.259.0``, ``go1.25``, ``go version go1.19.8 linux/amd64`` and the like.

    A version that says it comes before a release (``3.260.0-alpha.1``, ``go1.26rc1``) is none: what is asked
    for are releases.
    """
    found = re.search(r"(?:^|[^\d.])(\d+)\.(\d+)(?:\.(\d+))?(?![\d.])(-\S+|rc\d+|beta\d+)?", text)
    if found is None or found[4]:
        return None
    return int(found[1]), int(found[2]), int(found[3] or 0)


def accepts(required: str, version: Version) -> bool:
    """Tell whether ``version`` lies in a range such as ``>=3.259.0 <4.0.0``, as Pulumi.yaml gives it."""
    for term in required.split():
        operator, bound = re.sub(r"[\d.]+$", "", term), parse(term.lstrip("<>=!"))
        if bound is None:
            raise ValueError(f"requiredPulumiVersion: cannot read {term!r}; write it like '>=3.259.0 <4.0.0'")
        holds = {
            ">=": version >= bound,
            ">": version > bound,
            "<=": version <= bound,
            "<": version < bound,
            "=": version == bound,
            "": version == bound,
        }
        if operator not in holds:
            raise ValueError(f"requiredPulumiVersion: no operator {operator!r} is known")
        if not holds[operator]:
            return False
    return True


@dataclass(frozen=True, kw_only=True, slots=True)
class OnPath:
    """What PATH has of Pulumi."""

    version: str | None = None
    """What `pulumi version` printed; None where there is no such command."""
    language_host: bool = False
    """Whether `pulumi-language-python` lies beside it or on PATH."""


def why_not(found: OnPath, required: str) -> str | None:
    """Say why the Pulumi on PATH will not do; None: it will."""
    if found.version is None:
        return "not on PATH"
    version = parse(found.version)
    if version is None:
        return f"the one on PATH is of version {found.version or '(none)'}, no release"
    if not accepts(required, version):
        return f"the one on PATH is {found.version}, {required} is required"
    if not found.language_host:
        return "the one on PATH has no pulumi-language-python"
    return None


def go_serves(found: str | None, required: Version) -> bool:
    """Tell whether a Go, by what `go version` printed, can build the engine."""
    version = parse(found) if found else None
    return version is not None and version >= required
