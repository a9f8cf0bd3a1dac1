"""The packs, as declared: a master that has code and data, and slaves that see them over NFS (handbook, "Pack module")."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from aegir_components.messages import numbered

from . import groups, model, names
from .clusters import shared_path
from .names import Wrong
from .reader import Node
from .wording import known, listed, quoted

PLATFORMS_ROOT: Final = "/var/aegir/platforms"
HUB: Final = "hub"


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """What packs may refer to, and what they must not be called."""

    servers: Mapping[str, model.Server]
    clusters: Collection[str]
    packs: Collection[str]

    def web(self) -> list[str]:
        """Name the servers that can be members."""
        return [server.name for server in self.servers.values() if server.web]


def read_packs(
    node: Node, servers: Mapping[str, model.Server], clusters: Mapping[str, groups.WebCluster]
) -> dict[str, groups.Pack]:
    """Read ``aegir:packs``; one with problems is there too, so that what names it is not called wrong."""
    estate = Known(servers=servers, clusters=clusters, packs=[key for key, _ in node.entries()])
    found: dict[str, groups.Pack] = {}
    for key, entry in node.entries():
        try:
            names.platform_name(key)
        except Wrong as wrong:
            entry.fault(wrong.text)
        for kind, taken in (("server", servers), ("cluster", clusters)):
            if key in taken:
                entry.fault(
                    numbered(1017, f"a {kind} is called {quoted(key)} already; choose another name for the pack")
                )
        entry.check_keys()
        found[key] = _pack(key, entry, estate)
    return found


def shared_root(pack: groups.Pack | None) -> str:
    """Name the directory that holds code and data of a pack's platforms; empty where each member has its own code."""
    if pack is None or not pack.shares_code:
        return ""
    return pack.path or PLATFORMS_ROOT


def check_packs(node: Node, settings: model.Settings) -> None:
    """Refuse platforms that a pack's mount would hide, or that lie outside of it."""
    for platform in settings.platforms.values():
        pack = settings.pack_of(platform.name)
        root = shared_root(pack)
        path = node.child("platforms").named(platform.name).child("publish_path")
        if root and platform.publish_path and not platform.publish_path.startswith(f"{root}/"):
            path.fault(numbered(1155, f"must lie in {root}, which the members of pack {quoted(platform.server)} share"))
    for name, pack in settings.packs.items():
        entry = node.child("packs").named(name)
        hidden = {} if pack.share != "code" else dict.fromkeys(_mounting(pack), pack)
        for other in settings.packs.values():
            if other.name < name and other.share == pack.share == "code":
                for member in sorted(set(hidden) & set(_mounting(other))):
                    entry.fault(
                        numbered(
                            1155,
                            f"server {quoted(member)} mounts {PLATFORMS_ROOT} from pack {quoted(other.name)} already; "
                            "it can have one pack's code only",
                        )
                    )
        for platform in settings.platforms.values():
            if platform.server == name or not platform.publish_path.startswith(f"{PLATFORMS_ROOT}/"):
                continue
            if not _is_target(settings, platform.server):
                continue
            on = sorted(set(hidden) & {server.name for server in settings.web_servers(platform.name)})
            if on:
                entry.fault(
                    numbered(
                        1155,
                        f"the mount on {PLATFORMS_ROOT} of server {quoted(on[0])} would hide platform "
                        f"{quoted(platform.name)}, which is on {quoted(platform.server)}; give that another "
                        "publish_path, or put it on the pack",
                    )
                )


def _is_target(settings: model.Settings, name: str) -> bool:
    return name in settings.servers or name in settings.clusters or name in settings.packs


def _mounting(pack: groups.Pack) -> tuple[str, ...]:
    """Name the members that mount what another machine exports."""
    return tuple(name for name in pack.servers if name != pack.exporter)


