"""aegir:PackStandby: a copy of what a pack shares on the machine that may take over, and when it does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi

from aegir_components.inputs.props import Props
from aegir_components.messages import numbered, telling
from aegir_components.remote.connection import Connection
from aegir_components.scripts import script
from aegir_components.services import standby

from .lifecycle import AegirResource, Lifecycle

COPY_TIMEOUT = 7200.0
"""Seconds for the first copy, which is of everything."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PackStandbyInputs(Props):
    """The machine that stands by for a pack's NFS server."""

    pack: str
    server: str
    """The machine that stands by."""
    connection: Connection
    """Of the machine that stands by."""
    path: str
    """Of the copy."""
    source: str
    """The export that is copied, as ``server:/path``; empty where the machine exports."""
    serves: bool
    """Whether the machine exports now."""
    holder: str
    """``<project>/<stack>``."""


class PackStandbyProvider(Lifecycle[PackStandbyInputs, PackStandbyInputs]):
    """Keeps the copy current by a timer; once the machine exports, no timer may write there any more."""

    identity_keys = ("pack",)

    def identity(self, want: PackStandbyInputs) -> str:
        """A pack has one standby."""
        return want.pack

    def observe(self, have: PackStandbyInputs) -> dict[str, Any]:
        """Inspect the timer and the age of the copy, which is said."""
        report = script.execute(have.connection, "check", _items(have), what=_what(have), timeout=COPY_TIMEOUT)
        _tell(have, report)
        return {"drift": list(report.drift)}

    def converge(self, want: PackStandbyInputs, was: PackStandbyInputs | None) -> dict[str, Any]:
        """Keep a copy; or make a last one and stop, before the machine exports."""
        takes_over = want.serves and not (was and was.serves and was.server == want.server)
        lines = standby.take_over_items(want.pack) if takes_over else _items(want)
        report = script.execute(
            want.connection, "apply", lines, what=_what(want), holder=want.holder, timeout=COPY_TIMEOUT
        )
        if takes_over:
            telling.warn(
                numbered(
                    8517,
                    f"{want.server} takes over what the pack {want.pack} shares. Its copy is {report.number('age')} s "
                    f"old: what was written on the former server after that is not in it. What was deleted there may be back",
                )
            )
        else:
            _tell(want, report)
        return {}

    def remove(self, have: PackStandbyInputs) -> None:
        """End the copies; the files stay."""
        gone = standby.removal_items(have.pack)
        script.execute(have.connection, "apply", gone, what=_what(have), holder=have.holder)


class PackStandby(AegirResource, module="aegir", name="PackStandby"):
    """The machine that stands by for a pack's NFS server."""

    def __init__(self, name: str, inputs: PackStandbyInputs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare it by the pack's name."""
        super().__init__(PackStandbyProvider(), name, inputs, opts)


def _what(inputs: PackStandbyInputs) -> str:
    return f"keeping a copy of what the pack {inputs.pack} shares"


def _items(inputs: PackStandbyInputs) -> list[str]:
    if inputs.serves:
        return standby.serving_items(inputs.pack)
    return standby.items(inputs.pack, inputs.path, inputs.source)


def _tell(inputs: PackStandbyInputs, report: script.Report) -> None:
    if report.facts.get("age"):
        pulumi.log.info(
            f"{inputs.server} has a copy of what the pack {inputs.pack} shares, {report.number('age')} s old"
        )


Provider = PackStandbyProvider
"""Its name in states."""
