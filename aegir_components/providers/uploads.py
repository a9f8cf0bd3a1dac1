"""aegir:Uploads: the directory of uploads that the members of a cluster share, proven by writing on one and reading on all."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pulumi

from aegir_components.deploy import uploads
from aegir_components.inputs.members import Member, connections
from aegir_components.inputs.props import Props
from aegir_components.remote.connection import Connection
from aegir_components.remote.parallel import each
from aegir_components.scripts import script
from aegir_components.services import nfs

from . import mounting, shared
from .lifecycle import AegirResource, Lifecycle, remaining

TIMEOUT = 300.0
"""Seconds; each touch of the mount has a limit of its own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class UploadsInputs(Props):
    """A cluster's shared uploads."""

    cluster: str
    path: str
    """Where the members see it."""
    nfs: str
    """The export, as ``server:/path``; empty where it is shared already."""
    members: Mapping[str, Member]
    holder: str
    """``<project>/<stack>``."""


class UploadsProvider(Lifecycle[UploadsInputs, UploadsInputs]):
    """Mounts it where that is declared, and proves that it is one and the same everywhere."""

    identity_keys = ("cluster",)

    def identity(self, want: UploadsInputs) -> str:
        """A cluster has one place for uploads."""
        return want.cluster

    def observe(self, have: UploadsInputs) -> dict[str, Any]:
        """Inspect mount and directory, and prove again that all members see the same."""
        return shared.observe(have, lambda conn: _place(have, conn).checked(), lambda: _prove(have))

    def converge(self, want: UploadsInputs, was: UploadsInputs | None) -> dict[str, Any]:
        """Mount and prove; members that left lose the mount, and nothing that is in it."""
        had = remaining(was, self.process.abandoned)
        patience = mounting.patience(had.nfs if had else None, want.nfs)
        each(connections(want.members), lambda conn: _place(want, conn).converged(patience))
        _prove(want)
        if had:
            _unmount(had, shared.leaving(had, want))
        return {}

    def remove(self, have: UploadsInputs) -> None:
        """Take our mount away; what is on it stays."""
        _unmount(have, connections(have.members))


class Uploads(AegirResource, module="aegir", name="Uploads"):
    """A cluster's shared uploads."""

    def __init__(self, name: str, inputs: UploadsInputs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare them by the cluster's name."""
        super().__init__(UploadsProvider(), name, inputs, opts)


def _place(inputs: UploadsInputs, conn: Connection) -> mounting.Place:
    return mounting.Place(
        conn=conn,
        what=_what(inputs),
        holder=inputs.holder,
        timeout=TIMEOUT,
        mount=nfs.mount(inputs.path, inputs.nfs, mark="") if inputs.nfs else None,
        before=nfs.client_items(inputs.path) if inputs.nfs else [],
        after=uploads.items(inputs.path),
    )


def _what(inputs: UploadsInputs) -> str:
    return f"inspecting the uploads of the cluster {inputs.cluster}"


def _run(conn: Connection, inputs: UploadsInputs, mode: script.Mode, lines: list[str]) -> script.Report:
    return script.execute(conn, mode, lines, what=_what(inputs), holder=inputs.holder, timeout=TIMEOUT)


def _unmount(inputs: UploadsInputs, members: Mapping[str, Connection]) -> None:
    if inputs.nfs and members:
        empty = uploads.unmounted_items(inputs.path)
        each(members, lambda conn: replace(_place(inputs, conn), after=empty).removed())


def _prove(want: UploadsInputs) -> None:
    """Write on the first member, read on every other.

    Raises:
        Refused: a member does not see what another wrote.
    """
    members, token, path = connections(want.members), secrets.token_hex(8), want.path
    first, *others = members.values()
    _run(first, want, "check", uploads.leave_token(path, token))
    try:
        rest = {conn.host: conn for conn in others}
        found = each(rest, lambda conn: _run(conn, want, "check", uploads.find_token(path, token)))
        blind = [name for name, report in found.items() if report.facts.get("token") != "found"]
        shared.refuse_blind(want, f"cluster {want.cluster}", first.host, blind)
    finally:
        _run(first, want, "check", uploads.remove_token(path, token))


Provider = UploadsProvider
"""Its name in states."""
