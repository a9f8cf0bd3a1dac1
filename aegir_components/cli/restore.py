"""``restore``: put a backup of a site back, with a proven backup of what is there now before."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import click

from aegir_components.applications import APPLICATIONS, health, probe
from aegir_components.closing import Closable
from aegir_components.host.connection import Connection
from aegir_components.host.errors import HostError
from aegir_components.mysql.client import DatabaseError
from aegir_components.providers.content import readable
from aegir_components.services.closing import HEADER
from aegir_components.snapshots import imported, restoring, saving
from aegir_components.snapshots.book import Backup, local
from aegir_components.snapshots.repository import BackupError, Target, opened

from . import audit, completion, verified
from .backups import find, proven
from .ends import FAILED, Refusal, tell
from .stack import Stack, here
from .state import Site
from .unlocked import Unlocked

ONLY: Final = ("database", "files")
FORMS: Final = ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%d")


@click.command()
@click.argument("site", shell_complete=completion.sites)
@click.option("--stack", "chosen", required=True, metavar="STACK", shell_complete=completion.stacks, help="The stack.")
@click.option(
    "--at", metavar="TIME", help="The last backup from before this time (2026-11-01T02:00, the hub's local time)."
)
@click.option("--backup", "wanted", metavar="BACKUP", help="The backup of this name, as `aegir backups` lists it.")
@click.option("--archive", is_flag=True, help="The archives that the removal of the site has left on the hub.")
@click.option("--only", metavar="database|files|PATH", help="Only this: PATH is such as files/2026/photo.jpg.")
@click.option(
    "--as", "other", metavar="SITE", shell_complete=completion.sites, help="Put it into another site of the stack."
)
@click.option("--code-differs", is_flag=True, help="Also when the site has other code now than it had then.")
@click.option("--lose-unsaved", is_flag=True, help="Also when something of what is there now cannot be saved.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def restore(
    site: str, chosen: str, *, at: str | None, wanted: str | None, archive: bool, only: str | None, other: str | None,
    code_differs: bool, lose_unsaved: bool, yes: bool,
) -> None:  # fmt: skip
    """Put the database and the files of SITE back as they were in a backup, by default the last proven one.

    What is there now is backed up first, and that backup is proven. Meanwhile the site answers 503. It opens when it answers
    with what was restored; if anything fails, what was there before is put back.
    """
    if sum((bool(at), bool(wanted), archive)) > 1:
        raise click.UsageError("give one of --at, --backup and --archive")
    engine = here()
    if busy := verified.at_work(chosen, engine.lock(chosen)):
        raise Refusal("; ".join(busy))
    unlocked = Unlocked.read(Stack(name=chosen, engine=engine))
    identity = unlocked.identity(site)
    target = unlocked.identity(other) if other else identity
    found = unlocked.state.sites.get(_name(unlocked, target))
    if found is None or found.configuration is None:
        raise Refusal(f"site {other or site} is not there; declare it and run pulumi up --stack {chosen} first")
    begun = restoring.interrupted(unlocked.declared.hub.root, unlocked.holder, target)
    if archive:
        wanted = _imported(unlocked, identity)
    known = unlocked.book(identity).backups()
    if begun and not (at or wanted or other):
        tell(f"a restore of {site} from backup {begun['backup']} did not come to its end; it goes on")
        wanted = str(begun["backup"])
    one = choose(known, at, wanted, site)
    part = _part(only)
    _fits(unlocked, found, one, allowed=code_differs or not part.database)
    for line in shown(one, found, known, part):
        click.echo(line)
    if not yes and not (sys.stdin.isatty() and click.confirm(f"Replace what {found.name} has now?", err=True)):
        raise Refusal("nothing was changed: without --yes a person has to agree")
    safety = str(begun["safety"]) if begun and not other else ""
    part = replace(part, incomplete=lose_unsaved)
    with audit.noted(audit.root_of(unlocked.state), chosen, f"restore {one.id}", sites=[found.name]) as noting:
        try:
            click.echo(_run(unlocked, identity, target, found, one, part, safety))
        except (BackupError, HostError, DatabaseError) as fault:
            noting.result("failed")
            tell(str(fault))
            raise click.exceptions.Exit(FAILED) from None


def _imported(unlocked: Unlocked, site: str) -> str:
    """Turn the archives of a removal into a backup, and give its name."""
    try:
        archives = imported.Archives.find(unlocked.declared.hub.root, site)
        tell(f"{site}: proving {', '.join(path.name for path in (archives.dump, *archives.files) if path)}")
        made = saving.save(replace(unlocked.job(site), archives=archives), why=imported.WHY)
    except BackupError as fault:
        raise Refusal(str(fault)) from None
    return made.id


def choose(known: Sequence[Backup], at: str | None, wanted: str | None, site: str) -> Backup:
    """Choose a backup: by name, by time, or the last proven one.

    Raises:
        Refusal: there is none.
    """
    if wanted:
        return find(known, wanted, site)
    fitting = list(known)
    if at:
        moment = read_time(at)
        fitting = [one for one in known if local(one) <= moment]
        if not fitting:
            first = f"; the first one is of {local(known[0]):%Y-%m-%d %H:%M}" if known else ""
            raise Refusal(f"{site} has no backup from before {at}{first}")
    good = [one for one in fitting if one.is_proven]
    if not good:
        raise Refusal(
            f"{site} has no proven backup{f' from before {at}' if at else ''}. `aegir backups prove {site}` proves those that "
            f"there are; --backup restores one that is not proven"
        )
    return good[-1]


def read_time(text: str) -> datetime:
    """Read a time as an operator writes it, in the hub's local time where it names no zone.

    Raises:
        Refusal: it is no time.
    """
    for form in FORMS:
        try:
            return datetime.strptime(text, form).astimezone()
        except ValueError:
            continue
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError:
        raise Refusal(f"{text!r} is no time; write it like 2026-11-01T02:00") from None


def shown(one: Backup, site: Site, known: Sequence[Backup], part: restoring.Part) -> list[str]:
    """Say what is there now, and what would come."""
    last = f"last backed up at {local(known[-1]):%Y-%m-%d %H:%M}" if known else "never backed up"
    release = one.release or "unknown release"
    what = part.path or " and ".join(
        name for name, here in (("database", part.database), ("files", part.files)) if here
    )
    return [
        f"There now: {site.name} on platform {site.platform}, {last}; a backup of it is made and proven first",
        f"Would come: {what} of backup {one.id}, begun {local(one):%Y-%m-%d %H:%M} ({readable(one.size)}; {release})",
        f"Its proof: {proven(one)}",
    ]


def _part(only: str | None) -> restoring.Part:
    if only in ONLY:
        return restoring.Part(database=only == "database", files=only == "files")
    return restoring.Part(database=False, path=only) if only else restoring.Part()


def _fits(unlocked: Unlocked, site: Site, one: Backup, *, allowed: bool) -> None:
    """Reject a database that belongs to other code than the site has."""
    release = unlocked.state.releases.get(site.platform)
    then, _, name = one.release.partition(" ")
    if release is None or not name or allowed or name == release.name:
        return
    kept = f"if it is kept, write `rollback: {name}` at the platform and run pulumi up --stack {unlocked.stack.name}"
    raise Refusal(
        f"backup {one.id} belongs to release {name} of {then}, and {site.name} is on {release.name} of {site.platform}; {kept}. "
        f"With --code-differs the backup's database gets the code of now; the application may have to update it then"
    )


def _run(
    unlocked: Unlocked, identity: str, target: str, site: Site, one: Backup, part: restoring.Part, safety: str
) -> str:
    job = unlocked.job(target)
    place = _place(unlocked, identity, one)
    closable = _closable(site)
    with opened(place) as repository:
        work = restoring.Restore(
            job=job, repository=repository, snapshot=one.copies[place.name], backup=one, part=part, closable=closable,
            is_well=_asked(site, closable),
        )  # fmt: skip
        return work.run(safety)


def _place(unlocked: Unlocked, site: str, one: Backup) -> Target:
    """Choose the repository: the first that has the backup, those on the hub before the others."""
    plan = unlocked.plan(site) or unlocked.backups.plan
    for place in unlocked.targets(site, {**dict.fromkeys(plan.to), **unlocked.backups.repositories}):
        if place.name in one.copies:
            return place
    raise Refusal(
        f"backup {one.id} is in {', '.join(one.copies)}, which aegir:backups.repositories does not have any more"
    )


def _closable(site: Site) -> Closable:
    made: Any = site.configuration or {}
    return Closable(
        site=site.identity,
        name=site.name,
        holder=str(made["holder"]),
        members=Connection.of_members(made["members"]),
        ports={name: int(member["port"]) for name, member in made["members"].items()},
    )


def _asked(site: Site, closable: Closable) -> Callable[[], str]:
    """Give what asks a closed site for its front page, on each web server."""
    made: Any = site.installation or {}
    declared = health.Declared(
        site=site.name, application=APPLICATIONS[str(made["application"])], https=str(made.get("https", "none")),
        fingerprint=str(made.get("fingerprint") or ""), enabled=site.enabled,
    )  # fmt: skip

    def ask() -> str:
        if not site.asked_for or not site.enabled:
            return ""
        wrong = []
        for name, conn in closable.members.items():
            try:
                answer = probe.get(
                    conn.address, closable.ports[name], site.name, tls=declared.https != "none",
                    headers={HEADER: closable.door},
                )  # fmt: skip
                why = health.judged(declared, answer)
            except probe.NoAnswer as silence:
                why = str(silence)
            wrong += [f"{name}: {why}"] if why else []
        return "; ".join(wrong)

    return ask


def _name(unlocked: Unlocked, identity: str) -> str:
    return next((site.name for site in unlocked.state.sites.values() if site.identity == identity), identity)
