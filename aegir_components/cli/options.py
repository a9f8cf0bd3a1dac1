"""Options that several commands have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from . import completion

Command = Callable[..., Any]


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
