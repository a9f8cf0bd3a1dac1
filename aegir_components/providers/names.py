"""aegir:Names: the declared name of a server, its own files, and what the server and the hub resolve, agree."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pulumi

from aegir_components.host import local_names, script
from aegir_components.host.connection import Connection
from aegir_components.host.errors import Refused
from aegir_components.services import names

from . import warned
from .lifecycle import AegirResource, Lifecycle, State, Untyped


class Provider(Lifecycle[Untyped, Untyped]):
    """Looks from both sides; ``strict`` refuses, ``warn`` tells, ``manage`` writes a marked block of ``/etc/hosts``."""

    identity_keys = ("host",)
    computed_keys = ("faults",)

    def identity(self, want: State) -> str:
        """A server has one name."""
        return str(want["host"])

    def observe(self, want: State) -> State:
        """Look from the server and from the hub."""
        drift: list[str] = []
        facts: dict[str, str] = {}
        for conn, lines in _places(want):
            report = script.execute(conn, "check", lines, what="looking at names")
            drift += [f"{conn.host}: {text}" for text in report.drift]
            facts = facts or report.facts
        faults = _faults(want, facts)
        return {"drift": drift + (faults if want["mode"] == "strict" else []), "faults": faults}

    def converge(self, want: State, _was: State) -> State:
        """Write the blocks where that is asked for, then look."""
        facts: dict[str, str] = {}
        if want["mode"] != "manage":
            self.remove({**want.get("was", want), "connection": want["connection"]})
        for conn, lines in _places(want):
            report = script.execute(conn, "apply", lines, what="writing names into /etc/hosts", holder=want["holder"])
            facts = facts or report.facts
        faults = _faults(want, facts)
        if faults and want["mode"] == "strict":
            raise Refused(str(want["host"]), f"names do not agree: {'; '.join(faults)}")
        if faults:
            own = {str(want["host"]): "its name", str(want.get("address") or ""): "its address"}
            warned.warn(str(want["host"]), f"{want['host']}: {'; '.join(faults)}", _without("; ".join(faults), own))
        return {"faults": faults}

    def remove(self, have: State) -> None:
        """Take the blocks out again."""
        if have["mode"] != "manage":
            return
        for conn, _ in _places(have):
            script.execute(
                conn, "apply", names.removal_items(_block(have)), what="taking names out of /etc/hosts",
                holder=have["holder"],
            )  # fmt: skip


class Names(AegirResource, module="aegir", name="Names"):
    """A server's name."""

    faults: pulumi.Output[list[str]]
    """Where names do not agree."""

    def __init__(self, name: str, props: dict[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare it.

        Args:
            name: the server's name.
            props: ``host``, ``address``, ``connection``, ``mode``, ``entries`` (address to name, for ``manage``), ``holder``.
            opts: Pulumi's options.
        """
        super().__init__(Provider(), name, props, opts)


def _without(text: str, own: Mapping[str, str]) -> str:
    """Put words in the place of what is a machine's own, so that the same of several machines reads the same."""
    for word, instead in own.items():
        text = re.sub(rf"(?<![\w.-]){re.escape(word)}(?![\w-])", instead, text) if word else text
    return text


def _block(props: State) -> str:
    return f"{props['holder']} {props['host']}"


def _places(props: State) -> list[tuple[Connection, list[str]]]:
    conn = Connection.from_props(props["connection"])
    name, address = str(props["host"]), str(props.get("address", ""))
    if props["mode"] != "manage":
        return [(conn, names.items(name, address, _block(props), None))]
    there = (conn, names.items(name, address, _block(props), props["entries"]))
    if conn.kind == "local":
        # The hub itself: its file has one block.
        return [there]
    hub = Connection(host="the hub", address="localhost", kind="local", hub_root=conn.hub_root)
    # Without a declared address the hub found the name by itself.
    return [there, (hub, names.items(name, address, _block(props), {address: name} if address else {}))]


def _faults(props: State, facts: dict[str, str]) -> list[str]:
    name, address = str(props["host"]), str(props.get("address", ""))
    seen = {"forward": local_names.forward(name), "reverse": local_names.reverse(address) if address else ""}
    return names.faults(name, address, facts, seen)
