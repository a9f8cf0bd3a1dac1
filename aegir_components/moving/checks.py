"""What is inspected before a site moves: nothing is touched meanwhile, and what does not fit stops the move."""

from __future__ import annotations

from aegir_components import layout
from aegir_components.backups.source import SHARED
from aegir_components.deploy import site_closing
from aegir_components.deploy.site_closing import By
from aegir_components.facts import site_content
from aegir_components.messages import numbered
from aegir_components.messages.printable import count, first_of
from aegir_components.mysql import arriving, copies, databases
from aegir_components.providers import awaited, content, holds
from aegir_components.remote.errors import Refused
from aegir_components.remote.parallel import each
from aegir_components.scripts import script

from . import database, files
from .decision import Change, Verdict, of_database
from .place import Site, Work


def refuse_busy(had: Site, want: Site, change: Change) -> None:
    """Stop where a site is closed by somebody, or is on another release than its platform.

    Raises:
        Refused: says why, and what to do.
        HostError: a web server is not reached.
        DatabaseError: the database server does not answer, or refuses.
    """
    seen = site_closing.seen(had.members, had.key)
    if closed := {name: why.words for name, why in seen.items() if why.by is not By.MOVE}:
        raise Refused(
            ", ".join(closed),
            numbered(
                8001,
                f"{had.name} is closed: {next(iter(closed.values()))}. Nothing was changed. Open it again, and run pulumi up",
            ),
        )
    if (copies.record(had.endpoint, had.database, had.database.name) or {}).get("origin"):
        raise Refused(
            had.server,
            numbered(
                8002,
                f"the content of {had.name} is being loaded from its origin. Nothing was changed. Take this edit back "
                f"and run pulumi up, which loads it; move the site after that",
            ),
        )
    platform = had.inputs.platform
    if not change.files and platform == want.inputs.platform:
        return
    held = holds.merged(holds.look(had.members, layout.platform_registry(platform)))
    if entry := held.get(had.key):
        enable = "" if had.is_open else ", enable the site"
        raise Refused(
            had.listed,
            numbered(
                8003,
                f"{had.name} is held back on a former release of {platform} ({entry.reason}), which its new place does not have. "
                f"Nothing was changed. Take this edit back{enable} and run pulumi up, which tries its update again; move it then",
            ),
        )


def refuse_lacking(had: Site, want: Site) -> None:
    """Stop where a database lacks updates of the code that its site is to get with another place.

    A preview says so already; what it could not ask, or what has changed since, is found here.

    Raises:
        Refused: says which updates.
        HostError: a web server is not reached.
        DatabaseError: the database server does not answer, or refuses.
    """
    there = awaited.live_digest(want.inputs)
    if there == awaited.live_digest(had.inputs):
        return
    if names := awaited.lacking(want.inputs, there, had.inputs.site_database):
        raise Refused(
            want.listed,
            numbered(
                8004,
                f"{had.name} gets other code with its move, and "
                f"{count(len(names), 'update of its database comes', 'updates of its database come')} first "
                f"({first_of(names, 3)}). Nothing was changed. Move it with the release that it has first (a platform there with "
                f"the same source), and update it with another pulumi up",
            ),
        )


def of_files(had: Site, want: Site, work: Work, *, ours: bool) -> list[files.Unit]:
    """Say which directories are copied.

    Args:
        had: the site where it is.
        want: it where it is to be.
        work: the provider's.
        ours: whether what is there was made by this move, in a run that did not come to its end.

    Raises:
        Refused: they cannot be copied there.
        HostError: a machine is not reached.
    """
    fullest = next(iter(work.with_files(had.inputs)), "")
    found = []
    for unit in files.units(had.source.places, want.source.places, fullest):
        if not files.is_same_storage(unit):
            found.append(unit)
        elif unit.place.label != SHARED:
            raise Refused(
                unit.place.conn.host,
                numbered(
                    8011,
                    f"{unit.target} is the directory that {unit.source.host} has as {unit.directory}: both lead to one machine, "
                    f"or both machines mount one directory. Nothing was changed. Correct the addresses, or take this edit back",
                ),
            )
    for unit in () if ours else found:
        lines, what = site_content.content_items((unit.target,)), f"looking for files of {want.name}"
        amount = content.counted(script.execute(unit.place.conn, "check", lines, what=what).facts)
        if amount is not None and amount.number:
            raise Refused(
                unit.place.conn.host,
                numbered(
                    8010,
                    f"{unit.target} has {amount.number} files already, which no move has brought. Nothing was changed. Move them "
                    f"away on {unit.place.conn.host}, and run pulumi up again",
                ),
            )
    files.want_room(found)
    return found


