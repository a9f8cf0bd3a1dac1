"""A web cluster: a virtual server, made of web servers that all carry the same platforms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi

from aegir_components import layout, settings
from aegir_components.inputs.members import Member
from aegir_components.providers.uploads import Uploads, UploadsInputs
from aegir_components.remote.connection import Connection

from .base import AegirComponent, Parts

if TYPE_CHECKING:
    from aegir_components.arguments import WebClusterArgs


@dataclass(frozen=True, kw_only=True, slots=True)
class WebClusterParts(Parts):
    """What a cluster needs to know."""

    cluster: settings.WebCluster
    members: Mapping[str, Connection]
    holder: str


class WebCluster(AegirComponent):
    """Web servers as one."""

    ready: list[pulumi.Resource]
    """What must be done, beside its servers' own, before anything is put on the cluster."""

    def __init__(
        self, name: str, args: WebClusterArgs | WebClusterParts, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Declare a cluster."""
        super().__init__("aegir:index:WebCluster", name, args, opts)

    def declare(self, args: WebClusterParts) -> None:
        """Declare what its servers have in common."""
        name = args.cluster.name
        self.ready = []
        path = uploads_path(args.cluster)
        if path and args.cluster.uploads:
            inputs = UploadsInputs(
                cluster=name,
                path=path,
                nfs=args.cluster.uploads.nfs,
                members={member: Member(connection=conn) for member, conn in sorted(args.members.items())},
                holder=args.holder,
            )
            self.ready.append(Uploads(name, inputs, self.child()))
        self.finish({"servers": sorted(args.members), "uploads": path})


def uploads_path(cluster: settings.WebCluster | None) -> str:
    """Say where the members of a cluster see the shared uploads; empty where each has its own."""
    if cluster is None or cluster.uploads is None or cluster.uploads.separate:
        return ""
    return cluster.uploads.path or layout.uploads_mount(cluster.name)
