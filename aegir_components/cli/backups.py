"""``backups``: the backups that there are, with how each was proven; and what is done with single ones."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any, Final

import click

from aegir_components.backups import saving
from aegir_components.backups.book import Backup, begun, local
from aegir_components.backups.repository import BackupError, opened
from aegir_components.messages import numbered
from aegir_components.messages.printable import first_of, readable

from . import audit, completion, journal, recovery, rows, selecting
from .commands import Commands, Later
from .ends import UNHEALTHY, Refusal, tell
from .options import of_stack
from .stack import Stack, here
from .unlocked import Unlocked

NAMED: Final = 3
"""Sites without a proven backup that are named before "and 40 more"."""


@click.group(
    cls=Commands,
    for_a_word="aegir backups --site",
    later={
        "archives": Later("archives", "List the dumps and archives that removals have left on the hub."),
        "decrypt": Later("decrypt", "Print a dump or an archive that a removal has left, decrypted."),
        "keys": Later("recovery", "List the keys of backups, or export them for a lost hub.", "keys"),
        "recover": Later("recover", "Make this machine the hub again, from an exported sheet."),
    },
    invoke_without_command=True,
)
@click.pass_context
@click.option(
    "--stack", "chosen", default="", metavar="STACK", shell_complete=completion.stacks,
    help="The stack that has the sites; may be left out where there is one.",
)  # fmt: skip
@click.option("--site", metavar="SITE", shell_complete=completion.sites, help="The backups of one site.")
@click.option(
    "--ask",
    is_flag=True,
    help="Ask the repositories too, as on a hub that lost its records.",
)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def backups(context: click.Context, chosen: str, site: str | None, *, ask: bool, as_json: bool) -> None:
    """List the backups: when, size, what each added, its note, and how and when it was proven.

    A backup that was never restored is shown as not proven. The exit status is 3 when a site has no proven backup.

    \b
    aegir backups --stack prod
    aegir backups --stack prod --site www.example.com
    """  # noqa: D301  click keeps such lines as they are
    if context.invoked_subcommand is not None:
        return
    unlocked = Unlocked.read(selecting.the_stack(chosen))
    sites = [unlocked.identity(site)] if site else sorted(unlocked.keys_of_sites)
    if ask:
        for one in sites:
            recovery.learn(unlocked, one)
    found = {one: unlocked.book(one).backups() for one in sites}
    if as_json:
        listed = [
            {"site": one, "name": unlocked.name(one), **plain(each)} for one, known in found.items() for each in known
        ]
        click.echo(json.dumps(listed, indent=2))
    else:
        for line in table({named(unlocked, one): known for one, known in found.items()}):
            click.echo(line)
    declared = [
        one for one in sites if any(each.identity == one and each.backups for each in unlocked.declared.sites.values())
    ]
    if lacking := [one for one in declared if not any(each.is_proven for each in found[one])]:
        tell(without_proof({unlocked.name(one): bool(found[one]) for one in lacking}, unlocked.stack.name))
        raise click.exceptions.Exit(UNHEALTHY)


def without_proof(sites: Mapping[str, bool], stack: str) -> str:
    """Say why the exit status is 3, and which command helps the first site.

    Args:
        sites: those without a proven backup, each with whether it has any backup.
        stack: the stack's name.
    """
    site, has_any = next(iter(sites.items()))
    command = f"aegir backups prove {site}" if has_any else f"aegir backup {site}"
    return f"no proven backup of {first_of(list(sites), NAMED)}; run {command} --stack {stack}"


def named(unlocked: Unlocked, identity: str) -> str:
    """Give a site's present name, with the name that a renamed one was made with."""
    name = unlocked.name(identity)
    return name if name == identity else f"{name} (formerly {identity})"


def table(found: dict[str, tuple[Backup, ...]]) -> list[str]:
    """Lay backups out in a table, the oldest of each site first.

    Args:
        found: the backups, by what the column of sites says.
    """
    head = ("SITE", "BACKUP", "BEGUN", "SIZE", "ADDED", "WHERE", "WHY", "PROVEN")
    lines = [
        (
            site, one.id, begun(one), readable(one.size), readable(one.added), ", ".join(one.copies),
            f"{one.why}: {one.note}" if one.note else one.why, proven(one),
        )
        for site, known in found.items()
        for one in known
    ]  # fmt: skip
    return rows.table(head, lines) if lines else ["There is no backup yet."]


