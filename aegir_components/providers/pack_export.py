"""aegir:PackExport: the export of what a pack shares, to exactly its members, after the accounts' numbers agree everywhere."""

from __future__ import annotations

from typing import Any

import pulumi

from aegir_components.host import script
from aegir_components.host.connection import Connection
from aegir_components.host.errors import HostError, Refused
from aegir_components.host.parallel import each
from aegir_components.inputs.untyped import Untyped
from aegir_components.services import nfs

from .lifecycle import AegirResource, Lifecycle, State, forgotten
from .raw import without

EXPORT_TIMEOUT = 600.0
"""Seconds; the package may have to be installed."""


class Provider(Lifecycle[Untyped, Untyped]):
    """Compares numbers, then exports; whoever is not a member any more is not exported to."""

    identity_keys = ("pack",)

    def identity(self, want: State) -> str:
        """A pack has one export."""
        return str(want["pack"])

    def observe(self, want: State) -> State:
        """Look at the server's files and at what its kernel exports, and compare the numbers again."""
        report = script.execute(_server(want), "check", _items(want), what=_what(want))
        drift = [*report.drift]
        try:
            _compare(want)
        except Refused as fault:
            drift.append(str(fault))
        return {"drift": drift}

    def converge(self, want: State, _was: State) -> State:
        """Compare, export, and end the export of a server that is none any more."""
        _compare(want)
        was = without(want.get("was", {}), forgotten()) or {}
        former = str(was.get("server", want["server"]))
        # By machine: under another name in the stack file it has the files already.
        same = not was or _server(was).twin({want["server"]: _server(want)})
        moved = "" if same else former
        lines = _items(want, moved_from=f"{former}:{was['path']}" if moved else "")
        script.execute(
            _server(want), "apply", lines, what=_what(want), holder=want["holder"], timeout=EXPORT_TIMEOUT
        )  # fmt: skip
        if moved:
            self._end(was, moved)
        return {}

    def remove(self, have: State) -> None:
        """End the export; what was exported stays."""
        gone = nfs.export_removal(have["pack"], have["path"])
        script.execute(_server(have), "apply", gone, what=_what(have), holder=have["holder"])

    def _end(self, was: State, former: str) -> None:
        try:
            self.remove(was)
        except HostError as fault:
            # It may be dead, which is why another one exports now.
            pulumi.log.warn(
                f"{former} could not be told that it exports nothing of the pack {was['pack']} any more ({fault}). No member "
                f"mounts it. When it is back: rm /etc/exports.d/aegir-{was['pack']}.exports; exportfs -ra"
            )


class PackExport(AegirResource, module="aegir", name="PackExport"):
    """What a pack shares, exported."""

    def __init__(self, name: str, props: dict[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare it.

        Args:
            name: the pack's name.
            props: ``pack``, ``server`` (which exports), ``connection`` (of it), ``path``, ``clients`` (address to ``options``),
                ``members`` (name to ``connection``: all whose numbers are compared), ``holder``.
            opts: Pulumi's options.
        """
        super().__init__(Provider(), name, props, opts)


def _what(props: State) -> str:
    return f"exporting what the pack {props['pack']} shares"


def _server(props: State) -> Connection:
    return Connection.from_props(props["connection"])


def _items(props: State, *, moved_from: str = "") -> list[str]:
    clients = {address: str(options) for address, options in props["clients"].items()}
    return nfs.export_items(props["pack"], props["path"], clients, moved_from=moved_from)


def _compare(want: State) -> None:
    """Refuse a pack whose machines give the owners of what is shared different numbers.

    Raises:
        Refused: they differ; the text has each machine's.
    """
    members = Connection.of_members(want["members"])
    members[want["server"]] = _server(want)
    reports = each(members, lambda conn: script.execute(conn, "check", nfs.numbers_items(), what=_what(want)))
    reference = want["server"]
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
    return f"{said}, and {right} on {reference}: files on a share belong to numbers. Nothing was shared. {way}"
