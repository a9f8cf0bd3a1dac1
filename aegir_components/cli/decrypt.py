"""``backups decrypt``: what a removal has left on the hub, in clear, for a person who wants to look inside."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import click

from aegir_components.archives import encrypting
from aegir_components.archives.names import ENDING, is_encrypted
from aegir_components.messages import numbered

from .ends import Refusal
from .options import of_stack
from .stack import Stack, here
from .unlocked import Unlocked


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE")
@of_stack
def decrypt(file: Path, chosen: str) -> None:
    """Print FILE, a dump or an archive in `backups` below the hub root, decrypted and still packed by gzip.

    aegir restore SITE --archive restores the newest ones without this. Into a file nothing is written but by you.

    \b
    aegir backups decrypt dump.sql.gz.age --stack prod | gzip -dc | less
    """  # noqa: D301  click keeps such lines as they are
    if not is_encrypted(file):
        raise Refusal(numbered(7020, f"{file} is not encrypted: its name does not end with {ENDING}. Read it as it is"))
    if sys.stdout.isatty():
        raise Refusal(
            numbered(7021, "the terminal would show packed data. Write it to a program: ... | gzip -dc | less")
        )
    unlocked = Unlocked.read(Stack(name=chosen, engine=here()))
    if not unlocked.archives:
        raise Refusal(
            numbered(
                7022,
                f"the state of {chosen} has no key for archives. Name the stack that removed the site, or run pulumi up --stack "
                f"{chosen} where it declares aegir:backups",
            )
        )
    try:
        with encrypting.reading(file, unlocked.archives) as content:
            shutil.copyfileobj(content, sys.stdout.buffer, encrypting.CHUNK)
        sys.stdout.buffer.flush()
    except encrypting.UnreadableError as fault:
        raise Refusal(numbered(7023, f"{fault}. Is {chosen} the stack that removed the site?")) from None
