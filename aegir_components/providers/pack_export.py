"""aegir:PackExport: the export of what a pack shares, to exactly its members, after UIDs and GIDs agree everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from aegir_components.inputs.members import Member, connections
from aegir_components.inputs.props import Props
from aegir_components.messages import numbered, shown, telling, text_of
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import HostError, Refused
from aegir_components.remote.parallel import each
from aegir_components.scripts import script
from aegir_components.services import nfs

from .lifecycle import AegirResource, Lifecycle, remaining

EXPORT_TIMEOUT = 600.0
"""Seconds; the package may have to be installed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PackExportInputs(Props):
    """What a pack shares, exported."""

    pack: str
    server: str
    """The machine that exports."""
    connection: Connection
    """Of the machine that exports."""
    path: str
    """Of the directory there."""
    clients: Mapping[str, str]
    """Addresses that it is exported to, with their options."""
    members: Mapping[str, Member]
    """All whose numbers of accounts are compared."""
    holder: str
    """``<project>/<stack>``."""


class PackExportProvider(Lifecycle[PackExportInputs, PackExportInputs]):
    """Compares numbers, then exports; whoever is not a member any more is not exported to."""

    identity_keys = ("pack",)

    def identity(self, want: PackExportInputs) -> str:
        """A pack has one export."""
        return want.pack

    def observe(self, have: PackExportInputs) -> dict[str, Any]:
        """Inspect the server's files and what its kernel exports, and compare the numbers again."""
        report = script.execute(have.connection, "check", _items(have), what=_what(have))
        drift: list[str] = [*report.drift]
        try:
            _compare(have)
        except Refused as fault:
            drift.append(text_of(fault))
        return {"drift": drift}

    def converge(self, want: PackExportInputs, was: PackExportInputs | None) -> dict[str, Any]:
        """Compare, export, and end the export of a server that is none any more."""
        _compare(want)
        former = remaining(was, self.process.abandoned)
        # By machine: under another name in the stack file it has the files already.
        if former and former.connection.twin({want.server: want.connection}):
            former = None
        lines = _items(want, moved_from=f"{former.server}:{former.path}" if former else "")
        script.execute(want.connection, "apply", lines, what=_what(want), holder=want.holder, timeout=EXPORT_TIMEOUT)
        if former:
            self._end(former)
        return {}

    def remove(self, have: PackExportInputs) -> None:
        """End the export; what was exported stays."""
        gone = nfs.export_removal(have.pack, have.path)
        script.execute(have.connection, "apply", gone, what=_what(have), holder=have.holder)

    def _end(self, was: PackExportInputs) -> None:
        try:
            self.remove(was)
        except HostError as fault:
            # It may be dead, which is why another one exports now.
            telling.warn(
                numbered(
                    8514,
                    f"{was.server} could not be told that it exports nothing of the pack {was.pack} any more "
                    f"({shown(fault)}). No member "
                    f"mounts it. When it is back: rm /etc/exports.d/aegir-{was.pack}.exports; exportfs -ra",
                )
            )


class PackExport(AegirResource, module="aegir", name="PackExport"):
    """What a pack shares, exported."""

    def __init__(self, name: str, inputs: PackExportInputs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare it by the pack's name."""
        super().__init__(PackExportProvider(), name, inputs, opts)


def _what(inputs: PackExportInputs) -> str:
    return f"exporting what the pack {inputs.pack} shares"


def _items(inputs: PackExportInputs, *, moved_from: str = "") -> list[str]:
    return nfs.export_items(inputs.pack, inputs.path, dict(inputs.clients), moved_from=moved_from)


def _compare(want: PackExportInputs) -> None:
    """Refuse a pack whose machines give the owners of what is shared different numbers.

    Raises:
        Refused: they differ; the text has each machine's.
    """
    members = {**connections(want.members), want.server: want.connection}
    reports = each(members, lambda conn: script.execute(conn, "check", nfs.numbers_items(), what=_what(want)))
    reference = want.server
    for account in nfs.ACCOUNTS:
        right = reports[reference].facts.get(account, ":")
        wrong = {name: found for name, report in reports.items() if (found := report.facts.get(account, ":")) != right}
        if wrong:
            raise Refused(", ".join(sorted(wrong)), _difference(account, reference, right, wrong))


def _difference(account: str, reference: str, right: str, wrong: dict[str, str]) -> str:
    uid, _, gid = right.partition(":")
    said = "; ".join(
        f"{account} has uid:gid {found} on {name}" if found != ":" else f"{name} has no account {account}"
        for name, found in sorted(wrong.items())
    )
    way = (
        f"Give the accounts one number: declare aegir_user: {{uid: {uid}, gid: {gid}}} for the servers. Where the account "
        f"exists, change its number by hand (groupmod -g {gid} {account}; usermod -u {uid} {account}; then chown its files)"
    )
    return numbered(
        8532, f"{said}, and {right} on {reference}: files on a share belong to numbers. Nothing was shared. {way}"
    )


Provider = PackExportProvider
"""Its name in states."""
