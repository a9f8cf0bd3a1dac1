"""Resources that are declared, compared and recorded like ours, and are nothing: what is left is Pulumi's own time."""

from __future__ import annotations

from typing import Any

import pulumi

from aegir_components import declaring
from aegir_components.inputs.untyped import Untyped
from aegir_components.providers.lifecycle import AegirResource, Lifecycle, State


class Provider(Lifecycle[Untyped, Untyped]):
    """Does nothing."""

    def identity(self, want: State) -> str:
        """Any name will do."""
        return str(want.get("host", "nothing"))

    def observe(self, want: State) -> State:
        """See nothing."""
        del want
        return {"drift": []}

    def converge(self, want: State, _was: State) -> State:
        """Make nothing."""
        del want
        return {}

    def remove(self, have: State) -> None:
        """Remove nothing."""


class Nothing(AegirResource, module="aegir", name="Nothing"):
    """Nothing, with the inputs of something."""

    def __init__(self, name: str, props: dict[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare it."""
        super().__init__(Provider(), name, props, opts)

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
