"""``backup``: back up sites now, or those that are due."""

from __future__ import annotations

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

import click

from aegir_components.host.errors import HostError
from aegir_components.mysql.client import DatabaseError
from aegir_components.providers.content import readable
from aegir_components.snapshots import plan as plans
from aegir_components.snapshots import saving
from aegir_components.snapshots.book import Backup, BusyError, local
from aegir_components.snapshots.repository import BackupError

from . import completion, recovery
from .ends import FAILED, UNHEALTHY, Refusal, tell
from .stack import Stack, here, made
from .unlocked import Unlocked

SIDE_BY_SIDE: Final = 4
"""Sites that are backed up at once."""

AGAIN: Final = timedelta(hours=1)


@dataclass(slots=True)
class Outcome:
    """What became of one site."""

    site: str
    stack: str
    backup: Backup | None = None
    fault: str = ""
    """Why there is no backup, or what is wrong with it."""
    removed: list[str] = field(default_factory=list)
    """Backups that the plan does not keep any more."""

    @property
    def well(self) -> bool:
        """Whether there is a backup that has everything, was proven where it should be, and is everywhere."""
        return not self.fault

    def plain(self) -> dict[str, Any]:
        """Give it for JSON."""
        made = asdict(self.backup) if self.backup else None
        return {
            "site": self.site, "stack": self.stack, "well": self.well, "fault": self.fault, "backup": made,
            "removed": self.removed,
        }  # fmt: skip


