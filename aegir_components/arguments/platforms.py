"""Arguments of platforms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pulumi

from .base import Arguments, ComponentArgs

if TYPE_CHECKING:
    from aegir_components.components.pack import Pack
    from aegir_components.components.server import Server
    from aegir_components.components.web_cluster import WebCluster


@dataclass(frozen=True, kw_only=True)
class ComposerArgs(Arguments):
    """How a project's dependencies are installed."""

    dev: bool | None = None
    unlocked: bool | None = None
    trusted: bool | None = None


@dataclass(frozen=True, kw_only=True)
class SourceArgs(Arguments):
    """Where a platform's code comes from: one of ``path``, ``git``, ``archive`` and ``makefile``."""

    path: str | None = None
    """A directory on the hub."""
    git: pulumi.Input[str] | None = None
    """A repository's address or path."""
    ref: str | None = None
    directory: str | None = None
    archive: pulumi.Input[str] | None = None
    """An archive's path or address."""
    checksum: str | None = None
    makefile: str | None = None
    composer: ComposerArgs | bool | None = None


@dataclass(frozen=True, kw_only=True)
class UpdateStepArgs(Arguments):
    """A step of an update of sites."""

    step: Literal["database", "config"] | None = None
    command: str | Sequence[str] | None = None
    seconds: int | None = None


@dataclass(frozen=True, kw_only=True)
class RolloutArgs(Arguments):
    """The order in which sites get a release."""

    canary: Sequence[str] | None = None
    """Names of the sites that get it first."""
    batch: str | None = None
    """Sites at a time: a number, or a share such as ``20%``."""
    stop_on: int | None = None
    """Failed sites after which no further one gets the release."""


@dataclass(frozen=True, kw_only=True)
class PlatformArgs(ComponentArgs):
    """A code base, published at the same path on all of its web servers."""

    server: Server | WebCluster | Pack | str
    source: SourceArgs | str
    """A directory on the hub, or where else the code comes from."""
    publish_path: str | None = None
    keep_releases: int | None = None
    allow_shrink: bool | None = None
    """Accept a source with fewer than half of the live release's files."""
    verify: Literal["quick", "full"] | None = None
    health: bool | None = None
    """``False``: a release stays though a site stops answering with it."""
    rollback: str | None = None
    """The release that is to be live, whatever the source holds."""
    release: str | None = None
    """The release that the source has to make, and no other."""
    database: Literal["check", "keep", "restore"] | None = None
    update: Sequence[Literal["database", "config"] | UpdateStepArgs] | None = None
    rollout: RolloutArgs | None = None
    keep_before: str | None = None
    """How long the database of before an update is kept, such as ``7d``."""
