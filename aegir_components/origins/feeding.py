"""A dump from elsewhere is loaded into a site's database, by an account that can reach nothing else."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from aegir_components import layout
from aegir_components.applications import APPLICATIONS, prefix_of
from aegir_components.backups.quiet import quiet
from aegir_components.messages import numbered
from aegir_components.messages.printable import first_of, one_line, printable
from aegir_components.mysql import client, copies, databases, objects, statements
from aegir_components.mysql.client import DatabaseError, Session, StatementRefused

from . import dumps, reading
from .dumps import DumpError
from .landing import Site

COMMIT: Final = 16 << 20
"""Bytes of rows that go to the server before they are written down there."""
LACKS: Final = (1044, 1142, 1227, 1370, 1419)
"""Numbers of what an account may not do."""
TOO_LONG: Final = 64 << 10
"""Bytes of a statement for which nobody looks."""
SHOWN: Final = 10
"""Names in a list for people."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Dump:
    """A dump that was judged, and what is taken of it."""

    path: Path
    judged: dumps.Judged
    prefix: str
    """Of its tables."""
    instead: dict[str, str]
    """Collations for those that the server does not have."""
    taken: frozenset[str]
    """Its tables that are loaded."""


def load(site: Site, path: Path, declared: str, *, called: str = "", made: Sequence[reading.Read] = ()) -> list[str]:
    """Judge a dump, load it, and bring it into the form of our sites.

    Args:
        site: the site, whose database is empty.
        path: the dump on the hub.
        declared: the prefix of its tables, as declared; empty to find it out.
        called: what messages call the dump; empty for its path.
        made: views, triggers, routines and events beside those that it has.

    Returns:
        What was changed, or could not be taken over.

    Raises:
        DumpError: it is no whole dump of one site of the application, or the server refuses a statement of it.
        DatabaseError: the server does not answer, or refuses what we ask.
    """
    dump = judge(site, path, declared, called=called, made=made)
    with quiet(site.source):
        notes = feed(site, dump)
    return [*notes, *make_objects(site, dump)]


def judge(site: Site, path: Path, declared: str, *, called: str = "", made: Sequence[reading.Read] = ()) -> Dump:
    """Judge a dump, which nothing is loaded of yet; arguments and errors are those of ``load``."""
    called = called or str(path)
    site.tell(f"{site.source.name}: judging {called}")
    judged = dumps.judge(path)
    judged.objects += made
    prefix = dumps.prefix_of(judged, site.application, declared)
    instead = _check_server(site, judged)
    taken = frozenset(name for name in judged.tables if name.startswith(prefix))
    site.tell(f"{site.source.name}: loading {len(taken)} tables of {called}")
    return Dump(path=path, judged=judged, prefix=prefix, instead=instead, taken=taken)


def feed(site: Site, dump: Dump) -> list[str]:
    """Load the tables of a dump into an empty database, and bring them into the form of our sites.

    Returns:
        What was changed, or could not be taken over.

    Raises:
        DumpError: the server refuses a statement of it.
        DatabaseError: the server does not answer, or refuses what we ask.
    """
    with only_here(site) as (user, password):
        with copies.as_account(site.source.endpoint, user, password) as session:
            _prepare(session, site, dump.judged)
            counted = _feed(session, dump.path, dump.prefix, dump.instead)
        _check(site, counted)
        with copies.as_account(site.source.endpoint, user, password) as session:
            session.rows(f"USE {statements.name(site.database.name)}")
            session.be_patient()
            notes = _engines(session, site)
            notes += _rename(session, dump.prefix, prefix_of(site.application), set(dump.taken), site.application)
    return [*_told(dump.judged, set(dump.taken), dump.instead), *notes, *_charsets(site)]


