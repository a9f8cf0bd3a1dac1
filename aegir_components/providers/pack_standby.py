"""aegir:PackStandby: a copy of what a pack shares on the machine that may take over, and the moment at which it does."""

from __future__ import annotations

from typing import Any

import pulumi

from aegir_components.host import script
from aegir_components.host.connection import Connection
from aegir_components.inputs.untyped import Untyped
from aegir_components.services import standby

from .lifecycle import AegirResource, Lifecycle, State

COPY_TIMEOUT = 7200.0
"""Seconds for the first copy, which is of everything."""


class Provider(Lifecycle[Untyped, Untyped]):
    """Keeps the copy current by a timer; once the machine exports, no timer may write there any more."""

    identity_keys = ("pack",)

    def identity(self, want: State) -> str:
        """A pack has one standby."""
        return str(want["pack"])

    def observe(self, want: State) -> State:
        """Look at the timer and at the age of the copy, which is said."""
        report = script.execute(_connection(want), "check", _items(want), what=_what(want), timeout=COPY_TIMEOUT)
        _tell(want, report)
        return {"drift": list(report.drift)}

    def converge(self, want: State, _was: State) -> State:
        """Keep a copy; or make a last one and stop, before the machine exports."""
        was = want.get("was") or {}
        takes_over = want["serves"] and not (was.get("serves") and was.get("server") == want["server"])
        lines = standby.take_over_items(want["pack"]) if takes_over else _items(want)
        report = script.execute(
            _connection(want), "apply", lines, what=_what(want), holder=want["holder"], timeout=COPY_TIMEOUT
        )
        if takes_over:
            pulumi.log.warn(
                f"{want['server']} takes over what the pack {want['pack']} shares. Its copy is {report.number('age')} s "
                f"old: what was written on the former server after that is not in it. What was deleted there may be back"
            )
        else:
            _tell(want, report)
        return {}

    def remove(self, have: State) -> None:
        """End the copies; the files stay."""
        gone = standby.removal_items(have["pack"])
        script.execute(_connection(have), "apply", gone, what=_what(have), holder=have["holder"])


class PackStandby(AegirResource, module="aegir", name="PackStandby"):
    """The machine that stands by for a pack's NFS server."""

    def __init__(self, name: str, props: dict[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare it.

        Args:
            name: the pack's name.
            props: ``pack``, ``server``, ``connection`` (of it), ``path`` (of the copy), ``source`` (the export that is copied),
                ``serves`` (whether it exports now), ``holder``.
            opts: Pulumi's options.
        """
        super().__init__(Provider(), name, props, opts)


def _what(props: State) -> str:
    return f"keeping a copy of what the pack {props['pack']} shares"


def _connection(props: State) -> Connection:
    return Connection.from_props(props["connection"])


def _items(props: State) -> list[str]:
    if props["serves"]:
        return standby.serving_items(props["pack"])
    return standby.items(props["pack"], props["path"], props["source"])


def _tell(props: State, report: script.Report) -> None:
    if report.facts.get("age"):
        pulumi.log.info(
            f"{props['server']} has a copy of what the pack {props['pack']} shares, {report.number('age')} s old"
        )
