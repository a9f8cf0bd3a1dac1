"""The stack file as a whole: what a farm has, what is on it by name, and keys that a program has no arguments for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from .farms import FarmArgs
from .groups import PackArgs, WebClusterArgs
from .platforms import PlatformArgs
from .servers import ServerArgs
from .sites import SiteArgs


@dataclass(frozen=True, kw_only=True)
class ListedPlatform(PlatformArgs):
    """An entry of a list of platforms."""

    name: str | None = None
    """The name of the platform. Default: ``<server>-drupal-<version>``, where the source is a directory."""


@dataclass(frozen=True, kw_only=True)
class StackFile(FarmArgs):
    """The keys below ``config:``, without ``aegir:``. A program makes components in their place."""

    environment_formerly: Literal["development", "testing", "acceptance", "production"] | None = None
    """The former environment of the stack."""
    include: str | None = None
    """The path of a file with the common part of several stacks, from the folder of the stack files: ``farm.yaml``."""
    servers: Mapping[str, ServerArgs] | None = None
    """A mapping; its keys are the servers' host names."""
    clusters: Mapping[str, WebClusterArgs] | None = None
    """A mapping; its keys are names like a platform's, and not those of servers."""
    packs: Mapping[str, PackArgs] | None = None
    """A mapping; its keys are names like a platform's, and not those of servers or clusters."""
    platforms: Mapping[str, PlatformArgs] | Sequence[ListedPlatform] | None = None
    """A mapping; its keys are names of lower-case letters, digits, ``.``, ``_`` and ``-``, at most 64 characters."""
    sites: Mapping[str, SiteArgs] | None = None
    """A mapping; its keys are the sites' host names, at least two labels each."""
    forget: Sequence[str] | None = None
    """A list of abandoned servers: ``aegir:forget: [web2.example.com]``. What is removed from them is removed from the
    state only.
    """
    replaced: Sequence[str] | None = None
    """A list of servers whose machine is an empty replacement of the former one:
    ``aegir:replaced: [db1.example.com]``.
    """
    confirm_removals: Sequence[str] | None = None
    """A list of sites to remove with their databases and files:
    ``aegir:confirm_removals: [old.example.com, older.example.com]``.
    """
