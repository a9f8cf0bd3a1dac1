"""aegir:Machine: a Debian machine with the aegir account, ready for services."""

from __future__ import annotations

import secrets
import tempfile
from pathlib import Path
from typing import Any

import pulumi
from pulumi.dynamic import DiffResult

from aegir_components import layout
from aegir_components.host import rsync, script
from aegir_components.host.connection import Connection
from aegir_components.host.errors import Refused
from aegir_components.hub_records import Records
from aegir_components.services import base, vhosts

from . import declared, entries
from .lifecycle import AegirResource, Lifecycle, State, Untyped, replaced

STACK = "stack"
"""The hub's record of what tells its stacks from others of the same name."""
PREPARE_TIMEOUT = 900.0
"""Seconds: a first apt run over a slow line, and another's apt to wait for."""


class Provider(Lifecycle[Untyped, Untyped]):
    """Prepares a server: packages, the aegir account, the hub's key, the sudo rule; proves rsync."""

    waits = True
    identity_keys = ("host",)
    computed_keys = ("numbers", "declared", "stack")
    revision = 2

    def identity(self, want: State) -> str:
        """A machine is known by its declared name."""
        return str(want["host"])

    def notice(self, want: State) -> None:
        """What goes in the same run goes from where the machine is declared now."""
        declared.note_machine(want.ask(dict, None))

    def diff(self, id_: str, olds: Any, news: Any) -> DiffResult:
        """Compare; a state of before knows no address of the hub, and learns it with the next change."""
        known = {key: value for key, value in dict(news).items() if key != "hub_address" or key in olds}
        return super().diff(id_, olds, known)

    def observe(self, want: State) -> State:
        """Look at every item; a machine that answers is never gone."""
        own = [script.own_stack(want["holder"], want["stack"], _key(want))] if want.get("stack") else []
        report = script.execute(_connection(want), "check", [*own, *_items(want)], what="looking at the server")
        return {"drift": list(report.drift), "numbers": _numbers(report)}

    def converge(self, want: State, _was: State) -> State:
        """Prepare it, then send a file and read it back (the handbook's MyRsyncTest).

        Raises:
            Refused: the address leads to another machine than the one that was prepared, and nobody said that it is replaced.
        """
        conn = _connection(want)
        if want.get("was") and want["host"] not in replaced():
            _refuse_strangers(conn, want)
        stack = _stack(want)
        former = str((want.get("was") or {}).get("holder") or want["holder"])
        report = script.execute(
            conn,
            "apply",
            [
                # Before anything is changed.
                "debian_only",
                script.own_stack(want["holder"], stack, _key(want)),
                *_items(want),
                *([script.forget_entry(former)] if former != want["holder"] else []),
                script.declare_entry(want["holder"], want["host"]),
            ],
            what="preparing the server",
            holder=want["holder"],
            timeout=PREPARE_TIMEOUT,
        )
        prove_rsync(conn)
        return {"numbers": _numbers(report), "declared": True, "stack": stack}

    def remove(self, have: State) -> None:
        """Take the account's way in and its rights away; packages, the account and its files stay.

        A machine that the stack declares under another name by now keeps all of it.
        """
        if now := entries.other(have):
            # The name that it keeps may have been replaced by the one that goes, before a run was killed.
            lines = [script.declare_entry(have["holder"], now)]
            script.execute(_connection(have), "apply", lines, what="keeping the server", holder=have["holder"])
            return
        lines = [
            *entries.guard(have),
            base.leave_key(have["holder"]),
            script.only_stack(have["holder"]),
            script.no_file("/etc/sudoers.d/aegir"),
            script.no_file(base.WEB_HELPER),
            script.no_file(base.KEYS),
            script.no_file(f"{layout.PAGES_ROOT}{vhosts.MAINTENANCE}"),
            script.forget_entry(have["holder"]),
        ]
        script.execute(_connection(have), "apply", lines, what="leaving the server", holder=have["holder"])


