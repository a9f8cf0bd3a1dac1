"""Whether a Pulumi run holds a stack, asked by commands that change something."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from aegir_components.messages import around, joined

from . import verified
from .ends import Refusal
from .stack import Stack

DURING_UP = "--during-up"


def during_up(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option with which a command works beside a run that holds the stack."""
    return click.option(
        DURING_UP, "during_up", is_flag=True, help="Also while a run of `pulumi up` or another program holds the stack."
    )(command)


def refuse_locked(stack: Stack, *, during_up: bool | None = None) -> None:
    """Go no further while a run holds a stack.

    Args:
        stack: the stack.
        during_up: whether the command was told to work beside a run; ``None`` for a command without that option.

    Raises:
        Refusal: a run holds the stack, or was killed and has left its lock; the message names who began the run.
    """
    if during_up:
        return
    if busy := verified.at_work(stack.name, stack.engine.lock(stack.name)):
        way = (
            ""
            if during_up is None
            else f". To work beside it, add {DURING_UP}; a site that the run works on is waited for"
        )
        text = joined(busy)
        raise Refusal(around(text, f"nothing was done: {text}{way}"))