def proven(one: Backup) -> str:
    """Say in one cell how a backup was proven, and what it lacks."""
    lacks = f"; INCOMPLETE, it lacks {'; '.join(one.not_saved)}" if one.not_saved else ""
    if one.is_taken_over:
        return f"found in a repository, its proof is not known{lacks}"
    if one.proof is None:
        return f"not proven{lacks}"
    if not one.proof.ok:
        return f"NOT GOOD: {one.proof.text}{lacks}"
    at = datetime.fromtimestamp(one.proof.at).astimezone()
    return f"{at:%Y-%m-%d %H:%M}, {one.proof.text}, {one.proof.seconds:.0f} s{_start(one)}{lacks}"


def _start(one: Backup) -> str:
    if one.start is None:
        return ""
    at = datetime.fromtimestamp(one.start.at).astimezone()
    said = one.start.text if one.start.ok else f"the site does NOT START from it: {one.start.text}"
    return f"; {at:%Y-%m-%d %H:%M}, {said}, {one.start.seconds:.0f} s"


def plain(one: Backup) -> dict[str, Any]:
    """Give a backup for JSON."""
    return {
        **asdict(one),
        "complete": one.is_complete,
        "proven": one.is_proven,
        "begun": f"{local(one):%Y-%m-%dT%H:%M:%S%z}",
    }


@backups.command(short_help="Remove backups of a site from all repositories.")
@of_stack
@click.argument("site", shell_complete=completion.sites)
@click.argument("ids", nargs=-1, required=True, metavar="BACKUP...", shell_complete=completion.kept)
@click.option("--noted", is_flag=True, help="Also a backup that carries a note.")
@click.option("--last-proven", is_flag=True, help="Also the last proven backup of the site.")
@click.option("--dry-run", is_flag=True, help="Only show what would be removed.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def forget(
    site: str, ids: tuple[str, ...], chosen: str, *, noted: bool, last_proven: bool, dry_run: bool, yes: bool
) -> None:
    """Remove backups of SITE from all repositories.

    \b
    aegir backups forget www.example.com 4f2a91c0 --stack prod
    """  # noqa: D301  click keeps such lines as they are
    unlocked = Unlocked.read(Stack(name=chosen, engine=here()))
    identity = unlocked.identity(site)
    known = unlocked.book(identity).backups()
    gone = [find(known, one, site) for one in ids]
    good = [one for one in known if one.is_proven]
    if not last_proven and good and not {one.id for one in good} - {one.id for one in gone}:
        raise Refusal(
            numbered(7004, f"that would remove the last proven backup of {site} ({good[-1].id}). Nothing was removed")
        )
    if not noted and (kept := [one for one in gone if one.note]):
        raise Refusal(
            numbered(
                7005,
                f"backup {kept[0].id} carries the note {kept[0].note!r}; with --noted it is removed. Nothing was removed",
            )
        )
    for line in table({named(unlocked, identity): tuple(gone)}):
        click.echo(line)
    if dry_run:
        tell("nothing was removed")
        return
    if not yes and not (sys.stdin.isatty() and click.confirm("Remove these backups for good?", err=True)):
        raise Refusal(numbered(9020, "nothing was removed: without --yes a person has to agree"))
    with _noted(unlocked, identity, site, "backups forget") as noting:
        _remove(unlocked, identity, gone)
        noting.result(f"{len(gone)} backups")
    names = {one.id for one in gone}
    left = [one for one in unlocked.book(identity).backups() if one.id in names]
    for one in left:
        tell(
            f"backup {one.id} stays in {', '.join(one.copies)}, which the hub may only add to; its owner removes it there"
        )
    removed = len(gone) - len(left)
    tell(f"{removed} {'backup' if removed == 1 else 'backups'} of {site} removed")


