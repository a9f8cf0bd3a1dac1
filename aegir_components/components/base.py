"""What all components have in common."""

from __future__ import annotations

from typing import Any, ClassVar

import pulumi

from aegir_components import declaring


class AegirComponent(pulumi.ComponentResource):
    """A component: children are made in its constructor, never in ``apply``."""

    kind: ClassVar[str]

    def __init_subclass__(cls, *, kind: str, **rest: Any) -> None:
        """Take the component's name in Pulumi's type, which is public for ever."""
        super().__init_subclass__(**rest)
        cls.kind = kind

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the component under its kind."""
        with declaring.position():
            super().__init__(f"aegir:index:{self.kind}", name, None, opts)

    def child(
        self, *, depends_on: list[pulumi.Resource] | None = None, also: pulumi.ResourceOptions | None = None
    ) -> pulumi.ResourceOptions:
        """Give the options of a child, with further ones where there are some."""
        return pulumi.ResourceOptions.merge(pulumi.ResourceOptions(parent=self, depends_on=depends_on), also)

    def finish(self, **outputs: Any) -> None:
        """End the constructor: the outputs are registered, and readable as attributes."""
        for name, value in outputs.items():
            setattr(self, name, value)
        self.register_outputs(outputs)
