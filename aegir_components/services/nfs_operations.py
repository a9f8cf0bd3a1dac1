"""The functions of ``nfs.sh`` that take their arguments by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from aegir_components.scripts.named import Operation


@dataclass(frozen=True, kw_only=True, slots=True)
class WantMarked(Operation):
    """Item: an exported directory has the mark by which clients know it."""

    function: ClassVar[str] = "want_marked"
    path: str
    pack: str
    moved_from: str = ""
    """Machine and directory that had the files before, where that was another."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MountFacts(Operation):
    """Tell what is so of a mount, and whether its server answers."""

    function: ClassVar[str] = "mount_facts"
    path: str
    mark: str
    """The file in it that our own exports have; empty for somebody else's."""
    patience: str
    """Seconds until a server counts as hung."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MountTry(Operation):
    """Mount an export elsewhere for a moment, to hear why it cannot be mounted."""

    function: ClassVar[str] = "mount_try"
    path: str
    source: str
    """The export, ``address:/path``."""
    server: str
    """The address in that."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WantFreshCopy(Operation):
    """Item: a copy of what a pack shares is not older than it may be."""

    function: ClassVar[str] = "want_fresh_copy"
    pack: str
    unit: str
    oldest: str
    """In seconds."""
