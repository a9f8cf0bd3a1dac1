"""aegir:Names: the declared name of a server, its own files, and what the server and the hub resolve, agree."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import pulumi

from aegir_components.hub import local_names
from aegir_components.inputs.props import Props, left_out
from aegir_components.messages import around, joined
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import Refused
from aegir_components.scripts import script
from aegir_components.services import names

from . import warned
from .lifecycle import AegirResource, Lifecycle


@dataclass(frozen=True, kw_only=True, slots=True)
class NamesInputs(Props):
    """A server's name."""

    host: str
    """The declared name."""
    connection: Connection
    holder: str
    """``<project>/<stack>``."""
    mode: Literal["strict", "warn", "manage"]
    """What is done where names do not agree: an error, a warning, or a block in ``/etc/hosts``."""
    address: str = left_out("")
    """The declared address; empty where the hub finds the server by its name."""
    entries: Mapping[str, str] | None = None
    """Address to name of all servers, for ``manage``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NamesState(NamesInputs):
    """A server's name as it was seen."""

    faults: tuple[str, ...] = ()
    """Where names do not agree."""


class NamesProvider(Lifecycle[NamesInputs, NamesState]):
    """Looks from both sides; ``strict`` refuses, ``warn`` tells, ``manage`` writes a marked block of ``/etc/hosts``."""

    identity_keys = ("host",)

    def identity(self, want: NamesInputs) -> str:
        """A server has one name."""
        return want.host

    def observe(self, have: NamesState) -> dict[str, Any]:
        """Look from the server and from the hub."""
        drift: list[str] = []
        facts: dict[str, str] = {}
        for conn, lines in _places(have):
            report = script.execute(conn, "check", lines, what="inspecting names")
            drift += [f"{conn.host}: {text}" for text in report.drift]
            facts = facts or report.facts
        faults = _faults(have, facts)
        return {"drift": drift + (faults if have.mode == "strict" else []), "faults": faults}

    def converge(self, want: NamesInputs, was: NamesState | None) -> dict[str, Any]:
        """Write the blocks where that is asked for, then look."""
        facts: dict[str, str] = {}
        if was and want.mode != "manage":
            self.remove(replace(was, connection=want.connection))
        for conn, lines in _places(want):
            report = script.execute(conn, "apply", lines, what="writing names into /etc/hosts", holder=want.holder)
            facts = facts or report.facts
        faults = _faults(want, facts)
        said = joined(faults)
        if faults and want.mode == "strict":
            raise Refused(want.host, around(said, f"names do not agree: {said}"))
        if faults:
            own = {want.host: "its name", want.address: "its address"}
            warned.warn(self.process, want.host, around(said, f"{want.host}: {said}"), _without("; ".join(faults), own))
        return {"faults": faults}

    def remove(self, have: NamesState) -> None:
        """Take the blocks out again."""
        if have.mode != "manage":
            return
        for conn, _ in _places(have):
            script.execute(
                conn, "apply", names.removal_items(_block(have)), what="taking names out of /etc/hosts",
                holder=have.holder,
            )  # fmt: skip


class Names(AegirResource, module="aegir", name="Names"):
    """A server's name."""

    faults: pulumi.Output[list[str]]
    """Where names do not agree."""

    def __init__(self, name: str, inputs: NamesInputs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare it by the server's name."""
        super().__init__(NamesProvider(), name, inputs, opts)


def _without(text: str, own: Mapping[str, str]) -> str:
    """Put words in the place of what is a machine's own, so that the same of several machines reads the same."""
    for word, instead in own.items():
        text = re.sub(rf"(?<![\w.-]){re.escape(word)}(?![\w-])", instead, text) if word else text
    return text


def _block(inputs: NamesInputs) -> str:
    return f"{inputs.holder} {inputs.host}"


def _places(inputs: NamesInputs) -> list[tuple[Connection, list[str]]]:
    conn, name, address = inputs.connection, inputs.host, inputs.address
    if inputs.mode != "manage":
        return [(conn, names.items(name, address, _block(inputs), None))]
    there = (conn, names.items(name, address, _block(inputs), inputs.entries))
    if conn.kind == "local":
        # The hub itself: its file has one block.
        return [there]
    hub = Connection(host="the hub", address="localhost", kind="local", hub_root=conn.hub_root)
    # Without a declared address the hub found the name by itself.
    return [there, (hub, names.items(name, address, _block(inputs), {address: name} if address else {}))]


def _faults(inputs: NamesInputs, facts: dict[str, str]) -> list[str]:
    name, address = inputs.host, inputs.address
    seen = {"forward": local_names.forward(name), "reverse": local_names.reverse(address) if address else ""}
    return names.faults(name, address, facts, seen)


Provider = NamesProvider
"""Its name in states."""
