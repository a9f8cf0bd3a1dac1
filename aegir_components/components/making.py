"""Components of one farm, whoever declares them: a stack file, or a program that has made them already."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import pulumi

from aegir_components import settings
from aegir_components.messages import numbered
from aegir_components.recorded import COMPONENT, Recorded
from aegir_components.settings.paths import KINDS

from .base import AegirComponent, Parts

Component = TypeVar("Component", bound=AegirComponent)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A component that a program has made."""

    component: AegirComponent
    sources: tuple[pulumi.Resource, ...] = ()
    """The resources that its settings come from."""
    below: str | None = ""
    """The types of the components that it is below in the program, as in a URN; empty for none, ``None`` if nobody knows."""


Made = Mapping[str, Mapping[str, Waiting]]
"""The components that a program has made, by the stack file's key for their kind and by the name of their resources."""


def moved(recorded: Recorded, declared: settings.Settings, made: Made) -> Iterator[str]:
    """Say which components have another parent than in the state: to Pulumi they are new, and those of before are removed.

    Args:
        recorded: the state.
        declared: the stack.
        made: those that a program has made.
    """
    now_declared: dict[str, Iterable[str]] = {
        "servers": declared.servers,
        "clusters": declared.clusters,
        "packs": declared.packs,
        "platforms": declared.platforms,
        "sites": [site.identity for site in declared.sites.values()],
    }
    for key, kind in KINDS.items():
        known = recorded.parents.get(f"{COMPONENT}{kind}", {})
        for name in now_declared[key]:
            waiting = made.get(key, {}).get(name)
            now = waiting.below if waiting else ""
            if name not in known or now is None or known[name] == now or (waiting and waiting.component.has_aliases):
                continue
            yield numbered(
                2707,
                f'{kind}("{name}"): its parent was {known[name] or "the stack"}, and is now '
                f"{now or 'the stack'}. Pulumi would remove it with its content, and make it again. Nothing was "
                "changed. Give it the former parent, or say in its options where it was: "
                "aliases=[pulumi.Alias(parent=...)]",
            )


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
