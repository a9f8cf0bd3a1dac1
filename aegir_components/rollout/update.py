"""One site goes to another release with its database: rehearsed on a copy, exchanged with no write lost, proven, or undone.

docs/decisions, decision 18. The order is what keeps a site's rows. Whatever fails before the exchange has changed a
copy. Whatever fails after the exchange is rolled back before anybody has written.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from aegir_components.deploy import site_closing
from aegir_components.deploy.site_closing import By, Closable, Reason
from aegir_components.messages import AegirError, around, numbered, shown, text_of
from aegir_components.mysql import copies, databases, events, objects, room
from aegir_components.mysql.client import DatabaseError, Session, connect
from aegir_components.providers import answering, proof
from aegir_components.providers.answering import Place
from aegir_components.remote.errors import HostError

from . import copying, ephemeral, exchange, paired, programs
from .programs import Access, Report
from .site import Updated


class NotUpdated(AegirError):
    """The site is on its former release with its former database; says why."""


@dataclass(slots=True)
class Outcome:
    """What came of it."""

    updates: list[tuple[str, str]] = field(default_factory=list)
    """Those that were run, with the seconds that each took."""
    warnings: list[str] = field(default_factory=list)
    rehearsed: float = 0.0
    """Seconds of the rehearsal."""
    waited: float = 0.0
    """Seconds for which visitors waited."""
    closed: float = 0.0
    """Seconds for which the site answered 503."""
    output: list[str] = field(default_factory=list)
    closed_at: float = 0.0
    """When that began, by the clock of this process."""
    backup: str = ""
    """Which backup is of before; empty where no backups are declared."""
    restored: bool = False
    """Whether the site has its database of before again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """What is done with the code of the site: told by whoever keeps the platform's definition."""

    root: str
    """The document root of the release that it gets."""
    about: dict[str, str]
    """What is written down with the database of before: ``release`` and ``docroot`` that it goes with."""
    go: Callable[[], None]
    """Puts the site on the release, on all its web servers or on none."""
    back: Callable[[], None]
    """Puts it on its former release again."""
    say: Callable[[str], None]
    """Tells the operator."""
    still: Callable[[], str]
    """Says which updates the copy lacks after the update; empty where nothing is lacking or nobody knows."""
    save: Callable[[], str] = lambda: ""
    """Backs the site up and says which backup it is; empty where no backups are declared. Raises ``NotUpdated``."""


def bring(site: Updated, change: Change) -> Outcome:
    """Update a site.

    Raises:
        NotUpdated: it was not; it answers as before, with the release and database of before.
        HostError: a machine did not answer; likewise, as far as the machines could be told.
        DatabaseError: the database server did not answer; likewise.
    """
    if version := copies.too_old(site.endpoint):
        raise NotUpdated(
            numbered(
                5051,
                f"its database server is {version}, which cannot lock accounts, so that nothing is written meanwhile. Update the "
                f"server (MariaDB 10.4, MySQL 5.7), or write update: [] at the site and update it yourself",
            )
        )
    with alone(site):
        recover(site, change)
        _check_events(site)
        outcome, access = Outcome(backup=save(site, change)), programs.access_of(site)
        answered = answering_now(site)
        try:
            sums = _copy(site, access)
            report = _try(site, change, access, outcome)
            outcome.rehearsed = report.seconds
            _exchange(site, change, outcome, access, sums, report, answered)
        finally:
            _tidy(site, access)
    return outcome


@contextmanager
def alone(site: Updated) -> Iterator[None]:
    """Be the only one who updates a site.

    Raises:
        NotUpdated: somebody else is at it.
    """
    with copies.alone(site.endpoint, site.database) as free:
        if not free:
            raise NotUpdated(
                numbered(6502, "another update of it is at work, on this hub or on another one; wait for its end")
            )
        yield


def save(site: Updated, change: Change) -> str:
    """Back a site up before anything of it is changed, and say which backup it is; empty where no backups are declared.

    Raises:
        NotUpdated: it could not be backed up.
    """
    said = change.save()
    if said:
        change.say(f"{site.name}: {said}")
    return said


def recover(site: Updated, change: Change) -> None:
    """Undo what a run has left that was killed: nobody has written since, so nothing is lost.

    Raises:
        HostError: a machine did not answer.
        DatabaseError: the database server did not answer.
    """
    # Its visitors are kept out by files on the web servers until the end of this.
    if copies.is_shut(site.endpoint, site.database):
        copies.open_again(site.endpoint, site.database)
    with copies.watching(site.endpoint, site.database) as own:
        # First, since nothing tells any more that they are to go back when the database has.
        _pair_back(site)
        taken_back = exchange.back(site.databases, own)
    if taken_back:
        change.back()
        change.say(f"{site.name}: an update that had not come to its end was undone")
    programs.end(site)
    _let_in(site)


