"""Pulumi's engine, replaced by a record of what was declared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi

from aegir_components.recorded import READ

ENVELOPE = "4dabf18193072939515e22adb298388d"
"""Pulumi's key of a special value, and below it the mark of a secret."""
_SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a mark, of pulumi.runtime.rpc


@dataclass(frozen=True, slots=True)
class Recorded:
    """A resource that a program declared."""

    type: str
    """``aegir:Machine``, without Pulumi's own prefix of dynamic resources."""
    name: str
    inputs: Mapping[str, Any]
    """As declared; a secret is still in its envelope, see ``is_secret`` and ``opened``."""


@dataclass(slots=True)
class RecordingMocks(pulumi.runtime.Mocks):
    """Answers every resource with its own inputs, and keeps them.

    ``computed`` gives outputs that are no inputs, by type: ``{"aegir:WebService": {"php": "8.2"}}``.
    """

    computed: dict[str, dict[str, Any]] = field(default_factory=dict)
    resources: list[Recorded] = field(default_factory=list)
    before: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The state of a former run: URN to ``type`` and ``outputs``."""

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        """Record a resource."""
        kind = args.typ.removeprefix("pulumi-python:dynamic/")
        inputs = {key: value for key, value in args.inputs.items() if not key.startswith("__")}
        self.resources.append(Recorded(kind, args.name, inputs))
        return f"{args.name}-id", {**inputs, **self.computed.get(kind, {})}

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        """Answer the one function that this project calls: what the state has of a former run, which is ``before``."""
        assert args.token == READ, f"the program calls {args.token}"
        return {"outputs": self.before}, []

    def of(self, kind: str) -> dict[str, Mapping[str, Any]]:
        """Give the inputs of all resources of a type, by name."""
        return {each.name: each.inputs for each in self.resources if each.type == kind}

    def only(self, kind: str) -> Mapping[str, Any]:
        """Give the inputs of the one resource of a type."""
        found = self.of(kind)
        assert len(found) == 1, f"{len(found)} resources of type {kind}: {sorted(found)}"
        return next(iter(found.values()))


def is_secret(value: Any) -> bool:
    """Tell whether an input was handed over as a secret."""
    return isinstance(value, Mapping) and value.get(ENVELOPE) == _SECRET


def opened(value: Any) -> Any:
    """Give what is in a secret's envelope, and every other value as it is."""
    return value["value"] if is_secret(value) else value
