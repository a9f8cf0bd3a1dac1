"""A resource that is declared, compared and recorded like ours, and is nothing: what is left is Pulumi's own time."""

from __future__ import annotations

from typing import Any

import pulumi

from aegir_components.providers.lifecycle import AegirResource, Lifecycle, State


class Provider(Lifecycle):
    """Does nothing."""

    def identity(self, want: State) -> str:
        """Any name will do."""
        return str(want.get("host", "nothing"))

    def observe(self, want: State) -> State:
        """See nothing."""
        del want
        return {"drift": []}

    def converge(self, want: State) -> State:
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
