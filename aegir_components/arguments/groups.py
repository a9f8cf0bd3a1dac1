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
    """A directory that all servers share already (a filer, a replicated disk). It is proven: what one writes, all
    others read.
    """
    nfs: str | None = None
    """An export, ``host:/path``; each server mounts it on ``/var/aegir/uploads/<cluster>`` by NFS 4.2. Root has to be
    able to write there (``no_root_squash``), since each site's directory belongs to the site's own user.
    """


@dataclass(frozen=True, kw_only=True)
class WebClusterArgs(ComponentArgs):
    """Web servers that carry the same platforms."""

    servers: Sequence[Server | str]
    """A list of web servers."""
    uploads: UploadsArgs | Literal["separate"] | None = None
    """Where the sites' uploads and private files are, so that each server has what any of them was sent. Without it,
    each site of a cluster of several servers is warned of. ``separate``: each server has its own uploads, and you know
    it: no warning. Default: none.
    """


@dataclass(frozen=True, kw_only=True)
class PackArgs(ComponentArgs):
    """Web servers with one copy of code and data: a master, and slaves that see these over NFS."""

    master: Server | str
    """The web server that code and site data go to."""
    slaves: Sequence[Server | str] | None = None
    """A list of web servers. Default: ``[]``."""
    share: Literal["code", "uploads", "external"] | None = None
    """``code``: what is below ``/var/aegir/platforms`` (releases, links, site data). ``uploads``: every member has a
    copy of the code, and only the sites' uploads and private files are shared, on ``/var/aegir/uploads/<pack>``.
    ``external``: a directory that is mounted on every member already. Default: ``code``.
    """
    path: str | None = None
    """With ``share: external``, that directory (a filer, EFS, DRBD). Platforms are published below it. It is proven:
    what one member writes as ``aegir``, all others read, with the same owner. The master's root has to be able to write
    there.
    """
    nfs: Server | str | None = None
    """The server that exports: the master, another one under ``aegir:servers``, or ``hub`` (declared with
    ``connection: local``). Another one than the master has the files in ``/var/aegir/nfs/<pack>``. Default: the master.
    """
    standby: Server | str | None = None
    """A server beside the pack that keeps a copy of what another one beside the pack exports, by rsync every five
    minutes. Uploads are never deleted in the copy. A copy older than 20 minutes is drift. Default: none.
    """
    failover: Server | str | None = None
    """The standby, to let it export instead of ``nfs``. In one ``up`` it makes a last copy where that is possible, stops
    its timer, and exports. The members mount from it. Default: none.
    """