@backups.command(short_help="Restore backups into a scratch schema, and count their rows.")
@of_stack
@click.argument("site", shell_complete=completion.sites)
@click.argument("ids", nargs=-1, metavar="[BACKUP]...", shell_complete=completion.kept)
@click.option(
    "--boot", "start", is_flag=True, help="Also start the site from the backup; without BACKUP from the newest one."
)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def prove(site: str, ids: tuple[str, ...], chosen: str, *, start: bool, as_json: bool) -> None:
    """Restore backups of SITE into a scratch schema and count them, without BACKUP all that are not proven.

    \b
    aegir backups prove www.example.com --stack prod
    aegir backups prove www.example.com 4f2a91c0 --boot --stack prod
    """  # noqa: D301  click keeps such lines as they are
    unlocked = Unlocked.read(Stack(name=chosen, engine=here()))
    identity = unlocked.identity(site)
    known = unlocked.book(identity).backups()
    wanted = [find(known, one, site) for one in ids]
    wanted = wanted or (list(known[-1:]) if start else [one for one in known if not one.is_proven])
    bad, listed = 0, []
    with _noted(unlocked, identity, site, "backups prove") if wanted else nullcontext():
        for one in wanted:
            try:
                seen = saving.prove_again(replace(unlocked.job(identity), start_now=start), one)
            except BackupError as fault:
                raise Refusal(str(fault)) from None
            not_started = f"; it was not started: {seen.not_started}" if start and seen.not_started else ""
            bad += not (seen.is_proven and seen.starts) or bool(not_started)
            listed.append({"site": identity, **plain(seen)})
            if not as_json:
                click.echo(f"{seen.id}: {proven(seen)}{not_started}")
    if as_json:
        click.echo(json.dumps(listed, indent=2))
    if not wanted:
        tell("all backups are proven" if known else f"{site} has no backup yet; make one: aegir backup {site}")
    if bad:
        raise click.exceptions.Exit(UNHEALTHY)


@backups.command(short_help="Read all backups of a site, and name damaged ones.")
@of_stack
@click.argument("site", shell_complete=completion.sites)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def check(site: str, chosen: str, *, as_json: bool) -> None:
    """Read every byte of SITE's repositories, and say which backups are damaged.

    \b
    aegir backups check www.example.com --stack prod
    """  # noqa: D301  click keeps such lines as they are
    unlocked = Unlocked.read(Stack(name=chosen, engine=here()))
    identity = unlocked.identity(site)
    job, listed = unlocked.job(identity), list[dict[str, str]]()
    for target in job.targets:
        with opened(target) as repository:
            for one in job.book.backups():
                if (snapshot := one.copies.get(target.name)) is None:
                    continue
                fault = saving.damage(repository, snapshot)
                listed.append({"repository": target.name, "backup": one.id, "fault": fault})
                if not as_json:
                    click.echo(f"{target.name}: backup {one.id} of {begun(one)}: {fault or 'whole'}")
    if as_json:
        click.echo(json.dumps(listed, indent=2))
    if any(one["fault"] for one in listed):
        raise click.exceptions.Exit(UNHEALTHY)


def find(known: Iterable[Backup], wanted: str, site: str) -> Backup:
    """Find a backup by the beginning of its name.

    Raises:
        Refusal: there is none, or several.
    """
    found = [one for one in known if len(wanted) >= 4 and one.id.startswith(wanted)]
    if len(found) != 1:
        said = "no backup" if not found else "several backups"
        raise Refusal(numbered(7010, f"{site} has {said} named {wanted}; `aegir backups` lists them"))
    return found[0]


def _noted(unlocked: Unlocked, identity: str, name: str, command: str) -> AbstractContextManager[audit.Noting]:
    """Write a command down on the hub, and in the journals of the site's web servers while the stack has the site."""
    here_now = [one for one in unlocked.state.sites.values() if one.identity == identity]
    root, write = audit.root_of(unlocked.state), journal.of_sites(here_now)
    return audit.noted(root, unlocked.stack.name, command, sites=here_now or [name], journal=write)


def _remove(unlocked: Unlocked, site: str, gone: list[Backup]) -> None:
    plan = unlocked.plan(site) or unlocked.backups.plan
    try:
        saving.forget(unlocked.book(site), unlocked.targets(site, plan.to), gone)
    except BackupError as fault:
        raise Refusal(str(fault)) from None
