"""An estate as a drawing: from settings to nodes and edges, from those to DOT, and by Graphviz to a picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from textwrap import wrap
from typing import Final, Literal

import graphviz  # type: ignore[import-untyped]

from aegir_components import settings
from aegir_components.messages import numbered

from .ends import Refusal
from .rows import Status

Kind = Literal["hub", "server", "cluster", "pack", "platform", "site"]
Health = Literal["", "ok", "bad"]

SHAPES: Final[Mapping[Kind, str]] = {
    "hub": "house", "server": "box3d", "cluster": "octagon", "pack": "octagon", "platform": "folder", "site": "ellipse",
}  # fmt: skip
FILLS: Final[Mapping[Kind, str]] = {
    "hub": "#e3f2fd", "server": "#eceff1", "cluster": "#ede7f6", "pack": "#ede7f6", "platform": "#fff3e0", "site": "#ffffff",
}  # fmt: skip
WIDEST: Final = 44
"""Letters on a line of what is wrong."""
FONT: Final = {"fontname": "DejaVu Sans"}
HEALTHY, BROKEN = "#c8e6c9", "#ffcdd2"
RANKS: Final[tuple[tuple[Kind, ...], ...]] = (("hub",), ("server",), ("cluster", "pack"), ("platform",), ("site",))


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """A thing of the estate."""

    kind: Kind
    name: str
    lines: tuple[str, ...]
    """What stands in it, its name first."""
    health: Health = ""
    """Empty where nobody was asked."""
    faults: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Its own name in the drawing; a platform may be called like a server."""
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Edge:
    """What connects two things."""

    tail: str
    head: str
    label: str = ""
    style: str = "solid"


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawing:
    """Nodes and edges."""

    title: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


def draw(stack: str, declared: settings.Settings, seen: Status | None = None) -> Drawing:
    """Draw a stack.

    Args:
        stack: its name.
        declared: its stack file.
        seen: its health, where the machines were asked.
    """
    faults = _faults(seen) if seen is not None else None

    def node(kind: Kind, name: str, *lines: str) -> Node:
        if faults is None or kind in {"hub", "cluster", "pack"}:
            return Node(kind=kind, name=name, lines=(name, *lines))
        # What is declared and was never made is not well either.
        why = faults.get((kind, name), ("not made yet",))
        return Node(kind=kind, name=name, lines=(name, *lines), health="bad" if why else "ok", faults=why)

    nodes = [node("hub", "hub", declared.hub.address)]
    nodes += [node("server", server.name, server.address, *_services(server)) for server in declared.servers.values()]
    nodes += [node("cluster", name, "web cluster", *_uploads(cluster)) for name, cluster in declared.clusters.items()]
    nodes += [node("pack", name, f"pack, shares {pack.share}") for name, pack in declared.packs.items()]
    nodes += [node("platform", platform.name, _source(platform.source)) for platform in declared.platforms.values()]
    nodes += [
        node("site", name, *(() if site.state == "enabled" else (site.state,))) for name, site in declared.sites.items()
    ]
    title = f"{stack} ({declared.environment})" if declared.environment != stack else stack
    return Drawing(title=title, nodes=tuple(nodes), edges=tuple(_edges(declared)))


def dot(drawing: Drawing) -> graphviz.Digraph:
    """Give a drawing to Graphviz; every text is quoted by its library, so that none of it is a command."""
    graph = graphviz.Digraph(
        name=drawing.title,
        graph_attr={**FONT, "rankdir": "LR", "ranksep": "1.0", "label": graphviz.escape(drawing.title), "labelloc": "t"},
        node_attr={**FONT, "fontsize": "11", "style": "filled", "color": "#455a64"},
        edge_attr={**FONT, "fontsize": "9", "color": "#607d8b"},
    )  # fmt: skip
    for kinds in RANKS:
        if not any(node.kind in kinds for node in drawing.nodes):
            continue
        with graph.subgraph() as rank:
            rank.attr(rank="same")
            for node in drawing.nodes:
                if node.kind in kinds:
                    rank.node(_id(node.key), _text(node), shape=SHAPES[node.kind], fillcolor=_fill(node))
    for edge in drawing.edges:
        graph.edge(_id(edge.tail), _id(edge.head), label=graphviz.escape(edge.label), style=edge.style)
    return graph


