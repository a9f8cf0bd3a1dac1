"""Groups of commands whose modules are imported when a command is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, Final

import click

from aegir_components.messages import numbered

from .ends import WrongUsage

FEW: Final = 8
"""Commands that an error message may list."""
Later = Mapping[str, Callable[[], click.Command]]
"""Commands by name. Each function fetches its command from the command's module."""


class Commands(click.Group):
    """A group with commands that are fetched one by one."""

    def __init__(self, *given: Any, later: Later | None = None, for_a_word: str = "", **options: Any) -> None:
        """Make it from what any group is made from.

        Args:
            given: as any group.
            later: the commands that are fetched.
            for_a_word: the command that takes a site, for those who write the site after the group's name.
            options: as any group.
        """
        super().__init__(*given, **options)
        self.later = later or {}
        self.for_a_word = for_a_word

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands, sorted."""
        return sorted({*super().list_commands(ctx), *self.later})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Fetch a command; ``None`` if there is none of this name."""
        fetch = self.later.get(cmd_name)
        return fetch() if fetch else super().get_command(ctx, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Fetch the command that is asked for. A word that is none gets the commands that are like it."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as fault:
            said = fault.message.rstrip(".")
            raise WrongUsage(numbered(9007, f"{said}. {self._instead(ctx, args[0])}"), ctx) from None

    def _instead(self, ctx: click.Context, word: str) -> str:
        """Say what to type in place of a word that is no command."""
        known = self.list_commands(ctx)
        if like := get_close_matches(word, known):
            return f"Did you mean {' or '.join(like)}?"
        if self.for_a_word and "." in word:
            return f"For one site: {self.for_a_word} {word}"
        return (
            f"{ctx.command_path} has: {', '.join(known)}"
            if len(known) < FEW
            else f"{ctx.command_path} --help lists them"
        )
