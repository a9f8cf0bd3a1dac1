"""aegir:Machine: a Debian machine with the aegir account, ready for services."""

from __future__ import annotations

import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
from pulumi.dynamic import DiffResult

from aegir_components import layout
from aegir_components.hub.records import Records
from aegir_components.inputs.props import Known, Props
from aegir_components.messages import numbered
from aegir_components.remote import rsync
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import Refused
from aegir_components.scripts import script
from aegir_components.services import base, vhosts

from . import declared, entries
from .lifecycle import AegirResource, Lifecycle

STACK = "stack"
"""The hub's record of what tells its stacks from others of the same name."""
PREPARE_TIMEOUT = 900.0
"""Seconds: a first apt run over a slow line, and another's apt to wait for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AccountNumbers(Props):
    """The numbers of the account aegir on a machine."""

    uid: int
    gid: int


@dataclass(frozen=True, kw_only=True, slots=True)
class MachineInputs(Props):
    """A Debian machine."""

    host: str
    """The declared name."""
    connection: Connection
    holder: str
    """``<project>/<stack>``."""
    public_key: str = ""
    """The hub's."""
    hub_address: str = ""
    """From where the hub's key is let in; empty in states of before."""
    uid: int | None = None
    """Of the account aegir; ``None`` where the machine decides."""
    gid: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class MachineState(MachineInputs):
    """A prepared machine as the state has it."""

    numbers: AccountNumbers | None = None
    """Those that the machine has; ``None`` while the account is missing."""
    declared: bool = False
    """Whether its entry was written on the machine."""
    stack: str = ""
    """What tells this stack from another hub's of the same name."""


class MachineProvider(Lifecycle[MachineInputs, MachineState]):
    """Prepares a server: packages, the aegir account, the hub's key, the sudo rule; proves rsync."""

    waits = True
    identity_keys = ("host",)
    revision = 2

    def identity(self, want: MachineInputs) -> str:
        """A machine is known by its declared name."""
        return want.host

    def notice(self, want: Known[MachineInputs]) -> None:
        """What goes in the same run goes from where the machine is declared now."""
        if found := want.ask(lambda inputs: (inputs.host, inputs.connection), None):
            declared.note_machine(self.process.declared, *found)

    def diff(self, id_: str, olds: Any, news: Any) -> DiffResult:
        """Compare; a state of before knows no address of the hub, and learns it with the next change."""
        known = {key: value for key, value in dict(news).items() if key != "hub_address" or key in olds}
        return super().diff(id_, olds, known)

    def observe(self, have: MachineState) -> dict[str, Any]:
        """Inspect every item; a machine that answers is never gone."""
        own = [script.own_stack(have.holder, have.stack, _key(have))] if have.stack else []
        report = script.execute(have.connection, "check", [*own, *_items(have)], what="inspecting the server")
        return {"drift": list(report.drift), "numbers": _numbers(report)}

    def converge(self, want: MachineInputs, was: MachineState | None) -> dict[str, Any]:
        """Prepare it, then send a file and read it back (the handbook's MyRsyncTest).

        Raises:
            Refused: the address leads to another machine than the one that was prepared, and nobody said that it is replaced.
        """
        conn = want.connection
        if was and want.host not in self.process.replaced:
            _refuse_strangers(conn, was)
        stack = _stack(want, was)
        former = was.holder if was else want.holder
        report = script.execute(
            conn,
            "apply",
            [
                # Before anything is changed.
                "debian_only",
                script.own_stack(want.holder, stack, _key(want)),
                *_items(want),
                *([script.forget_entry(former)] if former != want.holder else []),
                script.declare_entry(want.holder, want.host),
            ],
            what="preparing the server",
            holder=want.holder,
            timeout=PREPARE_TIMEOUT,
        )
        prove_rsync(conn)
        return {"numbers": _numbers(report), "declared": True, "stack": stack}

    def remove(self, have: MachineState) -> None:
        """Take the account's way in and its rights away; packages, the account and its files stay.

        A machine that the stack declares under another name by now keeps all of it.
        """
        if now := entries.other(have.holder, have.connection):
            # The name that it keeps may have been replaced by the one that goes, before a run was killed.
            lines = [script.declare_entry(have.holder, now)]
            script.execute(have.connection, "apply", lines, what="keeping the server", holder=have.holder)
            return
        lines = [
            *entries.guard(have.holder, have.connection),
            base.leave_key(have.holder),
            script.only_stack(have.holder),
            script.no_file("/etc/sudoers.d/aegir"),
            script.no_file(base.WEB_HELPER),
            script.no_file(base.KEYS),
            script.no_file(f"{layout.PAGES_ROOT}{vhosts.MAINTENANCE}"),
            script.forget_entry(have.holder),
        ]
        script.execute(have.connection, "apply", lines, what="leaving the server", holder=have.holder)


class Machine(AegirResource, module="aegir", name="Machine"):
    """A prepared machine."""

    numbers: pulumi.Output[dict[str, Any]]
    """``uid`` and ``gid`` of the account aegir there; empty while it is missing."""

    def __init__(self, name: str, inputs: MachineInputs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare it by the server's name."""
        super().__init__(MachineProvider(), name, inputs, opts)


def _refuse_strangers(conn: Connection, was: MachineState) -> None:
    what = "looking whose machine it is"
    # Under the name that the stack had: it may have got another one.
    facts = script.execute(conn, "check", [script.entry_facts(was.holder)], what=what).facts
    former = was.connection
    if facts.get("entry"):
        return
    if facts.get("prepared"):
        # Versions before this one did not always write the entry down.
        if not was.declared:
            return
        # Its record was removed by hand: that the machine is the one it was, its host key has shown.
        if conn.address == former.address and not facts.get("others"):
            return
        state = "was prepared for something else"
    elif conn.address == former.address:
        # Installed again where it was: what of its content is missing stops whatever has that content.
        return
    else:
        state = "was never prepared"
    before = f" (it was at {former.address} before)" if former.address != conn.address else ""
    raise Refused(
        conn.host,
        numbered(
            8510,
            f"the machine at {conn.address}{before} {state}, and the state knows {conn.host} as prepared. Nothing was "
            f"changed on it. "
            f"If the address leads to the wrong machine, correct it. If a new machine takes the place of the former one, name "
            f"{conn.host} in aegir:replaced and run pulumi up; docs/howto/replace-a-dead-server.md has the rest",
        ),
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
            raise Refused(conn.host, numbered(8511, f"the rsync test file {path} did not arrive as it was sent"))


def _key(inputs: MachineInputs) -> str:
    """Give type and key of the hub's public key, without its comment."""
    return " ".join(inputs.public_key.split()[:2])


def _stack(want: MachineInputs, was: MachineState | None) -> str:
    """Give what tells this stack from another hub's of the same name: made once, and kept in the state and on the hub."""
    records = Records(want.connection.hub_root, STACK)
    known = (records.get(want.holder) or {}).get("id")
    found = str((was.stack if was else "") or known or secrets.token_hex(8))
    if found != known:
        records.put({"id": found}, want.holder)
    return found


def _items(inputs: MachineInputs) -> list[str]:
    return base.items(
        holder=inputs.holder,
        public_key=inputs.public_key,
        hub_address=inputs.hub_address,
        uid=inputs.uid,
        gid=inputs.gid,
    )


def _numbers(report: script.Report) -> dict[str, int]:
    uid, _, gid = report.facts.get("numbers", "").partition(":")
    found = {"uid": script.number(uid, -1), "gid": script.number(gid, -1)}
    return found if min(found.values()) >= 0 else {}


Provider = MachineProvider
"""Its name in states."""
