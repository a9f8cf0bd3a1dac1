"""What a statement of a dump does, and whether a dump may do it. Pure.

Everything is rejected that is not known to build one database. What passes is still run one statement at a time, by an
account that has rights on that database alone. The server is the second judge.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, Literal

from aegir_components.messages import AegirError, numbered
from aegir_components.messages.printable import printable

from . import scanner

Kind = Literal["skip", "table", "rows", "alter", "object", "database"]

ENGINES: Final = frozenset({"innodb", "memory"})
"""Kept as they are."""
REPLACED: Final = frozenset({"myisam", "aria", "archive", "tokudb", "rocksdb", "xtradb", "maria", "isam"})
"""Become InnoDB, which loses no row when its server dies, and whose tables are dumped as of one moment."""

_NAME: Final = rb"(`(?:[^`]|``)+`|[A-Za-z0-9_$\x80-\xff]+)"
_COLUMN: Final = rb"(?:`(?:[^`]|``)++`|[A-Za-z0-9_$\x80-\xff]++)\s*+"
_VERSIONED: Final = re.compile(rb"/\*M?!([0-9]{5,6})?\s*")
_TABLE: Final = re.compile(rb"(?is)CREATE\s+(?:TEMPORARY\s+)?TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?" + _NAME + rb"(\s*\.)?")
_ROWS: Final = re.compile(
    rb"(?is)(?:INSERT|REPLACE)\s+(?:LOW_PRIORITY\s+|DELAYED\s+|IGNORE\s+)*INTO\s+" + _NAME
    + rb"(\s*\.)?\s*(?:\(\s*" + _COLUMN + rb"(?:,\s*" + _COLUMN + rb")*+\)\s*)?(VALUES?\b)?"
)  # fmt: skip
_ALTER: Final = re.compile(rb"(?is)ALTER\s+(?:IGNORE\s+)?TABLE\s+" + _NAME + rb"(\s*\.)?(.*)")
_INDEX: Final = re.compile(
    rb"(?is)CREATE\s+(?:UNIQUE\s+|FULLTEXT\s+|SPATIAL\s+)?INDEX\s.*?\sON\s+" + _NAME + rb"(\s*\.)?"
)
_DATABASE: Final = re.compile(
    rb"(?is)(?:USE|(?:CREATE|DROP|ALTER)\s+(?:DATABASE|SCHEMA))\b"
    rb"(?:[\s(]|IF\b|NOT\b|EXISTS\b|/\*M?![0-9]*|\*/)*" + _NAME
)  # fmt: skip
_SKIPPED: Final = re.compile(
    rb"(?is)(?:DROP\s+(?:TEMPORARY\s+)?(?:TABLE|VIEW|TRIGGER|FUNCTION|PROCEDURE|EVENT|SEQUENCE)\b|LOCK\s+TABLES?\b|UNLOCK\s+TABLES?\b|"
    rb"START\s+TRANSACTION\b|BEGIN\b|COMMIT\b|ROLLBACK\b|ANALYZE\s+TABLE\b|OPTIMIZE\s+TABLE\b|"
    rb"ALTER\s+TABLE\s+(?:`(?:[^`]|``)+`|\S+)\s+(?:DISABLE|ENABLE)\s+KEYS\b)"
)
_SET: Final = re.compile(rb"(?is)SET\b(.*)")
_FAR_SET: Final = re.compile(rb"(?i)\b(?:GLOBAL|PERSIST(?:_ONLY)?|PASSWORD|ROLE|STATEMENT)\b")
_HARMLESS_SET: Final = re.compile(rb"(?is)SET\s+@@GLOBAL\.GTID_(?:PURGED|SLAVE_POS)\b|SET\s+@@SESSION\.SQL_LOG_BIN\b")
_DEFINER: Final = re.compile(
    rb"(?i)\bDEFINER\s*=\s*(?:CURRENT_USER(?:\s*\(\s*\))?|(?:`(?:[^`]|``)*`|'[^']*'|\"[^\"]*\"|[\w.$-]+)"
    rb"\s*(?:@\s*(?:`(?:[^`]|``)*`|'[^']*'|\"[^\"]*\"|[\w.%$-]+))?)"
)
_OBJECT: Final = re.compile(
    rb"(?is)CREATE\b(?:\s|\*/|/\*M?![0-9]*|OR\s+REPLACE\b|ALGORITHM\s*=\s*\w+|SQL\s+SECURITY\s+\w+|AGGREGATE\b)*"
    rb"(VIEW|TRIGGER|FUNCTION|PROCEDURE|EVENT)\b(?:\s|IF\s+NOT\s+EXISTS\b)*" + _NAME + rb"(\s*\.)?"
)
_FOREIGN: Final = re.compile(
    rb"(?i)\b(?:INTO\s+(?:OUT|DUMP)FILE|LOAD_FILE\s*\(|(?:DATA|INDEX)\s+DIRECTORY|CONNECTION\s*=|SONAME)"
)
_ENGINE: Final = re.compile(rb"(?i)\b(ENGINE|TYPE)(\s*=\s*|\s+)['\"`]?([A-Za-z_]+)['\"`]?")
_INNER_ENGINE: Final = re.compile(rb"(?i)\bENGINE\s*=\s*([A-Za-z_]+)")
_OPTIONS: Final = re.compile(
    rb"(?i)\s+(?:ROW_FORMAT\s*=?\s*FIXED|PACK_KEYS\s*=?\s*\w+|"
    rb"(?:PAGE_CHECKSUM|TRANSACTIONAL|TABLE_CHECKSUM|CHECKSUM|DELAY_KEY_WRITE)\s*=?\s*[01])"
)
_COLLATION: Final = re.compile(rb"(?i)\b(COLLATE(?:\s*=\s*|\s+))([`'\"]?)(\w+)\2")


class RejectedError(AegirError):
    """A dump does what a dump of one database does not do; the text says what."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Read:
    """What a statement does."""

    kind: Kind
    name: str = ""
    """Of the table, the object or the database."""
    text: bytes = field(default=b"", repr=False)
    """What the server is told."""
    what: str = ""
    """Of an object: ``VIEW``, ``TRIGGER`` ..."""
    changed: tuple[str, ...] = ()
    """What was put right: ``MyISAM``."""


