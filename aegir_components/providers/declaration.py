"""aegir:Declaration: what a program of one's own declares, kept in Pulumi's state for the commands of ``aegir``.

They read the stack file for plans of backups, clients and the like. What a program declares stands in no file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pulumi

from aegir_components.inputs.props import Props
from aegir_components.unknowns import later

from .lifecycle import AegirResource, Lifecycle

NAME = "declaration"


@dataclass(frozen=True, kw_only=True, slots=True)
class DeclarationInputs(Props):
    """What a program declares, as JSON."""

    shown: str
    """With a word in the place of each secret; it stands in clear in the state."""
    whole: str | None = field(default=None, repr=False)
    """The same with the secrets; ``None`` where it has none."""


class DeclarationProvider(Lifecycle[DeclarationInputs, DeclarationInputs]):
    """It is on no machine, and changes none."""

    secret_keys = ("whole",)

    def identity(self, want: DeclarationInputs) -> str:
        """A stack has one."""
        del want
        return NAME

    def observe(self, have: DeclarationInputs) -> dict[str, Any]:
        """The state is the only place that has it."""
        del have
        return {}

    def converge(self, want: DeclarationInputs, was: DeclarationInputs | None) -> dict[str, Any]:
        """Recording the inputs is all there is to do."""
        del want, was
        return {}

    def remove(self, have: DeclarationInputs) -> None:
        """Nothing is on any machine."""


class Declaration(AegirResource, module="aegir", name="Declaration"):
    """What a program declares."""

    def __init__(self, inputs: DeclarationInputs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare it; a stack has one."""
        super().__init__(DeclarationProvider(), NAME, inputs, opts)


def declare(shown: str, whole: str, after: pulumi.Resource) -> Declaration:
    """Declare what a program does.

    Args:
        shown: the settings, with a word in the place of each secret.
        whole: the same with the secrets; without any both texts are the same.
        after: what it waits for.
    """
    inputs = DeclarationInputs(shown=shown, whole=later(pulumi.Output.secret(whole)) if whole != shown else None)
    return Declaration(inputs, pulumi.ResourceOptions(depends_on=[after]))


Provider = DeclarationProvider
"""Its name in states."""
