"""``restore``: put a backup of a site back, with a proven backup of what is there now before."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

import click

from aegir_components import messages
from aegir_components.applications import APPLICATIONS
from aegir_components.backups import about, imported, restoring, saving, staging
from aegir_components.backups.book import Backup, begun
from aegir_components.backups.repository import BackupError, Target, opened
from aegir_components.messages import numbered
from aegir_components.messages.printable import readable
from aegir_components.mysql.client import DatabaseError
from aegir_components.remote.errors import HostError
from aegir_components.sources import records

from . import audit, completion, events, journal, restored, selecting, site_closing
from .backup import SIDE_BY_SIDE
from .backups import proven
from .choosing import choose
from .ends import FAILED, Refusal, WrongUsage, tell
from .made import Site
from .progress import Progress
from .selecting import Selection
from .stack_lock import refuse_locked
from .unlocked import Unlocked

ONLY: Final = ("database", "files")


@click.command()
@click.argument("sites", nargs=-1, shell_complete=completion.sites)
@selecting.options
@click.option(
    "--at", metavar="TIME", help="The last backup from before this time (2026-11-01T02:00, the hub's local time)."
)
@click.option(
    "--backup",
    "wanted",
    metavar="BACKUP",
    shell_complete=completion.kept,
    help="The backup of this name, as `aegir backups` lists it.",
)
@click.option("--archive", is_flag=True, help="The archives that the removal of the site has left on the hub.")
@click.option(
    "--only", metavar="database|files|PATH", shell_complete=completion.parts,
    help="Only this: PATH is such as files/2026/photo.jpg.",
)  # fmt: skip
@click.option(
    "--as", "other", metavar="SITE", shell_complete=completion.sites, help="Put it into another site of the stack."
)
@click.option(
    "--database-server", metavar="SERVER", shell_complete=completion.servers,
    help="Only the databases, of sites whose database is on this server.",
)  # fmt: skip
@click.option("--code-differs", is_flag=True, help="Also when the site has other code now than it had then.")
@click.option("--lose-unsaved", is_flag=True, help="Also when something of what is there now cannot be saved.")
@click.option("--dry-run", is_flag=True, help="Only show what is there now, and what would come.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def restore(
    selection: Selection, *, at: str | None, wanted: str | None, archive: bool, only: str | None, other: str | None,
    database_server: str | None, code_differs: bool, lose_unsaved: bool, dry_run: bool, yes: bool,
) -> None:  # fmt: skip
    """Put the database and the files of SITES back as they were in a backup, by default the last proven one.

    What is there now is backed up first, and that backup is proven. Meanwhile the site answers 503. It opens when it answers
    with what was restored; if anything fails, what was there before is put back. With --server only the files come back, of
    sites on that web server.

    \b
    aegir restore www.example.com --stack prod
    aegir restore www.example.com --stack prod --at 2026-11-01 --only database
    aegir restore www.example.com --stack prod --only files/2026/photo.jpg
    aegir restore 'www*' --client acme --at 2026-11-01 --dry-run
    aegir restore --server web1.example.com --stack prod
    """  # noqa: D301  click keeps such lines as they are
    restored.see_usage(selection, database_server, [at, wanted, archive], [wanted, archive, other, only])
    if archive and dry_run:
        raise WrongUsage(
            numbered(9004, "--archive makes a backup of the archives first, so it does not go with --dry-run")
        )
    known = selecting.the_stack(selection.stack, selection.environment)
    if not dry_run:
        refuse_locked(known)
    unlocked = Unlocked.read(known)
    names = restored.names(unlocked, selection, database_server)
    if len(names) > 1 and (wanted or archive or other):
        raise Refusal(
            numbered(
                9031, f"--backup, --archive and --as go with one site, and these are {len(names)}. Nothing was changed"
            )
        )
    part = _part(only)
    if selection.servers or database_server:
        part = staging.Part(database=bool(database_server), files=not database_server)
    with restored.held(unlocked, [other] if other else names, dry_run=dry_run):
        if not (at or wanted or other or archive):
            names = [name for name in names if not _reopened(unlocked, name, dry_run=dry_run)]
        if archive:
            wanted = _imported(unlocked, unlocked.identity(names[0]))
        jobs = [
            _chosen(unlocked, name, other, at, wanted, replace(part, incomplete=lose_unsaved), allowed=code_differs)
            for name in names
        ]
        if not jobs or not _agreed(unlocked, jobs, part, dry_run=dry_run, yes=yes):
            return
        if not all(_side_by_side(unlocked, jobs)):
            raise click.exceptions.Exit(FAILED)


def _side_by_side(unlocked: Unlocked, jobs: Sequence[Chosen]) -> list[bool]:
    """Restore several sites at a time. Ctrl-C lets those at work come to their end, and names what became of each.

    Raises:
        KeyboardInterrupt: Ctrl-C.
    """
    progress = Progress([one.site.name for one in jobs])

    def work(one: Chosen) -> bool:
        with progress.at_work(one.site.name):
            return _done(unlocked, one)

    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool, progress.told():
        return list(pool.map(work, jobs))


@dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """What is restored into one site."""

    identity: str
    """Whose backup it is."""
    site: Site
    """Where it goes."""
    backup: Backup
    known: Sequence[Backup]
    part: staging.Part
    original: str
    """The backup of what was there before a restore that did not come to its end; empty where there was none."""


def _agreed(unlocked: Unlocked, jobs: Sequence[Chosen], part: staging.Part, *, dry_run: bool, yes: bool) -> bool:
    """Show what would come, and return whether it is done.

    Raises:
        Refusal: nobody has agreed, or a run of Pulumi's has begun meanwhile.
    """
    for one in jobs:
        plan = unlocked.plan(one.site.identity)
        for line in shown(one.backup, one.site, one.known, part, exclude=plan.exclude if plan else ()):
            click.echo(line)
    if dry_run:
        tell("nothing was changed")
        return False
    if not yes and not (sys.stdin.isatty() and click.confirm("Replace what is there now?", err=True)):
        raise Refusal(numbered(9020, "nothing was changed: without --yes a person has to agree"))
    refuse_locked(unlocked.stack)
    return True


def _chosen(
    unlocked: Unlocked, name: str, other: str | None, at: str | None, wanted: str | None, part: staging.Part,
    *, allowed: bool,
) -> Chosen:  # fmt: skip
    """Choose what is restored into a site.

    Raises:
        Refusal: the site is not there, or has no such backup, or that belongs to other code.
    """
    identity = unlocked.identity(name)
    target = unlocked.identity(other) if other else identity
    found = unlocked.state.sites.get(unlocked.name(target))
    if found is None or found.configuration is None:
        stack = unlocked.stack.name
        raise Refusal(
            numbered(7062, f"site {other or name} is not there; declare it and run pulumi up --stack {stack} first")
        )
    begun = restoring.interrupted(unlocked.declared.hub.root, unlocked.holder, target)
    known = unlocked.book(identity).backups()
    if begun and begun["backup"] and not (at or wanted or other):
        if "from" in begun:
            tell(f"a sync of {name} from {begun['from']} did not come to its end; what was there before comes back")
        else:
            tell(f"a restore of {name} from backup {begun['backup']} did not come to its end; it goes on")
        wanted = str(begun["backup"])
    one = choose(known, at, wanted, name)
    _fits(unlocked, found, one, allowed=allowed or not part.database)
    original = str(begun["safety"]) if begun else ""
    return Chosen(identity=identity, site=found, backup=one, known=known, part=part, original=original)


def _reopened(unlocked: Unlocked, name: str, *, dry_run: bool = False) -> bool:
    """Open a site that a killed sync has closed and not changed, and return whether it was such a one: nothing is to be restored.

    Args:
        unlocked: the stack.
        name: the site's.
        dry_run: whether to tell only.

    Raises:
        Refusal: another run is at work on it, or it could not be opened.
    """
    identity = unlocked.identity(name)
    begun = restoring.interrupted(unlocked.declared.hub.root, unlocked.holder, identity)
    found = unlocked.state.sites.get(unlocked.name(identity))
    if not begun or begun["backup"] or found is None or found.configuration is None:
        return False
    if dry_run:
        tell(f"{name}: a sync was interrupted before it replaced anything. A restore would only open the site again")
        return True
    try:
        restoring.reopen(unlocked.job(identity), site_closing.closable_of(found))
    except (BackupError, HostError, DatabaseError) as fault:
        raise Refusal(
            numbered(
                7063,
                f"{name} stays closed, since a sync was interrupted before it replaced anything: "
                f"{messages.shown(fault)}. When the cause is gone, run the same command again",
            )
        ) from None
    tell(
        f"a sync of {name} from {begun['from']} was interrupted before it replaced anything. The site has what it had, and its "
        f"accounts and visitors are let in again. Nothing was restored. To restore a backup, run the same command again"
    )
    return True


def bring_back(unlocked: Unlocked, name: str, backup: str) -> None:
    """Restore a backup of a site whole, whatever code the site has: what an interrupted run had replaced.

    Raises:
        Refusal: the backup is not there.
        BackupError: it could not be restored.
        HostError: likewise.
        DatabaseError: likewise.
    """
    tell(_run(unlocked, _chosen(unlocked, name, None, None, backup, staging.Part(), allowed=True)))


def _done(unlocked: Unlocked, one: Chosen) -> bool:
    """Restore one site, and return whether that went well."""
    command, root = f"restore {one.backup.id}", audit.root_of(unlocked.state)
    write = journal.of_sites([one.site])
    with audit.noted(root, unlocked.stack.name, command, sites=[one.site], journal=write) as noting:
        try:
            click.echo(_run(unlocked, one))
            _forget_pages(one)
        except (BackupError, HostError, DatabaseError, Refusal) as fault:
            noting.result("failed")
            tell(messages.shown(fault))
            return False
    return True


def _forget_pages(one: Chosen) -> None:
    """Clear the caches of a site with another site's database: they have that one's addresses of styles and scripts."""
    site = one.site
    if site.identity == one.identity or not one.part.database or not site.enabled or site.installation is None:
        return
    try:
        events.clear_caches(site, next(iter(site.members)), "restore")
    except HostError as fault:
        tell(
            numbered(
                6551,
                f"{site.name} is restored, and its caches could not be cleared: {messages.shown(fault)}; aegir cache "
                f"clear {site.name}",
            )
        )


def _imported(unlocked: Unlocked, site: str) -> str:
    """Turn the archives of a removal into a backup, and give its name."""
    try:
        archives = imported.Archives.find(unlocked.declared.hub.root, site, unlocked.archives)
        tell(f"{site}: proving {', '.join(path.name for path in (archives.dump, *archives.files) if path)}")
        made = saving.save(replace(unlocked.job(site), archives=archives), why=imported.WHY)
    except BackupError as fault:
        raise Refusal(str(fault)) from None
    return made.id


def shown(
    one: Backup, site: Site, known: Sequence[Backup], part: staging.Part, *, exclude: Sequence[str] = ()
) -> list[str]:
    """Say what is there now, and what would come."""
    last = f"last backed up at {begun(known[-1])}" if known else "never backed up"
    release = one.release or "unknown release"
    what = part.path or " and ".join(
        name for name, here in (("database", part.database), ("files", part.files)) if here
    )
    return [
        f"There now: {site.name} on platform {site.platform}, {last}; a backup of it is made and proven first",
        f"Would come: {what} of backup {one.id}, begun {begun(one)} ({readable(one.size)}; {release})",
        f"Its proof: {proven(one)}",
        *restoring.staying(part, exclude if one.exclude is None else one.exclude),
    ]


def _part(only: str | None) -> staging.Part:
    if only in ONLY:
        return staging.Part(database=only == "database", files=only == "files")
    return staging.Part(database=False, path=only) if only else staging.Part()


def _fits(unlocked: Unlocked, site: Site, one: Backup, *, allowed: bool) -> None:
    """Reject a database that belongs to other code than the site has."""
    then, _, name = one.release.partition(" ")
    if not name or allowed:
        return
    now = _code(unlocked, site)
    if not now or now["name"] == name:
        return
    run = f"and run pulumi up --stack {unlocked.stack.name}"
    elsewhere = unlocked.state.releases.get(then)
    if then == site.platform:
        kept = f"; if it is kept, write `release: {name}` at the site, or `rollback: {name}` at the platform, {run}"
    else:
        # A release of another platform is none that this one goes back to.
        kept = f"; write `platform: {then}` at the site {run}" if elsewhere and elsewhere.name == name else ""
    known = records.load(unlocked.declared.hub.root, then, name)
    made = f" (made from revision {known.revision} of its source)" if known and known.revision else ""
    raise Refusal(
        numbered(
            7060,
            f"backup {one.id} belongs to release {name} of {then}{made}, and {site.name} is on {now['name']} of {now['platform']}"
            f"{kept}. With --code-differs the backup's database gets the code of now; aegir update {site.name} brings it "
            f"up to date",
        )
    )


def _code(unlocked: Unlocked, site: Site) -> dict[str, str]:
    """Say which release a site is on; by the state where its web server does not answer."""
    source = unlocked.source(site.identity)
    with suppress(HostError):
        source = about.with_own_release(source)
    return dict(source.about.get("release") or {})


def _run(unlocked: Unlocked, one: Chosen) -> str:
    place = _place(unlocked, one.identity, one.backup)
    closable = site_closing.closable_of(one.site)
    with opened(place, urgent=True) as repository:
        job = unlocked.job(one.site.identity)
        content = staging.FromBackup(
            source=job.source, hub_root=job.hub_root, repository=repository, snapshot=one.backup.copies[place.name],
            backup=one.backup, part=one.part, tell=job.tell, exclude=job.plan.exclude, paired=_paired(one.site),
        )  # fmt: skip
        work = restoring.Restore(
            job=job, content=content, part=one.part, closable=closable, is_well=site_closing.asked(one.site, closable)
        )
        return work.run(one.original)


def _paired(site: Site) -> str:
    known = APPLICATIONS.get(site.application)
    return known.paired if known else ""


def _place(unlocked: Unlocked, site: str, one: Backup) -> Target:
    """Choose the repository: the first that has the backup, those on the hub before the others."""
    for place in unlocked.targets(site, unlocked.backups.repositories):
        if place.name in one.copies and not place.is_missing:
            return place
    raise Refusal(
        numbered(
            7061,
            f"backup {one.id} is in {', '.join(one.copies)}, which aegir:backups.repositories does not have any more",
        )
    )