def rendered(graph: graphviz.Digraph, form: str) -> bytes:
    """Let Graphviz draw.

    Raises:
        Refusal: its program is not there, or failed.
    """
    if form == "dot":
        return str(graph.source).encode()
    try:
        return bytes(graph.pipe(format=form))
    except graphviz.ExecutableNotFound:
        raise Refusal(
            numbered(
                9050, "the program dot is not on PATH: apt-get install graphviz; or take --format dot, which needs none"
            )
        ) from None
    except graphviz.CalledProcessError as fault:
        raise Refusal(numbered(9051, f"dot failed: {str(fault.stderr).strip()[-400:]}")) from None


def _text(node: Node) -> str:
    # What is wrong may be a long sentence.
    lines = [*node.lines, *(line for fault in node.faults for line in wrap(fault, WIDEST))]
    return str(graphviz.escape("\n".join(lines))).replace("\n", r"\n")


def _id(key: str) -> str:
    # A colon would name a port of the node.
    return key.replace(":", "_")


def _fill(node: Node) -> str:
    return {"": FILLS[node.kind], "ok": HEALTHY, "bad": BROKEN}[node.health]


def _edges(declared: settings.Settings) -> Iterator[Edge]:
    for server in declared.servers.values():
        how = {"ssh": "ssh", "local": "itself", "none": "MySQL"}[server.connection]
        yield Edge(tail="hub hub", head=f"server {server.name}", label=how)
    for name, cluster in declared.clusters.items():
        for member in cluster.servers:
            yield Edge(tail=f"server {member}", head=f"cluster {name}", label="member")
    for name, pack in declared.packs.items():
        for member in pack.servers:
            yield Edge(
                tail=f"server {member}", head=f"pack {name}", label="master" if member == pack.master else "slave"
            )
        for member in sorted({*pack.servers, pack.standby} - {pack.exporter, ""}) if pack.exporter else ():
            label = "NFS" if member != pack.standby else "copy by rsync"
            yield Edge(tail=f"server {pack.exporter}", head=f"server {member}", label=label, style="dashed")
    for platform in declared.platforms.values():
        kind = (
            "pack" if declared.pack_of(platform.name) else "cluster" if declared.cluster_of(platform.name) else "server"
        )
        yield Edge(tail=f"{kind} {platform.server}", head=f"platform {platform.name}")
    for name, site in declared.sites.items():
        yield Edge(tail=f"platform {site.platform}", head=f"site {name}")
        yield Edge(tail=f"server {site.database}", head=f"site {name}", label="database", style="dashed")


def _uploads(cluster: settings.WebCluster) -> Iterator[str]:
    if cluster.uploads is not None and not cluster.uploads.separate:
        yield f"uploads: {cluster.uploads.path or f'NFS from {cluster.uploads.nfs}'}"


def _services(server: settings.Server) -> Iterator[str]:
    if server.web is not None:
        php = f", PHP {' and '.join(server.web.php_versions)}" if server.web.php else ""
        yield f"web: {server.web.type}{php}"
    if server.database is not None:
        yield f"database: {server.database.type}"


def _source(source: settings.PlatformSource) -> str:
    if source.git:
        return f"git {source.ref[:12]}"
    if source.archive:
        # An address may hold a password.
        return "archive"
    return source.makefile or source.path


def _faults(seen: Status) -> dict[tuple[str, str], tuple[str, ...]]:
    return {
        **{("server", row.name): row.faults for row in seen.servers},
        **{("platform", row.name): row.faults for row in seen.platforms},
        **{("site", row.name): row.faults for row in seen.sites},
    }
