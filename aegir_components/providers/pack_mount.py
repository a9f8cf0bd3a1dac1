"""aegir:PackMount: the directory that a pack's members share, proven by writing on one of them and reading on all."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

import pulumi

from aegir_components.host import script
from aegir_components.host.connection import Connection
from aegir_components.host.errors import Refused
from aegir_components.host.parallel import attempt, each
from aegir_components.inputs.untyped import Untyped
from aegir_components.services import nfs

from .lifecycle import AegirResource, Lifecycle, State, forgotten
from .raw import without

MOUNT_TIMEOUT = 600.0
"""Seconds; the package may have to be installed. Each touch of the mount has a limit of its own."""


class Provider(Lifecycle[Untyped, Untyped]):
    """Mounts on every member but the one that exports, and proves that all see the same with the same owners."""

    identity_keys = ("pack",)

    def identity(self, want: State) -> str:
        """A pack shares one directory."""
        return str(want["pack"])

    def observe(self, want: State) -> State:
        """Look at every member's mount, and prove again that all see the same; nothing of it waits for a hung server."""
        reports = each(_members(want), lambda conn: _run(conn, want, "check", _items(want, conn)))
        drift = [f"{name}: {text}" for name, report in reports.items() for text in report.drift]
        if not drift:
            try:
                _prove(want)
            except Refused as fault:
                drift = [str(fault)]
        return {"drift": drift}

    def converge(self, want: State, _was: State) -> State:
        """Mount and prove; members that left lose the mount, and nothing that is in it."""
        was = without(want.get("was", {}), forgotten()) or {}
        had = _members(was) if was else {}
        moved = was.get("path") != want["path"]
        # First of all: what is removed from a member that leaves must not be removed through its mount.
        _unmount(was, {name: conn for name, conn in had.items() if moved or name not in want["members"]})
        each(_members(want), lambda conn: _run(conn, want, "apply", _items(want, conn)))
        _prove(want)
        return {}

    def remove(self, have: State) -> None:
        """Take our mounts away; what is on the server stays."""
        _unmount(have, _members(have))


class PackMount(AegirResource, module="aegir", name="PackMount"):
    """What a pack shares, on its members."""

    def __init__(self, name: str, props: dict[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare it.

        Args:
            name: the pack's name.
            props: ``pack``, ``path`` (where the members see it), ``source`` (the export; empty where somebody else mounts),
                ``writer`` (the member or server whose root may write), ``members`` (name to ``connection`` and, for those
                that mount nothing since it is their own, ``own``), ``holder``.
            opts: Pulumi's options.
        """
        super().__init__(Provider(), name, props, opts)


def _members(props: State) -> dict[str, Connection]:
    return Connection.of_members(props["members"])


def _items(props: State, conn: Connection) -> list[str]:
    path, source = str(props["path"]), str(props.get("source") or "")
    if not source:
        lines = nfs.external_items(path)
    elif props["members"][conn.host].get("own"):
        lines = []
    else:
        lines = nfs.mount_items(path, source)
    return [*lines, *(nfs.proof_place(path) if conn.host == props["writer"] else [])]


def _run(conn: Connection, props: State, mode: script.Mode, lines: list[str]) -> script.Report:
    what = f"looking at what the pack {props['pack']} shares"
    return script.execute(conn, mode, lines, what=what, holder=props["holder"], timeout=MOUNT_TIMEOUT)


def _unmount(props: State, members: Mapping[str, Connection]) -> None:
    if not props or not props.get("source"):
        return
    mounting = {name: conn for name, conn in members.items() if not props["members"][name].get("own")}
    if mounting:
        each(mounting, lambda conn: _run(conn, props, "apply", nfs.mount_removal(str(props["path"]))))


def _prove(want: State) -> None:
    """Write as aegir on every member, and read on every member what each has written: is it there, and whose is it.

    Raises:
        Refused: a member does not see what another wrote, or sees it as another account's.
        HostError: a member cannot write.
    """
    members, path = _members(want), str(want["path"])
    tokens = {name: secrets.token_hex(8) for name in members}
    reading = [line for token in tokens.values() for line in nfs.find_proof(path, token)]
    try:
        each(members, lambda conn: _run(conn, want, "check", nfs.leave_proof(path, tokens[conn.host])))
        reports = each(members, lambda conn: _run(conn, want, "check", reading))
    finally:
        attempt(members, lambda conn: _remove_proof(want, conn, tokens[conn.host]))
    for writer, token in tokens.items():
        seen = {name: report.facts.get(f"proof-{token}", "missing") for name, report in reports.items()}
        blind = sorted(name for name, proof in seen.items() if proof == "missing")
        if blind:
            raise Refused(
                ", ".join(blind),
                f"a file that {writer} wrote into {path} is not there: this is another directory, or not mounted. "
                f"Every member of the pack {want['pack']} has to see the same one",
            )
        other = sorted(name for name, proof in seen.items() if proof != seen[writer])
        if other:
            raise Refused(
                ", ".join(other),
                f"a file in {path} that belongs to {seen[writer]} on {writer} belongs to {seen[other[0]]} on {other[0]}. The "
                f"NFS server changes numbers (all_squash, or idmapd), and must not",
            )


def _remove_proof(want: State, conn: Connection, token: str) -> None:
    _run(conn, want, "check", nfs.remove_proof(str(want["path"]), token))