SKIP: Final = Read(kind="skip")


def read(statement: bytes) -> Read:
    """Say what a statement does, and give it as it is to be run.

    Raises:
        RejectedError: it does something else than to build one database.
    """
    plain, version = _without_version(statement)
    if _ROWS.match(plain):
        return _rows(plain)
    if _SKIPPED.match(plain):
        return SKIP
    if (found := _DATABASE.match(plain)) is not None:
        return Read(kind="database", name=_name(found[1]))
    if (said := _SET.match(plain)) is not None:
        _check_set(plain, said[1])
        return SKIP
    if (found := _FOREIGN.search(scanner.code(plain))) is not None:
        raise RejectedError(numbered(3012, f"has {_shown(found[0])}, which reaches beyond the database"))
    if (found := _TABLE.match(plain)) is not None:
        # Old dumps make a table in the place of each view until the views are made.
        return SKIP if version else _table(plain, found)
    for pattern in (_ALTER, _INDEX):
        if (found := pattern.match(plain)) is not None:
            _check_own(found[2])
            text, changed = _put_right(plain, found.end(1), is_new=False)
            return Read(kind="alter", name=_name(found[1]), text=text, changed=changed)
    return _object(plain)


def _object(plain: bytes) -> Read:
    text = _DEFINER.sub(b"", plain, count=1)
    found = _OBJECT.match(text)
    if found is None:
        raise RejectedError(numbered(3012, f"is {_shown(plain)}, which is no part of a dump of one database"))
    _check_own(found[3])
    return Read(kind="object", name=_name(found[2]), text=text, what=found[1].decode().upper())


