"""Components of one farm, whoever declares them: a stack file, or a program that has made them already."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import pulumi

from .base import AegirComponent, Parts

Component = TypeVar("Component", bound=AegirComponent)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A component that a program has made."""

    component: AegirComponent
    sources: tuple[pulumi.Resource, ...] = ()
    """The resources that its settings come from."""


Made = Mapping[str, Mapping[str, Waiting]]
"""The components that a program has made, by the stack file's key for their kind and by the name of their resources."""


def component(
    kind: Callable[[str, Any, pulumi.ResourceOptions], Component],
    made: Mapping[str, Waiting] | None,
    name: str,
    parts: Parts,
    depends_on: list[pulumi.Resource],
) -> Component:
    """Complete a component that a program has made; make it where the stack file declares it.

    Args:
        kind: its class.
        made: those that the program has made.
        name: the name of its resource.
        parts: the inputs of its children.
        depends_on: what it comes after.
    """
    waiting = (made or {}).get(name)
    if waiting is None:
        return kind(name, parts, pulumi.ResourceOptions(depends_on=depends_on))
    waiting.component.complete(parts, [*depends_on, *waiting.sources])
    return waiting.component  # type: ignore[return-value]  # the farm keeps each kind under its own key
