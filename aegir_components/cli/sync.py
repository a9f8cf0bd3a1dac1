"""``sync``: the content of a site takes the place of what another site has, with a proven backup of that before."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial

import click

from aegir_components.applications import APPLICATIONS
from aegir_components.backups import restoring
from aegir_components.backups.book import BusyError
from aegir_components.backups.repository import BackupError
from aegir_components.backups.saving import Job
from aegir_components.backups.staging import Part
from aegir_components.messages import around, numbered, shown
from aegir_components.mysql.client import DatabaseError
from aegir_components.mysql.databases import SiteDatabase
from aegir_components.origins import landing, live, loaded, syncing
from aegir_components.origins.dumps import DumpError
from aegir_components.remote.errors import HostError

from . import audit, completion, events, journal, places, restore, sides, site_closing, site_lock, update
from .ends import Refusal, tell
from .sides import Side
from .stack_lock import refuse_locked
from .unlocked import Unlocked

FAULTS = (BackupError, HostError, DatabaseError)


@click.command()
@click.option(
    "--from", "origin", required=True, metavar="[STACK:]SITE", shell_complete=completion.sites_of_stacks,
    help="The site whose content comes. It serves meanwhile.",
)  # fmt: skip
@click.option(
    "--to", "goal", required=True, metavar="[STACK:]SITE", shell_complete=completion.sites_of_stacks,
    help="The site that gets it in the place of what it has.",
)  # fmt: skip
@click.option("--database", is_flag=True, help="The database; with neither this nor --files both come.")
@click.option("--files", "uploads", is_flag=True, help="The uploads.")
@click.option(
    "--sanitise", type=click.Choice(["standard", "off"]),
    help="Replace personal data before it leaves its server, or not. Unless said: standard from a production stack to another "
    "environment, and for a site whose origin says so; off otherwise.",
)  # fmt: skip
@click.option("--into-production", is_flag=True, help="Also into a stack that is production.")
@click.option("--confirm", metavar="SITE", help="The name of the production site, in place of typing it.")
@click.option("--lose-unsaved", is_flag=True, help="Also when something of what is there now cannot be saved.")
@click.option("--dry-run", is_flag=True, help="Only show what is there now, and what would come.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def sync(
    origin: str, goal: str, *, database: bool, uploads: bool, sanitise: str | None, into_production: bool, confirm: str | None,
    lose_unsaved: bool, dry_run: bool, yes: bool,
) -> None:  # fmt: skip
    """Bring the content of a site into another site that is there already.

    What that site has is backed up first, and that backup is proven. Then database and files are exchanged while the site
    answers 503. WordPress's content gets the site's address. If anything fails, the site gets back what it had.

    \b
    aegir sync --from prod:www.example.com --to test:test.example.com --dry-run
    aegir sync --from prod:www.example.com --to test:test.example.com --database
    aegir sync --from test:test.example.com --to prod:www.example.com \\
        --into-production
    """  # noqa: D301  click keeps such lines as they are
    source, target = _sides(origin, goal)
    part = Part(database=database or not uploads, files=uploads or not database, incomplete=lose_unsaved)
    sanitised = sides.how(source, target, sanitise)
    job = _judged(source, target, part, sanitised=sanitised)
    try:
        lines = sides.shown(source, target, part, sanitised=sanitised)
    except FAULTS as fault:
        raise Refusal(around(fault, f"nothing was changed: {fault}")) from None
    for line in lines:
        click.echo(line)
    if dry_run:
        return
    agreed = sides.guard(target, allowed=into_production, confirmed=confirm, yes=yes) or yes
    if not agreed and not (sys.stdin.isatty() and click.confirm("Replace what is there now?", err=True)):
        raise Refusal(numbered(9020, "nothing was changed: without --yes a person has to agree"))
    # A run may have begun there meanwhile.
    for side in (target, source):
        refuse_locked(side.unlocked.stack)
    with (
        _held(target, f"sync from {source.label}", alone=True), _held(source, f"sync to {target.label}"),
        _noted(target, f"sync from {source.label}"), _noted(source, f"sync to {target.label}"),
    ):  # fmt: skip
        steps = Steps()
        _repair(target, job)
        try:
            content = _content(source, target, part, steps, sanitised=sanitised)
            click.echo(_run(target, replace(job, tell=steps), content))
        except restoring.ClosedError as fault:
            raise Refusal(str(fault)) from None
        except BusyError as busy:
            raise Refusal(str(busy)) from None
        except FAULTS as fault:
            raise Refusal(
                numbered(
                    7066,
                    f"{target.site.name} serves what it had; the sync failed at this step: {steps.last or 'beginning'}: "
                    f"{shown(fault)}",
                )
            ) from None
    for line in [*content.found.notes, *_advice(source, target, part)]:
        tell(around(line, f"{target.site.name}: {line}"))


def _noted(side: Side, command: str) -> AbstractContextManager[audit.Noting]:
    root, write = audit.root_of(side.unlocked.state), journal.of_sites([side.site])
    return audit.noted(root, side.unlocked.stack.name, command, sites=[side.site], journal=write)


def _held(side: Side, command: str, *, alone: bool = False) -> AbstractContextManager[None]:
    root = audit.root_of(side.unlocked.state)
    return site_lock.held(root, side.unlocked.stack, command, [side.site], alone=alone)


@dataclass(slots=True)
class Steps:
    """Tells the person at the terminal what is done, and knows it when that fails."""

    last: str = ""

    def __call__(self, text: str) -> None:
        """Tell of the next step."""
        if not isinstance(text, restoring.PuttingBack):
            self.last = text
        tell(text)


def _sides(origin: str, goal: str) -> tuple[Side, Side]:
    """Find both sites.

    Raises:
        Refusal: one of them is not there, a run is at work in a stack of theirs, or both are one site.
    """
    (from_stack, from_site), (to_stack, to_site) = sides.split(origin), sides.split(goal)
    unlocked = Unlocked.read(to_stack)
    refuse_locked(to_stack)
    other = unlocked if from_stack.name == to_stack.name else Unlocked.read(from_stack)
    if other is not unlocked:
        refuse_locked(from_stack)
    same = numbered(7071, f"--from and --to name the same site, {to_stack.name}:{to_site}; nothing was changed")
    if other is unlocked and other.identity(from_site) == unlocked.identity(to_site):
        raise Refusal(same)
    source, target = Side.read(other, from_site), Side.read(unlocked, to_site)
    if sides.is_same(source, target):
        raise Refusal(same)
    return source, target


def _judged(source: Side, target: Side, part: Part, *, sanitised: bool) -> Job:
    """Reject what cannot go well before anything is done; give what backs up the target.

    Raises:
        Refusal: the code does not fit, the target is not backed up, or something looks personal and has no rule.
    """
    if why := sides.misfit(source, target, part):
        raise Refusal(why)
    stack, identity = target.unlocked.stack.name, target.site.identity
    if target.unlocked.declared.backups is None or target.unlocked.plan(identity) is None:
        raise Refusal(
            numbered(
                7002,
                f"{target.label} is not backed up, and nothing is replaced without a proven backup of it. Declare "
                f"aegir:backups in the stack file of {stack} (to: [hub] is enough; docs/howto/back-up-sites.md), and run "
                f"pulumi up --stack {stack}",
            )
        )
    job = target.unlocked.job(identity)
    begun = restoring.interrupted(job.hub_root, target.unlocked.holder, identity)
    if begun and "from" not in begun:
        raise Refusal(
            numbered(
                7064,
                f"a restore of {target.label} did not come to its end. Run first: aegir restore {target.site.name} "
                f"--stack {stack}",
            )
        )
    try:
        with job.book.held():
            # A sync that is at work has noted what the next run would take for that of a killed one.
            pass
        for side in (target, source) if part.database else ():
            if update.is_held(side.unlocked, side.site):
                raise Refusal(
                    numbered(
                        7067,
                        f"{side.label} is held back on another release than its platform's, so nobody knows which databases fit. "
                        f"Run pulumi up --stack {side.unlocked.stack.name} first",
                    )
                )
        if why := restoring.by_person(site_closing.closable_of(target.site)):
            first = (
                f"A sync of it did not come to its end: aegir restore {target.site.name} --stack {stack} brings back what was "
                f"there, and keeps it closed. "
                if begun
                else ""
            )
            raise Refusal(
                numbered(
                    7065,
                    f"{target.label} is closed ({why}), and a sync would open it. Nothing was changed. {first}When it "
                    f"may be open again: aegir open {target.site.name} --stack {stack}",
                )
            )
        if part.database and sanitised:
            live.plans(source.source, source.release.application, target.unlocked.declared.sanitise)
    except (*FAULTS, DumpError) as fault:
        raise Refusal(around(fault, f"nothing was changed: {fault}")) from None
    return job


def _repair(target: Side, job: Job) -> None:
    """Bring back what a sync that was killed has taken.

    Raises:
        Refusal: it could not be brought back.
    """
    begun = restoring.interrupted(job.hub_root, target.unlocked.holder, target.site.identity)
    if not begun:
        return
    tell(f"a sync of {target.site.name} from {begun['from']} did not come to its end; what was there before comes back")
    try:
        if begun["backup"]:
            restore.bring_back(target.unlocked, target.site.name, str(begun["backup"]))
        else:
            restoring.reopen(job, site_closing.closable_of(target.site))
    except FAULTS as fault:
        kept = f"; what was there is backup {begun['backup']}" if begun["backup"] else ""
        raise Refusal(
            numbered(
                7063,
                f"{target.site.name} stays closed, since a sync was interrupted and could not be repaired: "
                f"{shown(fault)}. Nothing is lost{kept}. When the cause is gone, run the same command again",
            )
        ) from None


def _content(source: Side, target: Side, part: Part, steps: Steps, *, sanitised: bool) -> syncing.FromSite:
    own = {target.site.name, target.site.identity, *target.site.aliases}
    names = {source.source.site, *source.site.names}
    site = landing.Site(
        source=target.source, database=_database(target), application=target.release.application,
        version=target.release.version, members=target.site.connections,
        ports=target.site.ports,
        hub_root=target.unlocked.declared.hub.root, url=target.site.url, kind=loaded.CLONE, tell=steps,
    )  # fmt: skip
    return syncing.FromSite(
        site=site, source=source.source, where=source.label, part=part, former=tuple(sorted(names - own)),
        rules=target.unlocked.declared.sanitise if sanitised else None, clear=_clearing(target, part),
        database=_database(source),
    )  # fmt: skip


def _database(side: Side) -> SiteDatabase:
    return side.site.secrets.wanted


def _clearing(target: Side, part: Part) -> Callable[[], None]:
    site = target.site
    if not site.enabled or (not part.database and not APPLICATIONS[target.release.application].caches_files):
        return lambda: None
    return partial(events.clear_caches, site, next(iter(places.servers(site))), "sync")


def _run(target: Side, job: Job, content: syncing.FromSite) -> str:
    closable = site_closing.closable_of(target.site)
    work = restoring.Restore(
        job=job,
        content=content,
        part=content.part,
        closable=closable,
        is_well=site_closing.asked(target.site, closable),
    )
    done, stack = work.run(), target.unlocked.stack.name
    return f"{done}. To undo it: aegir restore {target.site.name} --stack {stack} --backup {content.found.safety}"


def _advice(source: Side, target: Side, part: Part) -> list[str]:
    """Say what is left for a person to do."""
    stack, name = target.unlocked.stack.name, target.site.name
    found: list[str] = []
    if part.database:
        try:
            if lacking := update.lacking(target.unlocked, target.site):
                found.append(
                    numbered(
                        7072,
                        f"its database lacks updates of its code: {', '.join(lacking)}. Run: aegir update {name} --stack {stack}",
                    )
                )
        except (HostError, DatabaseError) as fault:
            found.append(around(fault, f"nobody could see whether its database lacks updates: {fault}"))
    known = {name, target.site.identity, *target.site.names}
    if not APPLICATIONS[target.release.application].has_address and source.site.identity not in known:
        found.append(
            f"paths such as /sites/{source.site.identity}/files in its content lead to its own files after a pulumi up with "
            f"`origin: {{database: /srv/moves/site.sql, former: [{source.site.identity}]}}` at the site, which loads nothing"
        )
    return found
