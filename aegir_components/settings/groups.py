"""What an operator declares as one server and what is several: clusters and packs, checked and frozen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Share = Literal["code", "uploads", "external"]
SHARES: tuple[Share, ...] = ("code", "uploads", "external")


@dataclass(frozen=True, kw_only=True, slots=True)
class Uploads:
    """Where the sites of a cluster have their uploads, so that each member serves what any of them was sent."""

    path: str = ""
    """A directory that all members share already."""
    nfs: str = ""
    """An export, ``host:/path``, that every member mounts."""
    separate: bool = False
    """Each member has its own, and the operator knows it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WebCluster:
    """A virtual server, made of web servers that all carry the same platforms."""

    name: str
    servers: tuple[str, ...]
    """Its members, sorted."""
    uploads: Uploads | None = None

    @property
    def identity(self) -> str:
        """The name that resources and messages use."""
        return self.name


@dataclass(frozen=True, kw_only=True, slots=True)
class Pack:
    """A virtual server, made of a web server that has code and data and of others that see them over NFS."""

    name: str
    master: str
    slaves: tuple[str, ...] = ()
    """Sorted."""
    nfs: str = ""
    """The server that exports; the master, unless another is declared. Empty where nothing is exported."""
    share: Share = "code"
    path: str = ""
    """With ``external``: the directory that every member has mounted already."""
    standby: str = ""
    """The server that keeps a copy of what is exported; empty for none."""
    failover: str = ""
    """The standby, when it exports in place of ``nfs``; empty while it does not."""

    @property
    def identity(self) -> str:
        """The name that resources and messages use."""
        return self.name

    @property
    def servers(self) -> tuple[str, ...]:
        """Its members, sorted."""
        return tuple(sorted(name for name in (self.master, *self.slaves) if name))

    @property
    def exporter(self) -> str:
        """The server whose export is mounted now; empty where nothing is exported."""
        return self.failover or self.nfs

    @property
    def shares_code(self) -> bool:
        """Whether the slaves see the master's code, and not only its uploads."""
        return self.share != "uploads"