def has_arrived(had: Site, want: Site) -> bool:
    """Return whether a site's files are in its new place and nowhere else, as when an older state is brought back.

    A site without any file has directories there, and none in its former place, where it was never seen with a file.

    Raises:
        HostError: a web server is not reached.
    """
    before, now = _amounts(had), _amounts(want)
    if any(before.values()):
        return False
    return any(now.values()) or (not before and bool(now) and not _had_files(had))


def _had_files(site: Site) -> bool:
    """Return whether a site had a file on one of its web servers when a run last looked."""
    none = content.Amount(number=0, size=0)
    return any(content.of_files(site.inputs, conn, least=1).lost(none) for conn in site.owners.values())


def _amounts(site: Site) -> dict[str, int]:
    """Count the files of a site on each of its web servers that has its directories."""
    root, shared = site.inputs.publish_root, site.inputs.uploads
    lines = site_content.content_items(site_content.content_directories(root, site.key, shared))
    what = f"looking for the files of {site.name}"
    reports = each(site.owners, lambda conn: script.execute(conn, "check", lines, what=what))
    # Where nobody could count there is something.
    return {
        name: getattr(content.counted(report.facts), "number", 1)
        for name, report in reports.items()
        if "known" in report.facts
    }


def of_database_to(had: Site, want: Site) -> Verdict:
    """Say what is done with a database that gets another server.

    Raises:
        Refused: nobody knows which content is right, or something cannot come along.
        DatabaseError: a server does not answer, or refuses.
    """
    name, before, now = had.database.name, had.server, want.server
    tables, arrived = (arriving.tables(site.endpoint, name) for site in (had, want))
    verdict = of_database(
        there=databases.exists(had.endpoint, name), tables=tables, arrived=arrived,
        marked=bool(arrived) and arriving.is_marked(want.endpoint, want.database),
    )  # fmt: skip
    newest = f"Load the newest dump of {had.name} from `backups` below the hub root as that database, and run pulumi up again"
    said = {
        "both": numbered(8012, f"{now} has a database {name} with {arrived} tables already, and {before} has the one of "
        f"{had.name} with {tables} tables. Nothing was changed. Take this edit back, or move the one on {now} away, and "
        f"run pulumi up"),
        "half": numbered(8013, f"the database {name} of {had.name} is not on {before} any more, and its copy on {now} "
        f"is not whole. Nothing was changed. {newest}"),
        "missing": numbered(8014, f"the database {name} of {had.name} is not on {before}, and {now} has none of its "
        f"content. Nothing was changed. {newest}"),
    }  # fmt: skip
    if verdict in said:
        raise Refused(now, said[verdict])
    if verdict == "carry":
        database.refuse_uncarried(had.source, want.source)
        database.want_room(want.source, databases.size(had.endpoint, name)[1])
    return verdict


def refuse_without_locks(had: Site) -> None:
    """Stop where a database server cannot keep a site out.

    Raises:
        Refused: it is too old.
        DatabaseError: it does not answer.
    """
    if version := copies.too_old(had.endpoint):
        raise Refused(
            had.server,
            numbered(
                5051,
                f"it is {version}, which cannot lock accounts, so that nobody knows when {had.name} writes no more. Nothing was "
                f"changed. Update it (MariaDB 10.4, MySQL 5.7), and run pulumi up again",
            ),
        )
