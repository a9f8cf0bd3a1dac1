"""The copy of a database becomes the database, in one statement of the server's; and back.

Nobody is connected meanwhile: the caller has shut the site's accounts. The record of the former tables' database says
what to tell the server to go back. It says so from before the first table moves until the site has been proven. So a
run that was killed at any point is rolled back by the next one without a loss: nobody has written since.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aegir_components.mysql import copies, databases, objects, statements
from aegir_components.mysql.client import Endpoint, Session, connect
from aegir_components.mysql.databases import SiteDatabase

RUNNING = "running"
"""The key in the record that says that an exchange is not proven yet."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Databases:
    """A site's database, the copy, and where the former tables go."""

    endpoint: Endpoint
    site: SiteDatabase
    copy: str
    before: str


def carried(session: Session, live: str, copy: str, wanted: Iterable[str]) -> list[str]:
    """Choose the tables that stay as they are, such as sessions: those whose form the update has not changed."""
    have = databases.tables_of(session, live)
    come = databases.tables_of(session, copy)
    return sorted(
        name
        for name in wanted
        if name in have and name in come and _form(session, have[name]) == _form(session, come[name])
    )


def swap(what: Databases, own: Session, keep: Sequence[str], about: Mapping[str, Any]) -> None:
    """Let the copy become the database; the former tables go to a database of their own.

    Args:
        what: the databases.
        own: a connection of the site's account, which makes views, triggers and routines its own.
        keep: tables that stay as they are.
        about: what is written down with the former tables: which release they go with.

    Raises:
        DatabaseError: the server refuses; the database is as it was.
    """
    copies.empty(what.endpoint, what.site, what.before)
    with connect(what.endpoint) as session:
        session.be_patient()
        live, come = databases.tables_of(session, what.site.name), databases.tables_of(session, what.copy)
        goes, comes = sorted(live.keys() - set(keep)), sorted(come.keys() - set(keep))
        old, new = objects.read(session, what.site.name), objects.read(session, what.copy)
        # What runs is kept as text: in the database of before nothing of it is to run.
        kept = [dataclasses.asdict(one) for one in old]
        plan = {RUNNING: True, "goes": goes, "stays": list(keep), "objects": kept}
        copies.note(session, what.before, what.site, {**about, **plan})
        # A trigger cannot move to another database, and a view would name tables that are not there for a moment.
        objects.drop(session, what.copy, new)
        objects.drop(session, what.site.name, old)
        _rename(session, [(what.site.name, what.before, goes), (what.copy, what.site.name, comes)])
    objects.create(own, what.site.name, new)
    with connect(what.endpoint) as session:
        # Kept as text: in the database of before nothing is to run.
        copies.note(
            session, what.before, what.site, {**about, **plan, "objects": [dataclasses.asdict(one) for one in old]}
        )


def proven(what: Databases) -> None:
    """Write down that the exchange is over: from now on going back would lose what was written since.

    Raises:
        DatabaseError: the server does not answer.
    """
    with connect(what.endpoint) as session:
        record = copies.record_in(session, what.site, what.before)
        if record is not None:
            copies.note(session, what.before, what.site, {**record, RUNNING: False})


def is_unproven(what: Databases) -> bool:
    """Return whether an exchange was begun and is not proven.

    Raises:
        DatabaseError: the server does not answer.
    """
    with connect(what.endpoint) as session:
        record = copies.record_in(session, what.site, what.before)
    return bool(record and record.get(RUNNING))


def back(what: Databases, own: Session) -> bool:
    """Undo an exchange that was not proven, however far it came; tell whether there was one.

    Args:
        what: the databases.
        own: a connection of the site's account.

    Raises:
        DatabaseError: the server does not answer, or refuses.
    """
    with connect(what.endpoint) as session:
        session.be_patient()
        record = copies.record_in(session, what.site, what.before)
        if record is None or not record.get(RUNNING):
            return False
        _take_back(session, what, record)
    objects.create(own, what.site.name, [objects.Made(**one) for one in record.get("objects", ())])
    copies.drop(what.endpoint, what.site, what.before)
    return True


def doubt(what: Databases) -> None:
    """Write down that a proven exchange is to be undone: from now on a killed run leads to the database of before.

    Raises:
        DatabaseError: the server does not answer.
    """
    with connect(what.endpoint) as session:
        record = copies.record_in(session, what.site, what.before)
        assert record is not None
        copies.note(session, what.before, what.site, {**record, RUNNING: True})


def _take_back(session: Session, what: Databases, record: Mapping[str, Any]) -> None:
    live, former = databases.tables_of(session, what.site.name), databases.tables_of(session, what.before)
    objects.drop(session, what.site.name, objects.read(session, what.site.name))
    # What is live is new if its former table has gone, or if there was none; of a half exchange some are still the former ones.
    goes, stays = set(record["goes"]), set(record["stays"])
    new = sorted(name for name in live if name not in stays and (name in former or name not in goes))
    copies.empty(what.endpoint, what.site, what.copy)
    _rename(session, [(what.site.name, what.copy, new), (what.before, what.site.name, sorted(former))])


def _rename(session: Session, moves: Iterable[tuple[str, str, Sequence[str]]]) -> None:
    pairs = [
        f"{statements.name(source)}.{statements.name(name)} TO {statements.name(target)}.{statements.name(name)}"
        for source, target, names in moves
        for name in names
    ]
    if pairs:
        session.rows("SET SESSION foreign_key_checks = 0")
        session.rows(f"RENAME TABLE {', '.join(pairs)}")


def _form(session: Session, place: str) -> str:
    """Give a table's definition without the number that its next row gets."""
    text = str(session.row(f"SHOW CREATE TABLE {place}").get("Create Table", ""))
    return " ".join(word for word in text.split() if not word.startswith("AUTO_INCREMENT="))
