"""What the state says of this stack before the program declares anything: the recorded outputs of its resources.

Pulumi compares resources one by one. What an edit would do to a whole site, and what disappears, is known only beforehand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import pulumi

READ: Final = "pulumi:pulumi:readStackResourceOutputs"
"""The engine's own function (pulumi/pulumi, pkg/resource/deploy/builtins.go); StackReference would be one more resource."""
COMPONENT: Final = "aegir:index:"
"""What the types of components begin with."""
_DYNAMIC = "pulumi-python:dynamic/"

Outputs = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Recorded:
    """The resources of the last run, with what they recorded; secrets are among it, so it is never printed."""

    resources: Mapping[str, Mapping[str, Outputs]] = field(default_factory=dict, repr=False)
    """By type, such as ``aegir:SiteDatabase``, and by name."""
    parents: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By type of a component, and by name: the types that it is below, as its URN has them; empty for none."""

    def of(self, kind: str) -> Mapping[str, Outputs]:
        """Give the outputs of all resources of a type, by name."""
        return self.resources.get(kind, {})


async def read(other: str = "") -> Recorded:
    """Ask the engine for the state of a stack of this project; nothing is recorded before a stack's first run.

    Args:
        other: its name; empty for this one.
    """
    stack = f"{pulumi.get_organization()}/{pulumi.get_project()}/{other or pulumi.get_stack()}"
    answer = await pulumi.runtime.invoke_async(READ, {"stackName": stack})
    return of_outputs((answer or {}).get("outputs") or {})


def of_outputs(outputs: Mapping[str, Mapping[str, Any]]) -> Recorded:
    """Sort the engine's answer: URN to ``type`` and ``outputs``."""
    found: dict[str, dict[str, Outputs]] = {}
    parents: dict[str, dict[str, str]] = {}
    for urn, resource in outputs.items():
        kind = str(resource.get("type", "")).removeprefix(_DYNAMIC)
        name = urn.rpartition("::")[2]
        found.setdefault(kind, {})[name] = resource.get("outputs") or {}
        if kind.startswith(COMPONENT):
            parents.setdefault(kind, {})[name] = types_of(urn).rpartition("$")[0]
    return Recorded(found, parents)


def types_of(urn: str) -> str:
    """Give the types in a URN, of a resource and of what it is below; Pulumi's mocks count the stack among them."""
    return "$".join(each for each in urn.split("::")[2].split("$") if each != "pulumi:pulumi:Stack")
