"""``backups archives``: what removals have left on the hub."""

from __future__ import annotations

import json
from typing import Any

import click

from aegir_components.archives import names as archive_names
from aegir_components.archives.names import Kept
from aegir_components.messages.printable import readable

from . import completion, rows, selecting
from .ends import Refusal
from .unlocked import Unlocked


@click.command()
@click.option(
    "--stack", "chosen", default="", metavar="STACK", shell_complete=completion.stacks,
    help="The stack whose hub it is; may be left out where there is one.",
)  # fmt: skip
@click.option(
    "--site", metavar="SITE", shell_complete=completion.sites,
    help="Those of one site, also of one that is in no stack file any more.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def archives(chosen: str, site: str | None, *, as_json: bool) -> None:
    """List what removals have left on the hub: dumps, and archives of files, of all stacks that use it.

    aegir restore SITE --archive restores the newest ones of a site. They stay until you remove them.

    \b
    aegir backups archives --stack prod
    aegir backups archives --stack prod --site old.example.com
    """  # noqa: D301  click keeps such lines as they are
    unlocked = Unlocked.read(selecting.the_stack(chosen))
    found = archive_names.all_kept(unlocked.declared.hub.root, _known_as(unlocked, site) if site else "")
    if as_json:
        click.echo(json.dumps([plain(one) for one in found], indent=2))
        return
    for line in table(found):
        click.echo(line)


def _known_as(unlocked: Unlocked, site: str) -> str:
    try:
        return unlocked.identity(site)
    except Refusal:
        # It was removed, maybe by another stack or before there were keys: its archives have the name that it had.
        return site


def table(found: list[Kept]) -> list[str]:
    """Lay archives out in a table."""
    head = ("SITE", "MADE", "WHAT", "SIZE", "ENCRYPTED", "FILE")
    lines = [
        (
            one.site, f"{one.made.astimezone():%Y-%m-%d %H:%M}", what(one), readable(one.path.stat().st_size),
            "yes" if archive_names.is_encrypted(one.path) else "no", str(one.path),
        )
        for one in found
    ]  # fmt: skip
    return rows.table(head, lines) if lines else ["No removal has left anything on this hub."]


def what(one: Kept) -> str:
    """Say what it holds."""
    return f"files of {one.machine}" if one.machine else "database"


def plain(one: Kept) -> dict[str, Any]:
    """Give one for JSON."""
    return {
        "site": one.site,
        "made": f"{one.made:%Y-%m-%dT%H:%M:%SZ}",
        "what": "files" if one.machine else "database",
        "machine": one.machine or None,
        "size": one.path.stat().st_size,
        "encrypted": archive_names.is_encrypted(one.path),
        "file": str(one.path),
    }
