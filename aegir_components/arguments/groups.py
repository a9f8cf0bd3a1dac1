"""Arguments of web clusters and packs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from .base import Arguments, ComponentArgs

if TYPE_CHECKING:
    from aegir_components.components.server import Server


@dataclass(frozen=True, kw_only=True)
class UploadsArgs(Arguments):
    """Where the web servers of a cluster have uploads in common."""

    path: str | None = None
    """A directory that the machines share already."""
    nfs: str | None = None
    """An NFS export, such as ``nas.example.com:/srv/uploads``."""


@dataclass(frozen=True, kw_only=True)
class WebClusterArgs(ComponentArgs):
    """Web servers that carry the same platforms."""

    servers: Sequence[Server | str]
    uploads: UploadsArgs | Literal["separate"] | None = None


@dataclass(frozen=True, kw_only=True)
class PackArgs(ComponentArgs):
    """Web servers with one copy of code and data: a master, and slaves that see these over NFS."""

    master: Server | str
    slaves: Sequence[Server | str] | None = None
    nfs: Server | str | None = None
    """The server that exports; the master by default."""
    share: Literal["code", "uploads", "external"] | None = None
    path: str | None = None
    """A directory that the machines share already."""
    standby: Server | str | None = None
    """A server that keeps a copy of what another one exports."""
    failover: Server | str | None = None
    """The standby, when it exports in place of ``nfs``."""
