"""aegir:PackMount: the directory that a pack's members share, proven by writing on one of them and reading on all."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pulumi

from aegir_components.inputs.members import Member, connections
from aegir_components.inputs.props import Props, left_out
from aegir_components.messages import numbered
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import Refused
from aegir_components.remote.parallel import attempt, each
from aegir_components.scripts import script
from aegir_components.services import nfs

from . import mounting, shared
from .lifecycle import AegirResource, Lifecycle, remaining

MOUNT_TIMEOUT = 600.0
"""Seconds; the package may have to be installed. Each touch of the mount has a limit of its own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PackMember(Member):
    """A machine of a pack."""

    own: bool = left_out(False)
    """Whether it mounts nothing, because the directory is its own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PackMountInputs(Props):
    """What a pack shares, on its members."""

    pack: str
    path: str
    """Where the members see it."""
    source: str = left_out("")
    """The export, as ``server:/path``; empty where somebody else mounts."""
    writer: str
    """The member or server whose root may write."""
    members: Mapping[str, PackMember]
    holder: str
    """``<project>/<stack>``."""


class PackMountProvider(Lifecycle[PackMountInputs, PackMountInputs]):
    """Mounts on every member but the one that exports, and proves that all see the same with the same owners."""

    identity_keys = ("pack",)

    def identity(self, want: PackMountInputs) -> str:
        """A pack shares one directory."""
        return want.pack

    def observe(self, have: PackMountInputs) -> dict[str, Any]:
        """Inspect every member's mount, and prove again that all see the same; nothing of it waits for a hung server."""
        return shared.observe(have, lambda conn: _place(have, conn).checked(), lambda: _prove(have))

    def converge(self, want: PackMountInputs, was: PackMountInputs | None) -> dict[str, Any]:
        """Mount and prove; members that left lose the mount, and nothing that is in it."""
        # First of all: what is removed from a member that leaves must not be removed through its mount.
        if had := remaining(was, self.process.abandoned):
            _unmount(had, shared.leaving(had, want))
        patience = mounting.patience(had.source if had else None, want.source)
        each(connections(want.members), lambda conn: _place(want, conn).converged(patience))
        _prove(want)
        return {}

    def remove(self, have: PackMountInputs) -> None:
        """Take our mounts away; what is on the server stays."""
        _unmount(have, connections(have.members))


class PackMount(AegirResource, module="aegir", name="PackMount"):
    """What a pack shares, on its members."""

    def __init__(self, name: str, inputs: PackMountInputs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare it by the pack's name."""
        super().__init__(PackMountProvider(), name, inputs, opts)


def _place(inputs: PackMountInputs, conn: Connection) -> mounting.Place:
    mounts = bool(inputs.source) and not inputs.members[conn.host].own
    return mounting.Place(
        conn=conn,
        what=_what(inputs),
        holder=inputs.holder,
        timeout=MOUNT_TIMEOUT,
        mount=nfs.mount(inputs.path, inputs.source) if mounts else None,
        before=nfs.client_items(inputs.path) if mounts else [],
        after=[
            *(nfs.external_items(inputs.path) if not inputs.source else []),
            *(nfs.proof_place(inputs.path) if conn.host == inputs.writer else []),
        ],
    )


def _what(inputs: PackMountInputs) -> str:
    return f"inspecting what the pack {inputs.pack} shares"


def _run(conn: Connection, inputs: PackMountInputs, mode: script.Mode, lines: list[str]) -> script.Report:
    return script.execute(conn, mode, lines, what=_what(inputs), holder=inputs.holder, timeout=MOUNT_TIMEOUT)


def _unmount(inputs: PackMountInputs, members: Mapping[str, Connection]) -> None:
    if not inputs.source:
        return
    leaving = {name: conn for name, conn in members.items() if not inputs.members[name].own}
    if leaving:
        # A web server gets its own directories again.
        own = nfs.directories(inputs.path)
        each(leaving, lambda conn: replace(_place(inputs, conn), after=own).removed())


def _prove(want: PackMountInputs) -> None:
    """Write as aegir on every member, and read on every member what each has written: is it there, and whose is it.

    Raises:
        Refused: a member does not see what another wrote, or sees it as another account's.
        HostError: a member cannot write.
    """
    members, path = connections(want.members), want.path
    tokens = {name: secrets.token_hex(8) for name in members}
    reading = [line for token in tokens.values() for line in nfs.find_proof(path, token)]
    try:
        each(members, lambda conn: _run(conn, want, "check", nfs.leave_proof(path, tokens[conn.host])))
        reports = each(members, lambda conn: _run(conn, want, "check", reading))
    finally:
        attempt(members, lambda conn: _remove_proof(want, conn, tokens[conn.host]))
    for writer, token in tokens.items():
        seen = {name: report.facts.get(f"proof-{token}", "missing") for name, report in reports.items()}
        blind = [name for name, proof in seen.items() if proof == "missing"]
        shared.refuse_blind(want, f"pack {want.pack}", writer, blind)
        other = sorted(name for name, proof in seen.items() if proof != seen[writer])
        if other:
            raise Refused(
                ", ".join(other),
                numbered(
                    8516,
                    f"a file in {path} that belongs to {seen[writer]} on {writer} belongs to {seen[other[0]]} on {other[0]}. The "
                    f"NFS server changes numbers (all_squash, or idmapd), and must not",
                ),
            )


def _remove_proof(want: PackMountInputs, conn: Connection, token: str) -> None:
    _run(conn, want, "check", nfs.remove_proof(want.path, token))


Provider = PackMountProvider
"""Its name in states."""
