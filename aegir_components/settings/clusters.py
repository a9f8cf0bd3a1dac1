"""The web clusters, as declared: virtual servers, made of web servers that all carry the same platforms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from aegir_components.messages import numbered

from . import groups, model, names
from .names import Wrong, WrongForm, wanted
from .reader import Node
from .wording import known, listed, quoted

_NFS: Final = names.matching(
    r"[A-Za-z0-9.:\[\]-]+:/[A-Za-z0-9._/-]*", 300, "an NFS export, such as nas.example.com:/srv/uploads"
)
_NOT_SHARED: Final = (
    *("/var/aegir/platforms", "/var/aegir/config", "/bin", "/boot", "/dev", "/etc", "/lib", "/proc", "/root", "/run"),
    *("/sbin", "/sys", "/tmp", "/usr", "/var/lib/aegir", "/var/log", "/var/run", "/var/tmp"),  # noqa: S108  refused
)


def read_clusters(node: Node, servers: Mapping[str, model.Server]) -> dict[str, groups.WebCluster]:
    """Read ``aegir:clusters``; one with problems is there too, so that what names it is not called wrong."""
    clusters: dict[str, groups.WebCluster] = {}
    for key, entry in node.entries():
        try:
            names.platform_name(key)
        except Wrong as wrong:
            entry.fault(wrong.text)
        if key in servers:
            entry.fault(
                numbered(1017, f"a server is called {quoted(key)} already; choose another name for the cluster")
            )
        entry.check_keys()
        clusters[key] = groups.WebCluster(
            name=key, servers=_members(entry.child("servers"), servers), uploads=_uploads(entry.child("uploads"))
        )
    return clusters


def check_uploads(
    node: Node,
    clusters: Mapping[str, groups.WebCluster],
    platforms: Mapping[str, model.Platform],
    sites: Mapping[str, model.Site],
) -> None:
    """Warn of each site whose uploads would differ between the members of its cluster."""
    for site in sites.values():
        platform = platforms.get(site.platform)
        cluster = clusters.get(platform.server) if platform else None
        if cluster is None or cluster.uploads or len(cluster.servers) < 2:
            continue
        node.named(site.display_name).warn(
            numbered(
                1150,
                f"cluster {quoted(cluster.name)} has {len(cluster.servers)} servers and no uploads: a file that a "
                f"visitor uploads would be on one of them only. Declare aegir:clusters[{quoted(cluster.name)}].uploads",
            )
        )


def _members(node: Node, servers: Mapping[str, model.Server]) -> tuple[str, ...]:
    able = [server.name for server in servers.values() if server.web]
    if not node.given:
        node.fault(numbered(1013, f"missing; write a list of web servers; known: {listed(able)}"))
        return ()
    found: list[str] = []
    for item in node.items():
        name = item.reference("web server", able)
        if not name:
            continue
        if name in found:
            item.fault(numbered(1014, f"{item.describe()} is in this list already"))
        elif name in able:
            found.append(name)
        elif name in servers:
            item.fault(
                numbered(1107, f"server {item.describe()} has no web service; servers that have one: {listed(able)}")
            )
        else:
            item.fault(numbered(1015, f"no server named {item.describe()}; {known(name, servers)}"))
    if node.value == []:
        node.fault(numbered(1151, "must name at least one web server"))
    return tuple(sorted(found))


def _uploads(node: Node) -> groups.Uploads | None:
    node.also("separate")
    if not node.given:
        return None
    if isinstance(node.value, str):
        return _separate(node)
    if not node.check_keys():
        return None
    path, nfs = node.child("path"), node.child("nfs")
    if path.given == nfs.given:
        node.fault(
            numbered(
                1018,
                "write either path (a directory that all members share already) or nfs (an export that is mounted)",
            )
        )
        return None
    return groups.Uploads(path=path.text("", shared_path), nfs=nfs.text("", _NFS))


def _separate(node: Node) -> groups.Uploads | None:
    if node.value == "separate":
        return groups.Uploads(separate=True)
    node.fault(numbered(1005, f'must be "separate" or a mapping with path or nfs, not {node.describe()}'))
    return None


@wanted("a directory that machines share, such as /srv/shared")
def shared_path(text: str) -> str:
    """Check a directory that machines share already."""
    path = names.plain_path(text)
    for own in _NOT_SHARED:
        if path == own or path.startswith(own + "/") or own.startswith(path + "/"):
            raise WrongForm(numbered(1152, f"must be apart from {own}"))
    return path
