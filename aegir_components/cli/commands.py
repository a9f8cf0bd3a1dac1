"""Groups of commands whose modules are imported when a command is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click

Later = Mapping[str, Callable[[], click.Command]]
"""Commands by name. Each function fetches its command from the command's module."""


class Commands(click.Group):
    """A group with commands that are fetched one by one."""

    def __init__(self, *given: Any, later: Later, **options: Any) -> None:
        """Make it from what any group is made from, and from the commands that are fetched."""
        super().__init__(*given, **options)
        self.later = later

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands, sorted."""
        return sorted({*super().list_commands(ctx), *self.later})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Fetch a command; ``None`` if there is none of this name."""
        fetch = self.later.get(cmd_name)
        return fetch() if fetch else super().get_command(ctx, cmd_name)
