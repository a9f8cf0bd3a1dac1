"""Resources that are declared, compared and recorded like ours, and are nothing: what is left is Pulumi's own time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import pulumi

from aegir_components.inputs.props import Props
from aegir_components.providers.lifecycle import AegirResource, Lifecycle
from aegir_components.pulumi_workarounds import declaring


@dataclass(frozen=True, kw_only=True, slots=True)
class Anything(Props):
    """The inputs of something."""

    props: Mapping[str, Any]

    @classmethod
    def from_props(cls, props: Mapping[str, Any]) -> Self:
        """Take them as they are."""
        return cls(props=props)

    def to_props(self) -> dict[str, Any]:
        """Give them as they are."""
        return dict(self.props)


class Provider(Lifecycle[Anything, Anything]):
    """Does nothing."""

    def identity(self, want: Anything) -> str:
        """Any name will do."""
        return str(want.props.get("host", "nothing"))

    def observe(self, have: Anything) -> dict[str, Any]:
        """See nothing."""
        del have
        return {"drift": []}

    def converge(self, want: Anything, was: Anything | None) -> dict[str, Any]:
        """Make nothing."""
        del want, was
        return {}

    def remove(self, have: Anything) -> None:
        """Remove nothing."""


class Nothing(AegirResource, module="aegir", name="Nothing"):
    """Nothing, with the inputs of something."""

    def __init__(self, name: str, props: Mapping[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare it."""
        super().__init__(Provider(), name, Anything(props=props), opts)

    @property
    def _direct_computed_dependencies(self) -> set[pulumi.Resource]:
        """Search for no circles, as ``Activation`` does where it counts."""
        return set()

    @_direct_computed_dependencies.setter
    def _direct_computed_dependencies(self, found: set[pulumi.Resource]) -> None:
        del found


class Group(pulumi.ComponentResource):
    """A component with the outputs of one of ours."""

    def __init__(self, kind: str, name: str, outputs: dict[str, Any], opts: pulumi.ResourceOptions) -> None:
        """Declare it."""
        with declaring.position():
            super().__init__(f"floor:index:{kind}", name, None, opts)
        self.register_outputs(outputs)
