"""What is known of a release: parts with their versions, and what is pending for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Level = Literal["security", "unsupported", "update"]
LEVELS: tuple[Level, ...] = ("security", "unsupported", "update")
"""Worst first."""


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Part:
    """A part of a release: core, a module, theme or plugin, a package of Composer's."""

    kind: str
    """``drupal``, ``wordpress-core``, ``wordpress-plugin``, ``wordpress-theme`` or ``composer``."""
    name: str
    version: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """Something pending for a part."""

    part: Part
    level: Level
    to: str = ""
    """The version to update to; empty where none is known."""
    what: str = ""
    """Which hole, by its number, or why."""
    since: str = ""
    """The day on which the first fix that is missing was published; empty where nobody says it."""


def worst(findings: Sequence[Finding]) -> list[Finding]:
    """Sort findings, worst and longest pending first."""
    return sorted(findings, key=lambda each: (LEVELS.index(each.level), each.since or "9", each.part))
