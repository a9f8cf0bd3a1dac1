"""aegir:Uploads: the directory of uploads that the members of a cluster share, proven by writing on one and reading on all."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

import pulumi

from aegir_components.host import script
from aegir_components.host.connection import Connection
from aegir_components.host.errors import Refused
from aegir_components.host.parallel import each
from aegir_components.inputs.untyped import Untyped
from aegir_components.services import uploads

from .lifecycle import AegirResource, Lifecycle, State, forgotten
from .raw import without


class Provider(Lifecycle[Untyped, Untyped]):
    """Mounts it where that is declared, and proves that it is one and the same everywhere."""

    identity_keys = ("cluster",)

    def identity(self, want: State) -> str:
        """A cluster has one place for uploads."""
        return str(want["cluster"])

    def observe(self, want: State) -> State:
        """Look at mount and directory, and prove again that all members see the same."""
        reports = each(_members(want), lambda conn: _run(conn, want, "check", _items(want)))
        drift = [f"{name}: {text}" for name, report in reports.items() for text in report.drift]
        if not drift:
            try:
                _prove(want)
            except Refused as fault:
                drift = [str(fault)]
        return {"drift": drift}

    def converge(self, want: State, _was: State) -> State:
        """Mount and prove; members that left lose the mount, and nothing that is in it."""
        each(_members(want), lambda conn: _run(conn, want, "apply", _items(want)))
        _prove(want)
        was = without(want.get("was", {}), forgotten()) or {}
        had = _members(was) if was else {}
        moved = was.get("path") != want["path"]
        _unmount(was, {name: conn for name, conn in had.items() if moved or name not in want["members"]})
        return {}

    def remove(self, have: State) -> None:
        """Take our mount away; what is on it stays."""
        _unmount(have, _members(have))


class Uploads(AegirResource, module="aegir", name="Uploads"):
    """A cluster's shared uploads."""

    def __init__(self, name: str, props: dict[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare them.

        Args:
            name: the cluster's name.
            props: ``cluster``, ``path``, ``nfs`` (empty where it is shared already), ``members`` (name to ``connection``),
                ``holder``.
            opts: Pulumi's options.
        """
        super().__init__(Provider(), name, props, opts)


def _members(props: State) -> dict[str, Connection]:
    return Connection.of_members(props["members"])


def _items(props: State) -> list[str]:
    return uploads.items(props["path"], props["nfs"])


def _run(conn: Connection, props: State, mode: script.Mode, lines: list[str]) -> script.Report:
    what = f"looking at the uploads of the cluster {props['cluster']}"
    return script.execute(conn, mode, lines, what=what, holder=props["holder"], timeout=300.0)


def _unmount(props: State, members: Mapping[str, Connection]) -> None:
    lines = uploads.removal_items(props["path"], props["nfs"]) if members else []
    if lines:
        each(members, lambda conn: _run(conn, props, "apply", lines))


def _prove(want: State) -> None:
    """Write on the first member, read on every other.

    Raises:
        Refused: a member does not see what another wrote.
    """
    members, token, path = _members(want), secrets.token_hex(8), str(want["path"])
    first, *others = members.values()
    _run(first, want, "check", uploads.leave_token(path, token))
    try:
        rest = {conn.host: conn for conn in others}
        found = each(rest, lambda conn: _run(conn, want, "check", uploads.find_token(path, token)))
        blind = sorted(name for name, report in found.items() if report.facts.get("token") != "found")
        if blind:
            raise Refused(
                ", ".join(blind),
                f"a file that {first.host} wrote into {path} is not there: this is another directory, or not mounted. "
                f"Every member of the cluster {want['cluster']} has to see the same one",
            )
    finally:
        _run(first, want, "check", uploads.remove_token(path, token))
