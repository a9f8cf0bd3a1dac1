"""How a command ends: its exit status, and the one way to say on standard error why it went no further."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any, Final

import click

from aegir_components.messages import AegirError, numbered, shown

OK: Final = 0
FAILED: Final = 1
"""It failed, or refused; standard error says why, and what to do."""
USAGE: Final = 2
"""The command line itself is wrong; click's own."""
UNHEALTHY: Final = 3
"""It did what it was asked to, and something of the stack is not well."""
SITES_FAILED: Final = 4
"""It ran, and failed on at least one site."""
SITES_UNREACHED: Final = 5
"""It failed nowhere, and could not run on at least one site: a machine does not answer, or refuses."""
INTERRUPTED: Final = 130
"""Ctrl-C ended it; what ran is told."""


class Refusal(AegirError, click.ClickException):
    """The command goes no further: says why, and what to do."""

    exit_code = FAILED

    def show(self, file: IO[Any] | None = None) -> None:
        """Print it; without click's own "Error:", since refusing is no error of the program's."""
        click.echo(f"aegir: {shown(self)}", file=file, err=file is None)


class WrongUsage(AegirError, click.UsageError):
    """The command line itself is wrong: says what to type instead."""

    def format_message(self) -> str:
        """Give the text with its number, below the line of usage that click prints."""
        return shown(self)


def tell(text: str) -> None:
    """Tell the person at the terminal what takes its time; standard output is for what was asked for."""
    click.echo(f"aegir: {shown(text)}", err=True)


def put(made: bytes, output: Path | None) -> None:
    """Give what a command has made: to a file, or to standard output where none is named.

    Raises:
        Refusal: the file cannot be written.
    """
    if output is None:
        click.echo(made, nl=False)
        return
    try:
        output.write_bytes(made)
    except OSError as fault:
        raise Refusal(numbered(9021, f"{output} cannot be written: {fault.strerror}")) from None
    tell(f"{output} is written")
