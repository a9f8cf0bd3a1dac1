"""Groups of commands whose modules are imported when a command is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from aegir_components.messages import numbered

from .ends import WrongUsage

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

PROGRAM: Final = "aegir"
"""What the command line is called by; tools/aegir runs it."""
VARIABLE: Final = "_AEGIR_COMPLETE"
"""The variable by which a shell asks for completion."""
FEW: Final = 8
"""Commands that an error message may list."""


class Later(NamedTuple):
    """A command whose module is imported when the command is used."""

    module: str
    """Its module in this package."""
    short_help: str
    """Its line in the list of commands. The list is shown without importing the module."""
    name: str = ""
    """Its name in the module, where that is not the module's own name."""

    def fetch(self) -> click.Command:
        """Import the module, and give the command."""
        module = importlib.import_module(f".{self.module}", __package__)
        found: click.Command = getattr(module, self.name or self.module)
        return found


class Commands(click.Group):
    """A group with commands that are fetched one by one."""

    def __init__(
        self, *given: Any, later: Mapping[str, Later] | None = None, for_a_word: str = "", **options: Any
    ) -> None:
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
        later = self.later.get(cmd_name)
        return later.fetch() if later else super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with their short help."""
        listed = click.Group(commands={name: self._listed(ctx, name) for name in self.list_commands(ctx)})
        listed.format_commands(ctx, formatter)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Offer the commands with their short help, and the group's options."""
        # Only a shell that completes needs this module.
        from click.shell_completion import CompletionItem  # noqa: PLC0415

        names = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        offered = [CompletionItem(name, help=self._listed(ctx, name).get_short_help_str()) for name in names]
        return [*offered, *click.Command.shell_complete(self, ctx, incomplete)]

    def _listed(self, ctx: click.Context, name: str) -> click.Command:
        """Give what a list shows of a command."""
        later = self.later.get(name)
        found = click.Command(name, short_help=later.short_help) if later else super().get_command(ctx, name)
        assert found is not None
        return found

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
        # Only a wrong word needs this module.
        from difflib import get_close_matches  # noqa: PLC0415

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