def _pack(name: str, node: Node, estate: Known) -> groups.Pack:
    master = _master(node.child("master"), estate)
    slaves = _slaves(node.child("slaves"), master, estate)
    share = node.child("share").choice("code", groups.SHARES)
    path = node.child("path").text("", shared_path)
    if share == "external":
        if not node.child("path").given:
            node.child("path").fault(
                numbered(1013, "missing; share: external needs the directory that every member has mounted already")
            )
        for key in ("nfs", "standby", "failover"):
            if node.child(key).given:
                node.child(key).fault(numbered(1016, "nothing is exported with share: external; remove this key"))
        return groups.Pack(name=name, master=master, slaves=slaves, share=share, path=path)
    if node.child("path").given:
        node.child("path").fault(
            numbered(1016, f"only share: external has a path; with share: {share} the place is Aegir's own")
        )
    nfs = _nfs(node.child("nfs"), master, slaves, estate)
    standby = _standby(node.child("standby"), nfs, {master, *slaves}, estate)
    failover = node.child("failover").text("", str)
    if failover and failover != standby:
        advice = f"; the pack's standby is {quoted(standby)}" if standby else "; declare it as the pack's standby first"
        node.child("failover").fault(
            numbered(1159, f"{node.child('failover').describe()} keeps no copy of this pack{advice}")
        )
        failover = ""
    return groups.Pack(
        name=name, master=master, slaves=slaves, nfs=nfs, share=share, standby=standby, failover=failover
    )  # fmt: skip


def _master(node: Node, estate: Known) -> str:
    if not node.given:
        node.fault(
            numbered(1013, f"missing; write the web server that has code and data; known: {listed(estate.web())}")
        )
        return ""
    if isinstance(node.value, list):
        node.fault(numbered(1153, "a pack has one master; write one server's name, and the others under slaves"))
        return ""
    return _member(node, node.reference("web server", estate.web()), estate)


def _slaves(node: Node, master: str, estate: Known) -> tuple[str, ...]:
    found: list[str] = []
    for item in node.items():
        name = _member(item, item.reference("web server", estate.web()), estate)
        if not name:
            continue
        if name == master:
            item.fault(numbered(1154, f"{item.describe()} is the pack's master; it cannot be a slave of itself"))
        elif name in found:
            item.fault(numbered(1014, f"{item.describe()} is in this list already"))
        else:
            found.append(name)
    return tuple(sorted(found))


def _member(node: Node, name: str, estate: Known) -> str:
    if not name or name in estate.web():
        return name
    if name in estate.servers:
        node.fault(
            numbered(
                1107, f"server {node.describe()} has no web service; servers that have one: {listed(estate.web())}"
            )
        )
    elif name in estate.packs or name in estate.clusters:
        kind = "pack" if name in estate.packs else "cluster"
        node.fault(
            numbered(
                1156, f"{node.describe()} is a {kind}; the members of a pack are web servers: {listed(estate.web())}"
            )
        )
    else:
        node.fault(numbered(1015, f"no server named {node.describe()}; {known(name, estate.servers)}"))
    return ""


def _nfs(node: Node, master: str, slaves: tuple[str, ...], estate: Known) -> str:
    if not node.given:
        return master
    name = _machine(node, estate)
    if name in slaves:
        node.fault(
            numbered(
                1157,
                f"{node.describe()} is a slave; the NFS server is the master, the hub, or a machine beside the pack",
            )
        )
        return master
    return name or master


def _standby(node: Node, nfs: str, members: set[str], estate: Known) -> str:
    if not node.given:
        return ""
    name = _machine(node, estate)
    if nfs in members:
        node.fault(
            numbered(
                1158,
                "a standby can take over only from an NFS server beside the pack: the master's own files would lie "
                "under the mount. Declare nfs",
            )
        )
    elif name in members or name == nfs:
        node.fault(numbered(1154, f"{node.describe()} is in the pack already; a standby is a machine of its own"))
    else:
        return name
    return ""


def _machine(node: Node, estate: Known) -> str:
    """Read a machine that exports: a server that we reach, or ``hub`` for the one that is the hub itself."""
    name = node.reference("server", (*estate.servers, HUB))
    if name == HUB:
        local = [server.name for server in estate.servers.values() if server.connection == "local"]
        if not local:
            node.fault(
                numbered(
                    1160, "the hub is not declared as a server; declare it under aegir:servers with connection: local"
                )
            )
        return local[0] if local else ""
    if not name:
        return ""
    if name not in estate.servers:
        node.fault(numbered(1015, f"no server named {node.describe()}; {known(name, {*estate.servers, HUB})}"))
    elif estate.servers[name].connection == "none":
        node.fault(numbered(1161, f"server {node.describe()} has connection: none; nothing can be exported there"))
    else:
        return name
    return ""