def _check_events(site: Updated) -> None:
    """See that the database's events can be stopped: those of the site's own accounts can.

    Raises:
        NotUpdated: there are others.
    """
    with connect(site.endpoint) as session:
        found = events.running(session, site.database.name)
    others = [name for name, user in found.items() if user not in {site.database.user, site.database.other}]
    if others:
        raise NotUpdated(
            numbered(
                5052,
                f"its database has the event {others[0]} of another account, which would go on writing while tables are "
                f"exchanged. Let the site's account {site.database.user} be its definer (database: {{server: …, rights: "
                f"[EVENT]}}), or disable it for the time of the update",
            )
        )


def _let_in(site: Updated) -> None:
    """Open a site that an update has closed, and no other one: who closed it by a command opens it."""
    seen = site_closing.seen(site.members, site.site)
    if any(why.by is By.UPDATE for why in seen.values()):
        site.closable.open()
    else:
        site.closable.go()


def _copy(site: Updated, access: Access) -> dict[str, str]:
    """Copy the database and let the update's account in; give the checksums of what counts."""
    what = site.databases
    with connect(site.endpoint) as session:
        tables = databases.tables_of(session, site.database.name)
        made = objects.read(session, site.database.name)
    try:
        copying.want_room(site.machine, site.endpoint, site.database.name)
    except copying.NoRoom as fault:
        raise NotUpdated(text_of(fault)) from None
    unread = [
        name
        for name in tables
        if ephemeral.is_ephemeral(site, name)
        and not ephemeral.matches(name, site.kind.carried)
        and name not in site.uncounted
    ]
    copies.empty(site.endpoint, site.database, what.copy)
    copying.tables(site.machine, site.endpoint, site.database.name, what.copy, unread)
    copies.let_in(site.endpoint, site.database, what.copy, access.user, access.password)
    if made:
        try:
            with copies.as_account(site.endpoint, access.user, access.password) as session:
                objects.create(session, what.copy, made)
        except DatabaseError as fault:
            raise NotUpdated(
                numbered(
                    6134,
                    f"its database has {objects.named(made)}, which its account cannot make again in a copy ({fault}). "
                    f"Give the site the right for it (database: {{server: …, rights: [TRIGGER, CREATE VIEW, …]}}), or "
                    f"remove what is not needed",
                )
            ) from None
    return _sums(site, what.copy)


def _try(site: Updated, change: Change, access: Access, outcome: Outcome) -> Report:
    report = programs.run(site, change.root, access)
    outcome.updates, outcome.warnings, outcome.output = report.ran, report.warnings, report.output
    if report.readonly:
        outcome.warnings.append("the web server has no overlays: the update could not write files")
    if report.failed:
        raise NotUpdated(report.failed)
    if lacks := change.still():
        raise NotUpdated(numbered(6131, f"its programs ended well, and the database still lacks {lacks}"))
    return report


def want_floor(site: Updated) -> None:
    """See that the disk of a site's database does not fill while its tables are exchanged.

    Raises:
        NotUpdated: it may.
        HostError: the machine cannot be reached.
    """
    if why := room.refuses_exchange(site.machine):
        raise NotUpdated(around(why, f"{site.endpoint.server}: {why} pulumi up"))


def _exchange(
    site: Updated,
    change: Change,
    outcome: Outcome,
    access: Access,
    sums: dict[str, str],
    report: Report,
    answered: list[Place],
) -> None:
    closable = site.closable
    want_floor(site)
    with quiet(site, closable, outcome) as own:
        if _sums(site, site.database.name) != sums:
            change.say(
                f"{site.name}: it was written to since its copy; it is closed for about {report.seconds + 3:.0f} s"
            )
            close(site, closable, outcome, Reason.of(By.UPDATE, f" to {change.root}"))
            programs.end(site)
            _copy(site, access)
            _try(site, change, access, outcome)
        _swap(site, change, own, report, answered, closable.door)