def _without_version(statement: bytes) -> tuple[bytes, bool]:
    """Take the comment away that lets only some servers run a whole statement."""
    found = _VERSIONED.match(statement)
    if found is None:
        return statement, False
    inner = statement[found.end() :]
    if inner.count(b"*/") == 1 and inner.rstrip().endswith(b"*/"):
        return inner.rstrip()[:-2].rstrip(), True
    # Several comments are one statement, as of a view: what it is stands after the first one's mark.
    return inner.replace(b"*/", b"", 1) if _OBJECT.match(_DEFINER.sub(b"", inner, count=1)) else inner, False


def _rows(plain: bytes) -> Read:
    found = _ROWS.match(plain)
    assert found is not None
    _check_own(found[2])
    if found[3] is None:
        raise RejectedError(numbered(3012, "puts rows in that it takes from elsewhere, and not from the dump"))
    return Read(kind="rows", name=_name(found[1]), text=plain)


def _table(plain: bytes, found: re.Match[bytes]) -> Read:
    _check_own(found[2])
    text, changed = _put_right(plain, found.end(1), is_new=True)
    return Read(kind="table", name=_name(found[1]), text=text, changed=changed)


def _put_right(plain: bytes, head: int, *, is_new: bool) -> tuple[bytes, tuple[str, ...]]:
    """Give a table an engine that every site's server has, and leave out what that one does not know."""
    # What is in quotes, as a comment or a default, is the author's and stays.
    cut = max(plain.rfind(b")"), head)
    inside, tail = plain[:cut], plain[cut:]
    changed: list[str] = []

    def engine(found: re.Match[bytes]) -> bytes:
        kind = found[3].decode().lower()
        if kind in ENGINES or (found[1].upper() == b"TYPE" and kind not in REPLACED):
            return found[0]
        if kind not in REPLACED:
            raise RejectedError(
                numbered(3012, f"has a table of the engine {_shown(found[3])}, which reaches beyond the database")
            )
        changed.append(found[3].decode())
        return b"ENGINE=InnoDB"

    for found in _INNER_ENGINE.finditer(scanner.code(plain)):
        # Partitions name theirs inside of the brackets.
        if found[1].decode().lower() not in ENGINES | REPLACED:
            raise RejectedError(
                numbered(3012, f"has a table of the engine {_shown(found[1])}, which reaches beyond the database")
            )
    fixed = _ENGINE.sub(engine, tail) if is_new else tail
    if changed:
        fixed = _OPTIONS.sub(b"", fixed)
    return inside + fixed, tuple(changed)


def collations(text: bytes) -> set[str]:
    """Name the collations in a statement."""
    return {found[3].decode().lower() for found in _COLLATION.finditer(text)}


def with_collations(text: bytes, instead: dict[str, str]) -> bytes:
    """Put other collations in the place of those that a server does not have."""

    def other(found: re.Match[bytes]) -> bytes:
        name = found[3].decode().lower()
        return found[1] + instead[name].encode() if name in instead else found[0]

    return _COLLATION.sub(other, text) if instead else text


def _check_set(plain: bytes, rest: bytes) -> None:
    if _FAR_SET.search(scanner.code(rest)) and not _HARMLESS_SET.match(plain):
        raise RejectedError(numbered(3012, "sets what holds for the whole server or for accounts"))


def _check_own(dot: bytes | None) -> None:
    if dot:
        raise RejectedError(numbered(3012, "names another database before a table's name"))


def _name(quoted: bytes) -> str:
    text = quoted[1:-1].replace(b"``", b"`") if quoted.startswith(b"`") else quoted
    return text.decode("utf-8", "surrogateescape")


def _shown(text: bytes) -> str:
    """Give the first words of a statement, which are no site's data."""
    words = re.findall(rb"[A-Za-z_\\!.]+", text[:200])[:2]
    return printable(b" ".join(words).decode().upper()) or "something unknown"