def _check_server(site: Site, judged: dumps.Judged) -> dict[str, str]:
    """See that the server takes the dump's longest statement; give other collations for those that it does not have."""
    with client.connect(site.source.endpoint) as session:
        limit = int(str(session.rows("SELECT @@GLOBAL.max_allowed_packet")[0][0]))
        known = {client.decoded(row[0]).lower() for row in session.rows("SHOW COLLATION")}
    if judged.longest + TOO_LONG > limit:
        raise DumpError(
            numbered(
                3017,
                f"line {judged.longest_line} of the dump has a statement of {judged.longest >> 20} MB, and "
                f"{site.source.server} takes {limit >> 20} MB. Let it take more (max_allowed_packet in its "
                "configuration), restart it, and run the same command again",
            )
        )
    instead = {}
    for name in judged.collations - known - {"binary", "default"}:
        charset = name.partition("_")[0]
        other = next(
            (
                each
                for each in (f"{charset}_unicode_ci", f"{charset}_general_ci", "utf8mb4_unicode_ci")
                if each in known
            ),
            "",
        )
        instead[name] = other
    return {name: other for name, other in instead.items() if other}


@contextmanager
def only_here(site: Site) -> Iterator[tuple[str, str]]:
    """Make an account that may do with the site's database what the site may, for a block of work."""
    user, password = layout.update_account(site.source.site), secrets.token_hex(24)
    endpoint, want = site.source.endpoint, site.database
    copies.let_in(endpoint, want, want.name, user, password)
    try:
        yield user, password
    finally:
        with client.connect(endpoint) as session:
            for host in sorted(databases.hosts(session, user)):
                session.rows(f"DROP USER IF EXISTS {statements.account(user, host)}")


def _prepare(session: Session, site: Site, judged: dumps.Judged) -> None:
    session.be_patient()
    session.rows(f"USE {statements.name(site.database.name)}")
    # As dumps are loaded everywhere: numbers are kept, also 0, and dates of no day.
    session.rows("SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO'")
    session.rows("SET SESSION foreign_key_checks = 0")
    session.rows("SET SESSION unique_checks = 0")
    session.rows("SET SESSION autocommit = 0")
    if judged.time_zone:
        session.rows("SET SESSION time_zone = %s", (judged.time_zone,))
    try:
        session.rows(f"SET NAMES {judged.charset}")
    except DatabaseError:
        raise DumpError(
            numbered(3018, f"the dump is in {judged.charset}, which {site.source.server} does not know")
        ) from None


def _feed(session: Session, path: Path, prefix: str, instead: dict[str, str]) -> dict[str, int]:
    """Run the dump; give the rows of each table."""
    counted: dict[str, int] = {}
    waiting = 0
    for read, line in dumps.read_statements(path, lambda read: read.name.startswith(prefix)):
        text = reading.with_collations(read.text, instead) if read.kind != "rows" else read.text
        try:
            changed = session.feed(text)
            waiting += len(text)
            if waiting > COMMIT or read.kind != "rows":
                session.rows("COMMIT")
                waiting = 0
        except StatementRefused as fault:
            raise DumpError(
                numbered(
                    3019,
                    f"{path}, line {line}: the database server refuses the statement on table {one_line(read.name)} "
                    f"(error {fault.code})",
                )
            ) from None
        if read.kind != "alter":
            counted[read.name] = counted.get(read.name, 0) + (changed if read.kind == "rows" else 0)
    session.rows("COMMIT")
    return counted


def _check(site: Site, counted: dict[str, int]) -> None:
    now = databases.tables(site.source.endpoint, site.database.name)
    wrong = [
        f"{one_line(name)} has {now.get(name, 0)} rows of {rows}"
        for name, rows in counted.items()
        if now.get(name, 0) != rows
    ]
    if wrong:
        raise DumpError(numbered(3020, f"what was loaded is not what the dump has: {first_of(wrong, SHOWN)}"))
    site.tell(f"{site.source.name}: loaded and counted {len(now)} tables with {sum(now.values())} rows")


def _engines(session: Session, site: Site) -> list[str]:
    listed = session.rows(
        "SELECT table_name, engine FROM information_schema.tables WHERE table_schema = %s AND table_type = 'BASE TABLE'",
        (site.database.name,),
    )
    changed = []
    for row in listed:
        name, engine = client.decoded(row[0]), client.decoded(row[1] or "").lower()
        if engine in reading.ENGINES:
            continue
        if engine not in reading.REPLACED:
            raise DumpError(
                numbered(
                    3012, f"table {one_line(name)} has the engine {one_line(engine)}, which reaches beyond the database"
                )
            )
        session.rows(f"ALTER TABLE {statements.name(name)} ENGINE = InnoDB")
        changed.append(name)
    return [f"tables that became InnoDB: {first_of(changed, SHOWN)}"] if changed else []


