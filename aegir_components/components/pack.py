"""A pack: a virtual server, made of a master that has code and data and of slaves that see them over NFS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi

from aegir_components import layout, settings
from aegir_components.inputs.members import Member
from aegir_components.providers.pack_export import PackExport, PackExportInputs
from aegir_components.providers.pack_mount import PackMember, PackMount, PackMountInputs
from aegir_components.providers.pack_standby import PackStandby, PackStandbyInputs
from aegir_components.remote.connection import Connection
from aegir_components.services import nfs

from .base import AegirComponent, Parts

if TYPE_CHECKING:
    from aegir_components.arguments import PackArgs


@dataclass(frozen=True, kw_only=True, slots=True)
class PackParts(Parts):
    """What a pack needs to know."""

    pack: settings.Pack
    members: Mapping[str, Connection]
    exporter: Connection | None
    """The machine that exports; ``None`` where somebody else shares the directory."""
    standby: Connection | None
    """The machine that keeps a copy, or that has taken over; ``None`` for none."""
    addresses: Mapping[str, str]
    """The IP address of each machine of the pack."""
    holder: str


class Pack(AegirComponent):
    """Web servers as one, with one copy of what they serve."""

    ready: list[pulumi.Resource]
    """What must be done, beside its servers' own, before anything is put on the pack."""

    def __init__(self, name: str, args: PackArgs | PackParts, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare a pack."""
        super().__init__("aegir:index:Pack", name, args, opts)

    def declare(self, args: PackParts) -> None:
        """Declare the directory that its servers share."""
        name = args.pack.name
        pack, path = args.pack, shared_path(args.pack)
        before: list[pulumi.Resource] = []
        source = ""
        if pack.failover and args.standby is not None:
            # No timer may write there any more when it exports.
            before.append(self._standby(args, source=""))
        if args.exporter is not None:
            server = args.exporter.host
            exported = layout.pack_export(name, code=pack.shares_code, member=server in args.members)
            source = f"{_host(args.addresses[server])}:{exported}"
            export = PackExport(
                name,
                PackExportInputs(
                    pack=name,
                    server=server,
                    connection=args.exporter,
                    path=exported,
                    clients=_clients(args, server),
                    members={member: Member(connection=conn) for member, conn in sorted(args.members.items())},
                    holder=args.holder,
                ),
                self.child(depends_on=list(before)),
            )
            before.append(export)
        own = args.exporter.host if args.exporter else ""
        members = {
            member: PackMember(connection=conn, own=member == own) for member, conn in sorted(args.members.items())
        }
        mount = PackMount(
            name,
            PackMountInputs(
                pack=name, path=path, source=source, writer=pack.master, members=members, holder=args.holder
            ),
            self.child(depends_on=before),
        )
        self.ready = [mount]
        if source and args.standby is not None and not pack.failover:
            self._standby(args, source=source, depends_on=[mount])
        self.finish({"master": pack.master, "slaves": list(pack.slaves), "path": path, "source": source})

    def _standby(self, args: PackParts, *, source: str, depends_on: list[pulumi.Resource] | None = None) -> PackStandby:
        assert args.standby is not None
        pack = args.pack
        inputs = PackStandbyInputs(
            pack=pack.name,
            server=args.standby.host,
            connection=args.standby,
            path=layout.pack_export(pack.name, code=pack.shares_code, member=False),
            source=source,
            serves=bool(pack.failover),
            holder=args.holder,
        )
        return PackStandby(pack.name, inputs, self.child(depends_on=depends_on))


def shared_path(pack: settings.Pack) -> str:
    """Name the directory that all members of a pack see."""
    return pack.path or layout.pack_mount(pack.name, code=pack.shares_code)


def mounts_code(pack: settings.Pack, server: str) -> bool:
    """Tell whether a member has the directory of all platforms from another machine."""
    return pack.share == "code" and server in pack.servers and server != pack.exporter


def _clients(args: PackParts, server: str) -> dict[str, str]:
    """Give the addresses that are exported to, with their options."""
    found = {args.addresses[member]: nfs.EXPORT_OPTIONS for member in args.members if member != server}
    if server != args.pack.master:
        found[args.addresses[args.pack.master]] = nfs.MASTER_OPTIONS
    if args.standby is not None and args.standby.host != server:
        found[args.addresses[args.standby.host]] = nfs.STANDBY_OPTIONS
    return found


def _host(address: str) -> str:
    return f"[{address}]" if ":" in address else address
