"""``backup``: back up sites now, or those that are due."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

import click

from aegir_components.backups import plan as plans
from aegir_components.backups import saving
from aegir_components.backups.book import Backup, BusyError, local
from aegir_components.backups.repository import BackupError
from aegir_components.messages import numbered, shown
from aegir_components.messages.printable import readable
from aegir_components.mysql.client import DatabaseError
from aegir_components.remote.errors import HostError

from . import audit, completion, journal, recovery, selecting
from .ends import FAILED, UNHEALTHY, Refusal, WrongUsage, tell
from .made import Site
from .progress import Progress
from .selecting import Selection
from .stack import Stack, here, made
from .unlocked import Unlocked

SIDE_BY_SIDE: Final = 3
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
@selecting.options
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
@click.option("--new-repository", "renew", is_flag=True, help="Make a repository again that is gone with its backups.")
@click.option("--dry-run", is_flag=True, help="Only name the sites that would be backed up, and where to.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
def backup(
    selection: Selection,
    *,
    due: bool,
    own: bool,
    note: str,
    prove: str | None,
    renew: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Back up SITES: the database in one transaction, uploads, private files and what they belong to.

    The backup goes encrypted to the repositories of `aegir:backups`, and nothing of it lies on a disk in between. It is
    proven by a restore into a scratch schema. --due is safe to run at any time, and twice at once; run it every few
    minutes. The exit status is 3 when a backup lacks something, was not proven, or is not in all of its repositories.

    \b
    aegir backup www.example.com --stack prod --note 'before the move'
    aegir backup --all --stack prod
    aegir backup 'www*' --client acme
    aegir backup --due
    """  # noqa: D301  click keeps such lines as they are
    if sum((selection.narrowed or selection.everything, due, own)) != 1:
        raise WrongUsage(
            numbered(9003, "name sites, select them by --platform, --client and so on, or give --all, --due or --hub")
        )
    if own and dry_run:
        raise WrongUsage(numbered(9004, "--hub saves the same every time; --dry-run goes with sites, --all and --due"))
    engine = here()
    chosen = selection.stack if due else selecting.the_stack(selection.stack, selection.environment).name
    if own:
        try:
            tell(recovery.save_hub(Stack(name=chosen, engine=engine)))
        except BackupError as fault:
            raise Refusal(str(fault)) from None
        return
    stacks = [Stack(name=name, engine=engine) for name in ([chosen] if chosen else made(engine))]
    if dry_run:
        _name(stacks, selection, due=due, as_json=as_json)
        return
    outcomes: list[Outcome] = []
    for stack in stacks:
        try:
            outcomes += _of_stack(stack, selection, due=due, note=note, renew=renew, start=prove == "boot")
        except Refusal as refused:
            if chosen:
                raise
            # The other stacks have their backups all the same.
            tell(shown(refused))
            outcomes.append(Outcome("", stack.name, fault=shown(refused)))
    _tell(outcomes, due=due, as_json=as_json)


def _tell(outcomes: Sequence[Outcome], *, due: bool, as_json: bool) -> None:
    """Say how it went, and end with the exit status of that."""
    if as_json:
        click.echo(json.dumps([outcome.plain() for outcome in outcomes], indent=2))
    elif due and not outcomes:
        tell("nothing is due")
    if any(outcome.backup is None for outcome in outcomes):
        raise click.exceptions.Exit(FAILED)
    if not all(outcome.well for outcome in outcomes):
        raise click.exceptions.Exit(UNHEALTHY)


def _name(stacks: Iterable[Stack], selection: Selection, *, due: bool, as_json: bool) -> None:
    """Print which sites would be backed up, and where to."""
    found = [
        {
            "site": site.identity,
            "stack": stack.name,
            "to": [target.name for target in unlocked.job(site.identity).targets],
        }
        for stack in stacks
        for unlocked, wanted in filter(None, [_wanted(stack, selection, due=due)])
        for site in wanted
    ]
    if as_json:
        click.echo(json.dumps(found, indent=2))
    for one in () if as_json else found:
        click.echo(f"{one['site']}: to {', '.join(one['to'])}")
    tell("no backup was made" if found else "nothing is due")


def _wanted(stack: Stack, selection: Selection, *, due: bool) -> tuple[Unlocked, list[Site]] | None:
    """Give a stack with its sites that are to be backed up; nothing of a stack that declares no backups.

    Raises:
        Refusal: the stack declares no backups, a site that is named is not there, or its backups are off.
    """
    declared = stack.drawn().backups if due else None
    if due and (declared is None or declared.off):
        return None
    unlocked = Unlocked.read(stack)
    _ = unlocked.backups  # A stack without them is rejected here, before its sites are said to have them off.
    picked = list(unlocked.state.sites.values())
    if selection.narrowed and not due:
        picked = selecting.pick(unlocked.state, selection, lambda: selecting.clients_of(stack, unlocked.state))
    off = [site for site in picked if unlocked.plan(site.identity) is None]
    if named := [site.identity for site in off if selecting.names_it(selection, site)]:
        raise Refusal(
            numbered(7001, f"backups are off for {', '.join(named)} in the stack file; remove `backups: off` there")
        )
    if picked and len(off) == len(picked) and not due and not selection.everything:
        raise Refusal(
            numbered(
                7001, f"backups are off for all sites that you selected of {stack.name}; remove `backups: off` there"
            )
        )
    wanted = [site for site in picked if site not in off]
    if due:
        now = datetime.now().astimezone()
        wanted = [site for site in wanted if is_due(unlocked, site.identity, now)]
    return unlocked, wanted


def _of_stack(stack: Stack, selection: Selection, *, due: bool, note: str, renew: bool, start: bool) -> list[Outcome]:
    why = plans.DUE if due else "asked for"
    known = _wanted(stack, selection, due=due)
    if known is None or not known[1]:
        return []
    unlocked, wanted = known

    def one(site: str) -> Outcome | None:
        return make(unlocked, site, why=why, note=note, renew=renew, start=start)

    root, write = audit.root_of(unlocked.state), journal.of_sites(wanted)
    with audit.noted(root, stack.name, f"backup ({why})", sites=wanted, journal=write) as noting:
        found = side_by_side([site.identity for site in wanted], one)
        bad = sum(not outcome.well for outcome in found)
        noting.result(f"{len(found) - bad} well, {bad} not well" if bad else "done")
    return found


def side_by_side(sites: Sequence[str], work: Callable[[str], Outcome | None]) -> list[Outcome]:
    """Back up several sites at a time. Ctrl-C lets those at work come to their end, and names what became of each.

    Raises:
        KeyboardInterrupt: Ctrl-C.
    """
    progress = Progress(sites)

    def one(site: str) -> Outcome | None:
        with progress.at_work(site):
            return work(site)

    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool, progress.told():
        return [outcome for outcome in pool.map(one, sites) if outcome is not None]


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
        outcome.fault = shown(busy)
    except (BackupError, HostError, DatabaseError, Refusal) as fault:
        text = shown(fault)
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
