"""Addresses in the tables of a site: row by row, by the rows' keys, and only where a former host name is.

A batch of rows is read under their locks and written in the same transaction, so that no write of anybody else is lost. What
would not fit into its column, is part of a row's key or has no key is left as it is, and is named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from aegir_components.messages.printable import first_of, printable
from aegir_components.mysql import statements
from aegir_components.mysql.client import Session, decoded

from .addresses import Rewriter
from .serialised import Value, rewrite

BATCH: Final = 50
"""Rows; each may be large."""
AT_ONCE: Final = 1_000_000
"""Bytes of new values that are written by one statement; a longer value has one for itself."""
SHOWN: Final = 20
"""Places that are named of one kind."""
_TEXTS: Final = ("char", "varchar", "tinytext", "text", "mediumtext", "longtext", "json")
_BYTES: Final = ("tinyblob", "blob", "mediumblob", "longblob", "varbinary")

Choose = Callable[[str, str], Rewriter | None]
"""Gives what rewrites a column, by table and column; ``None`` for one that stays as it is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Column:
    name: str
    kind: str
    characters: int
    octets: int
    collation: str

    @property
    def read(self) -> str:
        """An expression that gives its bytes as the application reads them."""
        name = _name(self.name)
        return name if self.kind in _BYTES else f"CAST(CONVERT({name} USING utf8mb4) AS BINARY)"

    @property
    def like(self) -> str:
        """An expression to compare with a pattern in any case."""
        name = _name(self.name)
        if self.kind in _BYTES or self.collation.endswith("_ci"):
            return name
        return f"CONVERT({name} USING utf8mb4) COLLATE utf8mb4_general_ci"

    @property
    def value(self) -> str:
        """An expression of such bytes, to be assigned."""
        return "%s" if self.kind in _BYTES else "CONVERT(%s USING utf8mb4)"

    def takes(self, data: bytes) -> bool:
        """Return whether a value fits in."""
        if self.kind in _BYTES or "text" in self.kind:
            return len(data) <= self.octets
        return not self.characters or len(data.decode()) <= self.characters


@dataclass(frozen=True, kw_only=True, slots=True)
class _Table:
    name: str
    columns: tuple[_Column, ...]
    key: tuple[str, ...]
    stamps: tuple[str, ...]
    """Columns that the server sets at each change of a row."""
    is_undone: bool
    """Whether a savepoint brings it back to what it was."""


@dataclass(frozen=True, slots=True)
class _Fresh:
    """A new value of a row."""

    key: tuple[Any, ...]
    data: bytes = field(repr=False)


@dataclass(slots=True)
class Done:
    """What became of the addresses in a database."""

    changed: dict[str, int] = field(default_factory=dict)
    """Values, by table."""
    left: list[str] = field(default_factory=list)
    """What has a former address still, with the reason."""

    @property
    def count(self) -> int:
        """How many values in all."""
        return sum(self.changed.values())

    def lines(self, was: str, now: str, *, tried: bool = False) -> list[str]:
        """Say it for people.

        Args:
            was: the former addresses.
            now: the new one.
            tried: whether nothing was written.
        """
        tables = ", ".join(f"{printable(name)} {count}" for name, count in sorted(self.changed.items()))
        verb = "would become" if tried else "became"
        said = [f"{was} {verb} {now} in {self.count} values" + (f" ({tables})" if tables else "")]
        if self.left:
            said.append(f"places that have a former address still: {first_of(self.left, SHOWN)}")
        return said


