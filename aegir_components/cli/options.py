"""Options that several commands have."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

from . import completion

Command = Callable[..., Any]


def the_stack(*, required: bool) -> Callable[[Command], Command]:
    """Add the stack as the command's argument, and as ``--stack`` as commands for sites have it.

    Args:
        required: whether one has to be named; otherwise the only one of the project is meant.
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
                raise click.UsageError(f"name one stack: {stack}, or --stack {chosen}")
            if required and not (stack or chosen):
                raise click.UsageError("Missing argument 'STACK'.")
            return command(stack=stack or chosen, **options)

        return run

    return added


def of_stack(command: Command) -> Command:
    """Add the option that names the stack."""
    return click.option(
        "--stack",
        "chosen",
        required=True,
        metavar="STACK",
        shell_complete=completion.stacks,
        help="The stack that has the sites.",
    )(command)