@click.command()
@click.argument("sites", nargs=-1, metavar="[SITE]...", shell_complete=completion.sites)
@click.option(
    "--stack", "chosen", metavar="STACK", shell_complete=completion.stacks, help="The stack; with --due all stacks."
)
@click.option("--all", "every", is_flag=True, help="All sites of the stack that are backed up.")
@click.option("--due", is_flag=True, help="The sites whose plan says that a backup is due now.")
@click.option("--hub", "own", is_flag=True, help="This hub: state, stack files, keys, pinned host keys, records.")
@click.option(
    "--note", default="", metavar="TEXT", help="Keep the backup until it is forgotten by name, with this note."
)
@click.option(
    "--prove",
    type=click.Choice(["boot"]),
    help="Also start the site from its backup now: it is done once a week with `prove: boot`.",
)
@click.option("--new-repository", "renew", is_flag=True, help="Make a repository anew that is gone with its backups.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
def backup(
    sites: tuple[str, ...],
    chosen: str | None,
    *,
    every: bool,
    due: bool,
    own: bool,
    note: str,
    prove: str | None,
    renew: bool,
    as_json: bool,
) -> None:
    """Back up SITEs: the database in one transaction, uploads, private files and what they belong to.

    The backup goes encrypted to the repositories of `aegir:backups`, nothing of it lies on a disk in between, and it is proven
    by a restore into a scratch schema. --due is safe to run at any time, and twice at once; run it every few minutes. The exit
    status is 3 when a backup lacks something, was not proven, or is not in all of its repositories.
    """
    if sum((bool(sites), every, due, own)) != 1:
        raise click.UsageError("name sites, or give one of --all, --due and --hub")
    if not due and chosen is None:
        raise click.UsageError("--stack is missing: the stack that has the sites")
    engine = here()
    if own and chosen:
        try:
            tell(recovery.save_hub(Stack(name=chosen, engine=engine)))
        except BackupError as fault:
            raise Refusal(str(fault)) from None
        return
    outcomes: list[Outcome] = []
    for name in [chosen] if chosen else made(engine):
        try:
            outcomes += _of_stack(
                Stack(name=name, engine=engine), sites, due=due, note=note, renew=renew, start=prove == "boot"
            )
        except Refusal as refused:
            if chosen:
                raise
            # The other stacks have their backups all the same.
            tell(refused.message)
            outcomes.append(Outcome("", name, fault=refused.message))
    if as_json:
        click.echo(json.dumps([outcome.plain() for outcome in outcomes], indent=2))
    elif due and not outcomes:
        tell("nothing is due")
    if any(outcome.backup is None for outcome in outcomes):
        raise click.exceptions.Exit(FAILED)
    if not all(outcome.well for outcome in outcomes):
        raise click.exceptions.Exit(UNHEALTHY)


def _of_stack(stack: Stack, sites: Iterable[str], *, due: bool, note: str, renew: bool, start: bool) -> list[Outcome]:
    declared = stack.drawn().backups if due else None
    if due and (declared is None or declared.off):
        return []
    unlocked = Unlocked.read(stack)
    if wanted := [unlocked.identity(name) for name in sites]:
        if off := [site for site in wanted if unlocked.plan(site) is None]:
            raise Refusal(f"backups are off for {', '.join(off)} in the stack file; remove `backups: off` there")
    else:
        wanted = [site.identity for site in unlocked.state.sites.values() if unlocked.plan(site.identity) is not None]
    if due:
        now = datetime.now().astimezone()
        wanted = [site for site in wanted if is_due(unlocked, site, now)]
    why = plans.DUE if due else "asked for"
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        found = pool.map(lambda site: make(unlocked, site, why=why, note=note, renew=renew, start=start), wanted)
    return [outcome for outcome in found if outcome is not None]


def is_due(unlocked: Unlocked, site: str, now: datetime) -> bool:
    """Return whether a backup of a site is to be made now."""
    plan = unlocked.plan(site)
    if plan is None:
        return False
    # One that was not proven is made again after an hour, and not every few minutes.
    counting = [
        one for one in unlocked.book(site).backups() if one.is_proven or plan.prove == "off" or now - local(one) < AGAIN
    ]
    return plans.is_due(plan, local(counting[-1]) if counting else None, now)


def make(
    unlocked: Unlocked, site: str, *, why: str, note: str = "", renew: bool = False, start: bool = False
) -> Outcome | None:
    """Back up a site, tell of it, and remove what the plan does not keep; ``None`` where another run does it.

    Args:
        unlocked: the stack.
        site: what the site is known by.
        why: why it is made.
        note: a note of the operator's.
        renew: whether a repository that is gone is made anew.
        start: whether the site is started from the backup, whenever that was done last.
    """
    outcome = Outcome(site, unlocked.stack.name)
    try:
        job = unlocked.job(site)
        if start:
            job = replace(job, start_now=True, plan=replace(job.plan, prove="boot"))
        if (
            any(target.name not in one.copies for one in job.book.backups()[-1:] for target in job.targets)
            or not job.book.backups()
        ):
            saving.learn(job.book, job.targets)
        tell(f"{site}: backing it up to {', '.join(target.name for target in job.targets)}")
        made = outcome.backup = saving.save(job, why=why, note=note, renew=renew)
        outcome.fault = fault_of(made, job.plan.prove != "off", start=start)
        tell(f"{site}: {described(made)}" + (f"; {outcome.fault}" if outcome.fault else ""))
        gone = plans.superfluous(job.plan.keep, job.book.backups(), local, datetime.now().astimezone())
        outcome.removed = [one.id for one in saving.forget(job.book, job.targets, gone)]
    except BusyError as busy:
        if why == plans.DUE:
            return None
        outcome.fault = str(busy)
    except (BackupError, HostError, DatabaseError, Refusal) as fault:
        text = fault.message if isinstance(fault, Refusal) else str(fault)
        outcome.fault = "; ".join(filter(None, (outcome.fault, text)))
    if outcome.backup is None:
        tell(f"{site}: no backup was made: {outcome.fault}")
    return outcome


def fault_of(made: Backup, prove: bool, *, start: bool = False) -> str:
    """Say what is wrong with a backup that was made; empty where nothing is.

    Args:
        made: the backup.
        prove: whether it was to be proven.
        start: whether its site was to be started from it by all means.
    """
    found = [f"it lacks {text}" for text in made.not_saved]
    found += [f"it is not in {name}: {why}" for name, why in made.failed.items()]
    if prove and not made.is_proven:
        found.append(f"it was NOT proven: {made.proof.text if made.proof else 'nobody has tried'}")
    if made.start is not None and not made.start.ok:
        found.append(f"the site does NOT start from it: {made.start.text}")
    if start and made.not_started:
        found.append(f"the site was not started from it: {made.not_started}")
    return "; ".join(found)


def described(made: Backup) -> str:
    """Describe a backup in one line."""
    proof = f"; {made.proof.text} in {made.proof.seconds:.0f} s" if made.is_proven and made.proof else ""
    proof += f"; {made.start.text} in {made.start.seconds:.0f} s" if made.start and made.start.ok else ""
    return (
        f"backup {made.id}, {readable(made.size)} in {made.seconds:.0f} s, {readable(made.added)} added to "
        f"{', '.join(made.copies)}{proof}"
    )