def rewrite_tables(
    look: Session, session: Session, database: str, prefix: str, choose: Choose, *, write: bool = True
) -> Done:
    """Replace former addresses in all tables of a site.

    Args:
        look: a session that sees all of the database's structure.
        session: of the site's own account.
        database: the site's.
        prefix: what its tables' names begin with.
        choose: gives what rewrites a column; tables are named without prefix.
        write: whether it is done, or only counted.

    Raises:
        DatabaseError: the server does not answer, or refuses; the batches before are written.
    """
    for one in (look, session):
        one.be_patient()
    # As columns are: what is too long for its column is never sent, and dates of no day stay.
    session.rows("SET SESSION sql_mode = ''")
    session.rows("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
    session.rows(f"USE {statements.name(database)}")
    longest = int(str(session.rows("SELECT @@max_allowed_packet")[0][0]))
    done = Done()
    triggered = _triggered(look, database)
    for table in _tables(look, database, prefix):
        rewriters = {
            column: rewriter
            for column in table.columns
            if (rewriter := choose(table.name.removeprefix(prefix), column.name)) is not None
        }
        if not rewriters:
            continue
        if not table.key or table.name in triggered:
            why = "it has no key" if not table.key else "it has a trigger"
            if _is_concerned(session, table, rewriters):
                done.left.append(f"table {printable(table.name)} ({why})")
            continue
        _Walk(session, table, rewriters, done, longest // 3, write=write).run()
    return done


@dataclass(slots=True)
class _Walk:
    """The way through one table."""

    session: Session
    table: _Table
    rewriters: Mapping[_Column, Rewriter]
    done: Done
    longest: int
    write: bool
    _new: dict[_Column, list[_Fresh]] = field(default_factory=dict)
    """Values of this batch that are not written yet."""

    def run(self) -> None:
        """Go it, one transaction a batch."""
        last: tuple[Any, ...] = ()
        while True:
            if self.write:
                self.session.rows("START TRANSACTION")
            try:
                rows = self._batch(last)
                for row in rows:
                    self._row(row)
                self._flush()
            except UnicodeDecodeError:
                self._undo()
                self.done.left.append(f"table {printable(self.table.name)} (its key cannot be read)")
                return
            except BaseException:
                self._undo()
                raise
            if self.write:
                self.session.rows("COMMIT")
            if len(rows) < BATCH:
                return
            before, last = last, rows[-1][: len(self.table.key)]
            if last == before:
                # Such as a number with a fraction, which is never quite what was read.
                self.done.left.append(f"table {printable(self.table.name)} (its key leads nowhere)")
                return

    def _undo(self) -> None:
        if self.write:
            self.session.rows("ROLLBACK")

    def _batch(self, last: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        keys = ", ".join(map(_name, self.table.key))
        wanted = ", ".join([keys, *(column.read for column in self.rewriters)])
        where, values = _concerned(self.rewriters)
        after = f"({keys}) > ({', '.join(['%s'] * len(last))}) AND " if last else ""
        sql = (
            f"SELECT {wanted} FROM {_name(self.table.name)} WHERE {after}({where}) "  # noqa: S608 - names are quoted
            f"ORDER BY {keys} LIMIT {BATCH}{' FOR UPDATE' if self.write else ''}"
        )
        return self.session.rows(sql, [*last, *values])

    def _row(self, row: tuple[Any, ...]) -> None:
        size = len(self.table.key)
        for (column, rewriter), value in zip(self.rewriters.items(), row[size:], strict=True):
            if not value:
                continue
            data = value if isinstance(value, bytes) else str(value).encode()
            # Of the columns of a row that the server found, most have no address: nothing else is done with those.
            if not rewriter.concerns(data):
                continue
            if why := self._value(column, row[:size], data):
                self._leave(column, row[:size], why)

    def _leave(self, column: _Column, key: Sequence[Any], why: str) -> None:
        """Note that a value has a former address still."""
        self.done.left.append(f"{printable(self.table.name)}.{printable(column.name)}{_shown(self.table, key)} ({why})")

    def _value(self, column: _Column, key: Sequence[Any], data: bytes) -> str:
        """Rewrite one value; return why a former address is left in it."""
        rewriter = self.rewriters[column]
        new = _rewritten(data, rewriter)
        if new.data != data:
            if column.name in self.table.key:
                return "it is part of the row's key"
            if not column.takes(new.data) or len(new.data) > self.longest:
                return "the new value is too long"
            waiting = self._new.setdefault(column, [])
            waiting.append(_Fresh(tuple(key), new.data))
            if sum(len(each.data) for each in waiting) > AT_ONCE:
                self._flush()
        return "it cannot be read" if new.is_broken else ""

    def _flush(self) -> None:
        """Write the values that wait for it: those of a column by one statement, since each one costs a round trip."""
        for column, waiting in self._new.items():
            written = len(waiting) if not self.write or self._all_written(column, waiting) else 0
            if not written:
                for each in waiting:
                    if self._change(column, [each]) == 1:
                        written += 1
                    else:
                        self._leave(column, each.key, "the server does not take the new value")
            if written:
                self.done.changed[self.table.name] = self.done.changed.get(self.table.name, 0) + written
        self._new.clear()

    def _all_written(self, column: _Column, waiting: Sequence[_Fresh]) -> bool:
        """Write all of them, or none."""
        if len(waiting) == 1 or not self.table.is_undone:
            return False
        self.session.rows("SAVEPOINT rewriting")
        if self._change(column, waiting) == len(waiting):
            return True
        self.session.rows("ROLLBACK TO SAVEPOINT rewriting")
        return False

    def _change(self, column: _Column, fresh: Sequence[_Fresh]) -> int:
        """Write values, and give how many rows have changed."""
        row = " AND ".join(f"{_name(name)} = %s" for name in self.table.key)
        kept = "".join(f", {_name(name)} = {_name(name)}" for name in self.table.stamps)
        value, values = column.value, [fresh[0].data, *fresh[0].key]
        if len(fresh) > 1:
            value = f"CASE {' '.join([f'WHEN {row} THEN {column.value}'] * len(fresh))} END"
            values = [part for each in fresh for part in (*each.key, each.data)]
            values += [part for each in fresh for part in each.key]
        where = " OR ".join([f"({row})"] * len(fresh))
        # IGNORE: a value that another row has to itself is no reason to end.
        sql = f"UPDATE IGNORE {_name(self.table.name)} SET {_name(column.name)} = {value}{kept} WHERE {where}"  # noqa: S608
        return self.session.change(sql, values)


def _rewritten(data: bytes, rewriter: Rewriter) -> Value:
    try:
        data.decode()
    except UnicodeDecodeError:
        # Packed, or in another character set: what looks like an address in it may be anything.
        return Value(data, is_broken=rewriter.has(data))
    return rewrite(data, rewriter)


def _shown(table: _Table, key: Sequence[Any]) -> str:
    """Name a row by its number; other keys may be content."""
    return f" of {printable(table.key[0])} {key[0]}" if len(table.key) == 1 and isinstance(key[0], int) else ""


def _concerned(rewriters: Mapping[_Column, Rewriter]) -> tuple[str, list[str]]:
    patterns = {host for rewriter in rewriters.values() for host in rewriter.hosts}
    words = sorted("%" + host.replace("_", "\\_") + "%" for host in patterns)
    where = " OR ".join(f"{column.like} LIKE %s" for column in rewriters for _ in words)
    return where, [word for _ in rewriters for word in words]


def _is_concerned(session: Session, table: _Table, rewriters: Mapping[_Column, Rewriter]) -> bool:
    where, values = _concerned(rewriters)
    return bool(session.rows(f"SELECT 1 FROM {_name(table.name)} WHERE {where} LIMIT 1", values))  # noqa: S608


def _triggered(look: Session, database: str) -> set[str]:
    """List the tables where something else happens at a change of a row."""
    listed = look.rows(
        "SELECT event_object_table FROM information_schema.triggers WHERE event_object_schema = %s AND "
        "event_manipulation = 'UPDATE'",
        (database,),
    )
    return {decoded(row[0]) for row in listed}


def _tables(look: Session, database: str, prefix: str) -> Iterator[_Table]:
    """List a site's tables with the columns that may hold an address."""
    listed = look.rows(
        "SELECT table_name, COALESCE(engine, '') FROM information_schema.tables WHERE table_schema = %s AND "
        "table_type = 'BASE TABLE' ORDER BY table_name",
        (database,),
    )
    for row in listed:
        name = decoded(row[0])
        if not name.startswith(prefix):
            continue
        found = look.rows(
            "SELECT column_name, data_type, COALESCE(character_maximum_length, 0), COALESCE(character_octet_length, 0), "
            "COALESCE(collation_name, ''), extra FROM information_schema.columns WHERE table_schema = %s AND table_name = %s "
            "ORDER BY ordinal_position",
            (database, name),
        )
        columns, stamps = [], []
        for each in found:
            kind, extra = decoded(each[1]).lower(), decoded(each[5]).lower()
            if "on update" in extra:
                stamps.append(decoded(each[0]))
            if kind in (*_TEXTS, *_BYTES) and not any(word in extra for word in ("generated", "virtual", "persistent")):
                octets = int(each[3]) or (1 << 32)
                columns.append(
                    _Column(
                        name=decoded(each[0]),
                        kind=kind,
                        characters=int(each[2]),
                        octets=octets,
                        collation=decoded(each[4]),
                    )
                )
        if columns:
            yield _Table(
                name=name, columns=tuple(columns), key=_key(look, database, name), stamps=tuple(stamps),
                is_undone=decoded(row[1]).lower() == "innodb",
            )  # fmt: skip


def _key(look: Session, database: str, table: str) -> tuple[str, ...]:
    """Give the columns by which a row is found: the primary key, or another one that no two rows share."""
    found = look.rows(
        "SELECT index_name, column_name, nullable FROM information_schema.statistics WHERE table_schema = %s AND "
        "table_name = %s AND non_unique = 0 ORDER BY index_name <> 'PRIMARY', index_name, seq_in_index",
        (database, table),
    )
    keys: dict[str, list[str]] = {}
    bad: set[str] = set()
    for index, column, nullable in found:
        keys.setdefault(decoded(index), []).append(decoded(column or b""))
        if column is None or decoded(nullable or b"").upper() == "YES":
            bad.add(decoded(index))
    return next((tuple(columns) for index, columns in keys.items() if index not in bad), ())


def _name(name: str) -> str:
    return statements.name(name).replace("%", "%%")