def _rename(session: Session, prefix: str, target: str, taken: set[str], application: str) -> list[str]:
    if prefix == target:
        return []
    for name in sorted(taken):
        new = f"{target}{name.removeprefix(prefix)}"
        session.rows(f"RENAME TABLE {statements.name(name)} TO {statements.name(new)}")
    for name in sorted(taken):
        own = name.removeprefix(prefix)
        for held in APPLICATIONS[application].prefixed:
            if fnmatchcase(own, held.table):
                _replace(session, f"{target}{own}", held.column, prefix, target, held.where)
    return [f"tables that began with {prefix} begin with {target or 'their own names'}"]


def _replace(session: Session, table: str, column: str, prefix: str, target: str, also: str = "") -> None:
    name = statements.name(column)
    pattern = prefix.replace("_", "\\_") + "%"
    session.rows(
        f"UPDATE {statements.name(table)} SET {name} = CONCAT(%s, SUBSTRING({name}, %s)) WHERE {name} LIKE %s {also}",  # noqa: S608
        (target, len(prefix) + 1, pattern),
    )
    session.rows("COMMIT")


def make_objects(site: Site, dump: Dump) -> list[str]:
    """Make views, triggers, routines and events, which are the site's own account's.

    Returns:
        What was made, or could not be.

    Raises:
        DumpError: the site's account may not make one of them.
        DatabaseError: the server does not answer, or refuses what we ask.
    """
    judged, own_prefix = dump.judged, dump.prefix == prefix_of(site.application)
    made = sorted(judged.objects, key=lambda read: objects.ORDER.index(read.what))
    named = [f"{read.what.lower()} {one_line(read.name)}" for read in made]
    if made and not own_prefix:
        return [f"not made, since tables have other names now: {first_of(named, SHOWN)}"]
    with copies.as_account(site.source.endpoint, site.database.user, site.database.password) as session:
        session.rows(f"USE {statements.name(site.database.name)}")
        session.rows(f"SET NAMES {judged.charset}")
        while made:
            # A view may need another one that comes later.
            left = [read for read in made if not _is_made(session, site, read)]
            if len(left) == len(made):
                return [
                    f"not made, since what they need is missing: {first_of([f'{r.what.lower()} {r.name}' for r in left], SHOWN)}"
                ]
            made = left
    return [f"run with the rights of the site's own account: {first_of(named, SHOWN)}"] if named else []


def _is_made(session: Session, site: Site, read: reading.Read) -> bool:
    try:
        session.feed(read.text)
    except StatementRefused as fault:
        if fault.code not in LACKS:
            return False
        right = {"VIEW": "CREATE VIEW", "TRIGGER": "TRIGGER", "EVENT": "EVENT"}.get(read.what, "CREATE ROUTINE")
        raise DumpError(
            numbered(
                3021,
                f"the dump has the {read.what.lower()} {one_line(read.name)}, which the site's account may not make "
                f"(error {fault.code}). Write database: {{server: {site.source.server}, rights: [{right}]}} at the "
                "site, or take it out of the dump",
            )
        ) from None
    return True


def _told(judged: dumps.Judged, taken: set[str], instead: dict[str, str]) -> list[str]:
    notes = []
    if left := judged.tables - taken:
        notes.append(f"tables of somebody else's, by their names: {first_of(sorted(map(printable, left)), SHOWN)}")
    if exchanged := sorted(judged.engines.keys() & taken):
        notes.append(f"tables that became InnoDB: {first_of(list(map(printable, exchanged)), SHOWN)}")
    notes += [
        f"collation {name} became {other}, since the server does not have it" for name, other in sorted(instead.items())
    ]
    return notes


def _charsets(site: Site) -> list[str]:
    with client.connect(site.source.endpoint) as session:
        listed = session.rows(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = %s AND table_type = 'BASE TABLE' AND "
            "table_collation NOT LIKE 'utf8mb4%%' ORDER BY table_name",
            (site.database.name,),
        )
    names = [one_line(client.decoded(row[0])) for row in listed]
    return [f"tables that are not in utf8mb4 and stay as they are: {first_of(names, SHOWN)}"] if names else []