class Machine(AegirResource, module="aegir", name="Machine"):
    """A prepared machine."""

    numbers: pulumi.Output[dict[str, Any]]
    """``uid`` and ``gid`` of the account aegir there; empty while it is missing."""

    def __init__(self, name: str, props: dict[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare it.

        Args:
            name: the server's name.
            props: ``host``, ``connection``, ``public_key``, ``hub_address``, ``uid``, ``gid``, ``holder``.
            opts: Pulumi's options.
        """
        super().__init__(Provider(), name, props, opts)


def _refuse_strangers(conn: Connection, want: State) -> None:
    what = "looking whose machine it is"
    # Under the name that the stack had: it may have got another one.
    holder = str(want["was"].get("holder") or want["holder"])
    facts = script.execute(conn, "check", [script.entry_facts(holder)], what=what).facts
    was = Connection.from_props(want["was"]["connection"])
    if facts.get("entry"):
        return
    if facts.get("prepared"):
        # Versions before this one did not always write the entry down.
        if not want["was"].get("declared"):
            return
        # Its record was removed by hand: that the machine is the one it was, its host key has shown.
        if conn.address == was.address and not facts.get("others"):
            return
        state = "was prepared for something else"
    elif conn.address == was.address:
        # Installed anew where it was: what of its content is missing stops whatever has that content.
        return
    else:
        state = "was never prepared"
    before = f" (it was at {was.address} before)" if was.address != conn.address else ""
    raise Refused(
        conn.host,
        f"the machine at {conn.address}{before} {state}, and the state knows {conn.host} as prepared. Nothing was changed on it. "
        f"If the address leads to the wrong machine, correct it. If a new machine takes the place of the former one, name "
        f"{conn.host} in aegir:replaced and run pulumi up; docs/howto/replace-a-dead-server.md has the rest",
    )


def prove_rsync(conn: Connection) -> None:
    """Send a test file to the machine, read it back, compare, and remove it.

    Raises:
        Refused: what came back is not what was sent.
        HostError: the machine or its rsync does not answer.
    """
    token = secrets.token_hex(16)
    with tempfile.TemporaryDirectory(prefix="aegir-rsync-") as local:
        name = f"MyRsyncTest.{token[:8]}"
        Path(local, name).write_text(f"{token}\n")
        there = "/run"  # where no other user writes
        rsync.copy(conn, f"{local}/{name}", f"{there}/{name}")
        path = f"{there}/{name}"
        report = script.execute(
            conn,
            "check",
            [f'fact came "$(cat {path})"', f"rm -f {path}"],
            what="reading the rsync test file",
            lock=False,
        )
        if report.facts.get("came") != token:
            raise Refused(conn.host, f"the rsync test file {path} did not arrive as it was sent")


def _key(want: State) -> str:
    """Give type and key of the hub's public key, without its comment."""
    return " ".join(str(want.get("public_key") or "").split()[:2])


def _stack(want: State) -> str:
    """Give what tells this stack from another hub's of the same name: made once, and kept in the state and on the hub."""
    records, holder = Records(_connection(want).hub_root, STACK), str(want["holder"])
    known = (records.get(holder) or {}).get("id")
    found = str((want.get("was") or {}).get("stack") or known or secrets.token_hex(8))
    if found != known:
        records.put({"id": found}, holder)
    return found


def _connection(props: State) -> Connection:
    return Connection.from_props(props["connection"])


def _items(props: State) -> list[str]:
    return base.items(
        holder=str(props["holder"]),
        public_key=props.get("public_key", ""),
        hub_address=str(props.get("hub_address") or ""),
        uid=_number(props.get("uid")),
        gid=_number(props.get("gid")),
    )


def _numbers(report: script.Report) -> State:
    uid, _, gid = report.facts.get("numbers", "").partition(":")
    found = {"uid": script.number(uid, -1), "gid": script.number(gid, -1)}
    return found if min(found.values()) >= 0 else {}


def _number(value: Any) -> int | None:
    return None if value is None else int(value)
