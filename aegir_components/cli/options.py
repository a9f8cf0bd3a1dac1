"""Options that several commands have."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

from aegir_components.messages import numbered

from . import completion, selecting
from .ends import WrongUsage

Command = Callable[..., Any]


def the_stack(*, required: bool) -> Callable[[Command], Command]:
    """Add the stack as the command's argument, and as ``--stack`` as commands for sites have it.

    Args:
        required: whether the command gets its name; otherwise it gets nothing where nobody named it.
    """

    def added(command: Command) -> Command:
        @click.argument("stack", required=False, default="", shell_complete=completion.stacks)
        @click.option(
            "--stack", "chosen", default="", metavar="STACK", shell_complete=completion.stacks,
            help="The stack, where it is not the argument.",
        )  # fmt: skip
        @functools.wraps(command)
        def run(stack: str, chosen: str, **options: Any) -> Any:
            if stack and chosen and stack != chosen:
                raise WrongUsage(numbered(9004, f"name one stack: {stack}, or --stack {chosen}"))
            if required and not (stack or chosen):
                stack = selecting.the_stack("").name
            return command(stack=stack or chosen, **options)

        return run

    return added


def of_stack(command: Command) -> Command:
    """Add the option that names the stack; without it the only one of the project is meant."""

    @click.option(
        "--stack", "chosen", default="", metavar="STACK", shell_complete=completion.stacks,
        help="The stack that has the sites; may be left out where there is one.",
    )  # fmt: skip
    @functools.wraps(command)
    def run(chosen: str, **options: Any) -> Any:
        return command(chosen=selecting.the_stack(chosen).name, **options)

    return run
