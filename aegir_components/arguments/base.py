"""What the arguments of all components have in common."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import pulumi

from aegir_components.messages import numbered, shown

if TYPE_CHECKING:
    from aegir_components.farm import Farm


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Settings with the names and the meaning that they have in docs/reference/stack-file.md; ``None`` is the default there."""

    below: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Where the stack file has a field, if not under its own name."""


@dataclass(frozen=True, kw_only=True)
class ComponentArgs(Arguments):
    """The arguments of a component."""

    farm: Farm | None = None
    """The farm that it belongs to; not needed where another component is named that belongs to it."""

    def owner(self) -> Farm:
        """Find the farm of the component.

        Raises:
            pulumi.RunError: nothing says which one it is.
        """
        found = self.farm or next((other.farm for other in _components(self)), None)
        if found is None:
            raise pulumi.RunError(
                shown(numbered(2701, f"{type(self).__name__}: write the farm that it belongs to, farm=Farm(...)"))
            )
        return found


def settings_of(args: Arguments) -> dict[str, Any]:
    """Give arguments as the mapping that a stack file has, with outputs in it.

    Args:
        args: the arguments; components in them become their names.
    """
    found: dict[str, Any] = {}
    for each in dataclasses.fields(args):
        value = getattr(args, each.name)
        if value is None or each.name == "farm":
            continue
        *path, key = args.below.get(each.name, (each.name,))
        place = found
        for part in path:
            place = place.setdefault(part, {})
        place[key] = _plain(value)
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, Arguments):
        return settings_of(value)
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value.declared_as if _is_component(value) else value


def _components(value: Any) -> Iterator[Any]:
    """List the components that arguments name."""
    if _is_component(value):
        yield value
    elif isinstance(value, Arguments):
        for each in dataclasses.fields(value):
            yield from _components(getattr(value, each.name))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _components(inner)


def _is_component(value: Any) -> bool:
    # By what it has, since components know these modules.
    return isinstance(value, pulumi.ComponentResource) and hasattr(value, "declared_as")
