"""``update``: give databases of sites the updates that the code which they have brings, with the same rehearsal as a release."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from typing import Final

import click

from aegir_components.backups.repository import BackupError
from aegir_components.backups.saving import Job
from aegir_components.inputs.platform import RolloutInputs
from aegir_components.messages import around, numbered, shown
from aegir_components.messages.printable import count
from aegir_components.mysql.client import DatabaseError
from aegir_components.remote.errors import HostError
from aegir_components.rollout import safety, waves
from aegir_components.rollout.platform import Platform
from aegir_components.rollout.site import Updated
from aegir_components.rollout.update import Outcome
from aegir_components.settings.updating import Rollout

from . import audit, completion, journal, selecting, site_lock
from .ends import SITES_FAILED, SITES_UNREACHED, Refusal, tell
from .made import Site
from .progress import Progress
from .selecting import Selection
from .stack_lock import refuse_locked
from .unlocked import Unlocked

UNFINISHED: Final = "an update that did not come to its end"


@click.command()
@click.argument("sites", nargs=-1, shell_complete=completion.sites)
@selecting.options
@click.option("--dry-run", is_flag=True, help="Only name the updates that each site lacks.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def update(selection: Selection, *, dry_run: bool, as_json: bool) -> None:
    """Run the pending database updates of sites on the code that they have.

    A release runs them by itself. Use this after a change of a database by hand, or after an `up` with health: false. A site
    that has backups is backed up first. The update is tried on a copy of the database. Visitors wait for some seconds, or see
    503 where the site is written to meanwhile. The former database is kept.

    \b
    aegir update www.example.com
    aegir update --platform shop --dry-run
    aegir update --all --stack prod
    """  # noqa: D301  click keeps such lines as they are
    selecting.need(selection)
    known = selecting.the_stack(selection.stack, selection.environment)
    if not dry_run:
        refuse_locked(known)
    unlocked = Unlocked.read(known)
    picked = selecting.pick(unlocked.state, selection, lambda: selecting.clients_of(known, unlocked.state))
    chosen = {site.identity for site in picked}
    root = audit.root_of(unlocked.state)
    progress = Progress([site.name for site in picked])
    with nullcontext() if dry_run else site_lock.held(root, known, "update", picked, alone=True), progress.told():
        found = _of_platforms(unlocked, chosen, progress, dry_run=dry_run)
    # A platform may have sites that were never rolled out; who names one is told.
    if missing := (chosen if selection.words else set()) - {row.site for row in found}:
        raise Refusal(
            numbered(
                9025,
                f"{', '.join(sorted(missing))}: not installed yet, or never rolled out; run pulumi up --stack {known.name}",
            )
        )
    if as_json:
        click.echo(json.dumps([row.plain() for row in found], indent=2))
    for row in () if as_json else found:
        click.echo(row.line)
    if any(row.done is not None and row.done.result == "failed" for row in found):
        raise click.exceptions.Exit(SITES_FAILED)
    if any(row.fault for row in found):
        raise click.exceptions.Exit(SITES_UNREACHED)


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """What came of one site."""

    site: str
    names: tuple[str, ...] = ()
    """The updates that it lacks."""
    done: waves.Done | None = None
    """How they ended; ``None`` where nothing was done."""
    fault: str = ""
    """Why nobody knows what it lacks."""

    @property
    def line(self) -> str:
        """It in a sentence."""
        if self.done:
            return self.done.line
        said = ", ".join(self.names) if self.names else "no updates are pending"
        return f"{self.site}: {self.fault or said}"

    def plain(self) -> dict[str, object]:
        """Give it for JSON."""
        return {"site": self.site, "lacks": list(self.names), "fault": self.fault, **_plain(self.done)}


def _of_platforms(unlocked: Unlocked, chosen: Collection[str], progress: Progress, *, dry_run: bool) -> list[Row]:
    found: list[Row] = []
    for name, outputs in sorted(unlocked.state.rollouts.items()):
        # What the state lacks of another platform is no matter of these sites.
        if here_on := [site for site in outputs["sites"] if site in chosen]:
            inputs = outputs.inputs(RolloutInputs)
            found += _of_platform(unlocked, name, inputs, here_on, progress, dry_run=dry_run)
    return found


def _of_platform(
    unlocked: Unlocked, name: str, inputs: RolloutInputs, sites: Sequence[str], progress: Progress, *, dry_run: bool
) -> list[Row]:
    try:
        platform = Platform.of(inputs, None, _jobs(unlocked))
        # Such a site is brought back first, whatever its database lacks.
        unfinished = {site: Row(site=site, names=(UNFINISHED,)) for site in platform.unfinished()}
    except (HostError, DatabaseError) as fault:
        # A machine that does not answer is a row of each of its sites; other platforms go on.
        return [Row(site=site, fault=shown(fault)) for site in sites]
    rows = {site: unfinished.get(site) or _lacks(platform, site) for site in sites}
    due = [site for site, row in rows.items() if row.names]
    for site in rows if dry_run else set(rows) - set(due):
        progress.end(platform.sites[site].name)
    done: dict[str, waves.Done] = {}
    if due and not dry_run:
        root, updated = audit.root_of(unlocked.state), [s for s in unlocked.state.sites.values() if s.identity in due]
        write = journal.of_sites(updated)
        with audit.noted(root, unlocked.stack.name, "update", sites=updated, journal=write) as noting:
            tell(f"{name}: updating {count(len(due), 'site', 'sites')}")
            done = {one.site: one for one in waves.run(due, Rollout(), _noting(platform.own_work(tell), progress))}
            if any(one.result == "failed" for one in done.values()):
                noting.result("failed")
    return [replace(row, done=done.get(site)) for site, row in rows.items()]


def _noting(work: waves.Work, progress: Progress) -> waves.Work:
    """Note which sites are at work, for a person who interrupts it."""

    def heavy(site: str) -> Outcome:
        with progress.at_work(work.name(site)):
            return work.heavy(site)

    def done(one: waves.Done) -> None:
        progress.end(one.name)
        if progress.is_interrupted:
            # Nobody prints the table any more.
            tell(one.line)
        work.done(one)

    return replace(work, heavy=heavy, done=done, interrupted=progress.interrupt)


def _lacks(platform: Platform, site: str) -> Row:
    try:
        return Row(site=site, names=platform.lacks(site))
    except (HostError, DatabaseError) as fault:
        return Row(site=site, fault=shown(fault))


def lacking(unlocked: Unlocked, site: Site) -> tuple[str, ...]:
    """Name the updates that a site's database lacks for the code that it has; nothing for one that was never rolled out.

    Raises:
        HostError: a web server does not answer.
        DatabaseError: the database server does not answer.
    """
    platform = _platform_of(unlocked, site)
    return platform.lacks(site.identity) if platform else ()


def is_held(unlocked: Unlocked, site: Site) -> bool:
    """Return whether a site is on another release than the live one of its platform.

    Raises:
        HostError: a web server does not answer.
    """
    platform = _platform_of(unlocked, site)
    return platform is not None and site.identity in platform.definition.held


def _platform_of(unlocked: Unlocked, site: Site) -> Platform | None:
    outputs = unlocked.state.rollouts.get(site.platform)
    platform = Platform.of(outputs.inputs(RolloutInputs), None, _jobs(unlocked)) if outputs else None
    return platform if platform and site.identity in platform.sites else None


def _jobs(unlocked: Unlocked) -> safety.Jobs:
    """Give what backing up a site before its update needs: as the stack file says now."""

    def job(site: Updated, code: safety.Code) -> Job | None:
        if unlocked.declared.backups is None or unlocked.plan(site.site) is None:
            return None
        try:
            found = unlocked.job(site.site)
        except Refusal as refused:
            raise BackupError(around(refused, refused.message)) from None
        return replace(found, source=replace(found.source, about={**found.source.about, "release": dict(code)}))

    return job


def _plain(done: waves.Done | None) -> dict[str, object]:
    if done is None:
        return {"result": None}
    kept = asdict(done.outcome)
    del kept["output"], kept["closed_at"]
    return {"result": done.result, "why": done.why, **kept}