@contextmanager
def quiet(site: Updated, closable: Closable, outcome: Outcome) -> Iterator[Session]:
    """Let visitors wait and nobody write to the database for a block of work; gives a connection of the site's account.

    Whatever comes of it, the site is served again at the end, with what is its own then. The one exception is an exchange that
    could be neither proven nor rolled back. Nobody is let in then, and the next run rolls the exchange back, with all that was
    written since.

    Raises:
        NotUpdated: an exchange could be neither proven nor undone.
        HostError: a web server did not answer.
        DatabaseError: the database server did not answer, or a connection does not end.
    """
    begun = time.monotonic()
    if site.enabled:
        closable.hold()
    try:
        if site.blind:
            close(site, closable, outcome, Reason.of(By.UPDATE))
        with copies.watching(site.endpoint, site.database) as own:
            copies.drain(own)
            copies.shut(site.endpoint, site.database, own)
            yield own
    finally:
        _want_ended(site)
        copies.open_again(site.endpoint, site.database)
        if site.enabled:
            _let_in(site)
        now = time.monotonic()
        outcome.closed = now - outcome.closed_at if outcome.closed_at else 0.0
        outcome.waited = (outcome.closed_at or now) - begun


def _want_ended(site: Updated) -> None:
    """See that no exchange is left that the next run undoes.

    Raises:
        NotUpdated: there is one.
        DatabaseError: the database server did not answer.
    """
    if exchange.is_unproven(site.databases):
        raise NotUpdated(
            numbered(
                6132,
                "its update could be neither proven nor undone, so its visitors wait. Nothing is lost: the next "
                f"pulumi up undoes it. The reason: {shown(sys.exception() or 'unknown')}",
            )
        )


def close(site: Updated, closable: Closable, outcome: Outcome, why: Reason) -> None:
    """Answer 503 in place of letting visitors wait, within ``quiet``.

    Raises:
        HostError: a web server did not answer, or not with 503.
    """
    if site.enabled:
        outcome.closed_at = time.monotonic()
        closable.close(why)


def _swap(site: Updated, change: Change, own: Session, report: Report, answered: list[Place], door: str) -> None:
    what = site.databases
    with connect(site.endpoint) as session:
        wanted = [
            name for name in databases.tables_of(session, what.site.name) if ephemeral.matches(name, site.kind.carried)
        ]
        keep = exchange.carried(session, what.site.name, what.copy, wanted)
    try:
        paired.step(site, "keep")
        exchange.swap(what, own, keep, {**change.about, "updates": [name for name, _ in report.ran]})
        programs.merge(site, change.root)
        change.go()
        # What the server itself runs of the site waits for the proof: it would write what going back loses.
        copies.open_again(site.endpoint, site.database, with_events=False)
        prove(site, answered, door)
        paired.step(site, "prove")
    except BaseException:
        copies.shut(site.endpoint, site.database, own)
        _pair_back(site)
        exchange.back(what, own)
        change.back()
        raise
    exchange.proven(what)


def _pair_back(site: Updated) -> None:
    """Undo what belongs with the database, whether the exchange has begun or not.

    Raises:
        HostError: it could not be done.
        DatabaseError: the database server did not answer.
    """
    if site.paired:
        paired.step(site, "back" if exchange.is_unproven(site.databases) else "drop")


def prove(site: Updated, answered: list[Place], door: str) -> None:
    """Ask a site where it answered before, past everything that keeps visitors out.

    Raises:
        NotUpdated: it does not answer; says where and why.
    """
    if said := broken(site, answered, door):
        raise NotUpdated(numbered(6133, f"it does not answer with the new release and its database: {said}"))


def broken(site: Updated, places: list[Place], door: str = "") -> str:
    """Say where a site does not answer and why, with the application's own last error; empty where it answers everywhere."""
    failing = answering.broken(places, site.kind, door)
    return answering.rows({at: proof.explained(site.members[at.server], site.site, why) for at, why in failing.items()})


def answering_now(site: Updated) -> list[Place]:
    """List the web servers on which a site answers."""
    if not site.enabled:
        return []
    failing = answering.broken(site.places, site.kind)
    return [place for place in site.places if place not in failing]


def _sums(site: Updated, database: str) -> dict[str, str]:
    """Sum the content of the tables whose changes count, and of what belongs with them."""
    tables = databases.checksums(site.endpoint, database)
    return {name: value for name, value in tables.items() if not ephemeral.is_ephemeral(site, name)} | paired.sums(site)


def _tidy(site: Updated, access: Access) -> None:
    """Leave neither copy nor account nor layers; what cannot be reached is left to the next run."""
    with suppress(HostError, DatabaseError):
        copies.drop(site.endpoint, site.database, access.database, access.user)
        programs.end(site)
