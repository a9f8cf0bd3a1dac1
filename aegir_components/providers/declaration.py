"""aegir:Declaration: what a program of one's own declares, kept in Pulumi's state for the commands of ``aegir``.

They read the stack file for plans of backups, clients and the like. What a program declares stands in no file.
"""

from __future__ import annotations

import pulumi

from .lifecycle import AegirResource, Lifecycle, State

NAME = "declaration"


class Provider(Lifecycle):
    """It is on no machine, and changes none."""

    secret_keys = ("whole",)

    def identity(self, want: State) -> str:
        """A stack has one."""
        del want
        return NAME

    def observe(self, want: State) -> State:
        """The state is the only place that has it."""
        del want
        return {}

    def converge(self, want: State) -> State:
        """Recording the inputs is all there is to do."""
        del want
        return {}

    def remove(self, have: State) -> None:
        """Nothing is on any machine."""


class Declaration(AegirResource, module="aegir", name="Declaration"):
    """What a program declares."""

    def __init__(self, shown: str, whole: str, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare it.

        Args:
            shown: the settings as JSON, with a word in the place of each secret. It stands in clear in the state.
            whole: the same with the secrets.
            opts: Pulumi's options.
        """
        props = {"shown": shown, "whole": pulumi.Output.secret(whole) if whole != shown else None}
        super().__init__(Provider(), NAME, props, opts)
