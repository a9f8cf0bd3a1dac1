"""A dump of a database, cut into one member a table, and put together again for loading.

The dump has a line for each row, in the order of the key. So its rows can be counted as they pass, and what has not
changed is the same text as the day before. For loading, rows become statements of a megabyte.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Final
from urllib.parse import quote

DIRECTORY: Final = "database"
BEGIN, END = "+begin", "+end"
"""What comes before the tables, and what comes after them; no table's member is called like this."""
OPTIONS: Final = ("--skip-extended-insert", "--order-by-primary", "--no-autocommit", "--skip-dump-date")
"""Options of mysqldump, beside those of every dump that we make."""
_SOME: Final = 4 << 20
_MOST: Final = 8 << 20
"""Bytes of a member; a table with more has several. Where one ends depends on the rows, not on their distance."""

Definer = Callable[[bytes], bytes]

_MARK = re.compile(
    rb"-- (?:(Dumping data for table) |(?:Table structure for table|Temporary (?:table|view) structure for view|"
    rb"Final view structure for view|Sequence structure for) |(Dumping (?:events|routines) for database) )[`']([^\n]*)[`']\n"
)
_OBJECT: Final = (b"-- Table structure for ", b"-- Temporary ", b"-- Final view structure ", b"-- Sequence structure ")
_TABLE: Final = (b"-- Table structure for table ", b"-- Dumping data for table ")
_KIND: Final = 64
"""Bytes of a member that tell what it makes."""
_UNLOCKED: Final = b"\nUNLOCK TABLES;\n"
_TRIGGERS = re.compile(rb"(?m)^(?:/\*!50003 |DELIMITER )")
_INSERT = re.compile(rb"INSERT INTO `(?:[^`\n]|``)+` (?:\(`(?:[^\n`]|``|`, `)+`\) )?VALUES[ \n]")
_VIEW = re.compile(rb"(?m)^/\*!50001 VIEW [^\n]*")
_DEFINER = re.compile(rb"(?m)^((?:/\*!5\d{4,5} |CREATE )[^\n]*?)DEFINER=(`[^`\n]*`(?:@`[^`\n]*`)?)")


class Splitter:
    """Cuts a dump into members, and counts the rows of each table."""

    def __init__(self, write: Callable[[str, bytes], None]) -> None:
        self._write = write
        self._name, self._part = BEGIN, 0
        self._table = ""
        self._carry, self._buffer = b"", bytearray()
        self._inside = 0
        self.rows: dict[str, int] = {}
        """Rows by table."""
        self.longest = 0
        """Bytes of the longest line that is longer than a member may be; 0 where there is none."""
        self.size = 0
        """Bytes of the dump."""
        self.whole = False
        """Whether the dump has its end."""

    def feed(self, block: bytes) -> None:
        """Take the next piece of the dump."""
        data = self._carry + block
        cut = data.rfind(b"\n") + 1
        if not cut and len(data) < _SOME:
            self._carry = data
            return
        if not cut:
            # A row of many megabytes goes on in pieces: nobody keeps it whole.
            self._carry = b""
            self._row_goes_on(data, ends=False)
            return
        self._carry = data[cut:]
        lines = data[:cut]
        if self._inside:
            end = lines.index(b"\n") + 1
            self._row_goes_on(lines[:end], ends=True)
            lines = lines[end:]
        self._lines(lines)

    def finish(self) -> None:
        """Write what is left."""
        if self._carry:
            self._lines(self._carry)
        self._flush()

    def _row_goes_on(self, data: bytes, *, ends: bool) -> None:
        if not self._inside and self._table and data.startswith(b"INSERT INTO "):
            self.rows[self._table] += 1
        self._inside += len(data)
        self.longest = max(self.longest, self._inside)
        if ends:
            self._inside = 0
        self._put(data)

    def _lines(self, lines: bytes) -> None:
        at, begin = -1, 0
        text = b"\n" + lines
        while (at := text.find(b"\n-- ", at + 1)) >= 0:
            if (mark := _MARK.match(text, at + 1)) is None:
                self.whole = self.whole or text.startswith(b"-- Dump completed", at + 1)
                continue
            self._rows(text[begin : at + 1])
            begin = at + 1
            self._section(mark)
        self._rows(text[begin:] if begin == 0 else b"\n" + text[begin:])

    def _section(self, mark: re.Match[bytes]) -> None:
        name = mark[3].decode("utf-8", "surrogateescape").replace("``", "`")
        self._table = name if mark[1] else ""
        if mark[1]:
            self.rows.setdefault(name, 0)
        member = END if mark[2] else quote(name, safe="")
        if member != self._name:
            self._flush()
            self._name, self._part = member, 0

    def _rows(self, text: bytes) -> None:
        """Take lines, with a line break before them that is not theirs."""
        if self._table:
            # What comes after the rows may be a trigger that has such lines.
            end = text.find(b"\nUNLOCK TABLES;")
            self.rows[self._table] += text.count(b"\nINSERT INTO ", 0, end if end >= 0 else len(text))
            self._table = self._table if end < 0 else ""
        self._put(text[1:] if text.startswith(b"\n") else text)

    def _put(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= _MOST:
            cut = _cut(self._buffer)
            with memoryview(self._buffer) as whole:
                self._emit(bytes(whole[:cut]))
            del self._buffer[:cut]

    def _flush(self) -> None:
        if self._buffer:
            self._emit(bytes(self._buffer))
            self._buffer.clear()

    def _emit(self, data: bytes) -> None:
        self.size += len(data)
        suffix = f".{self._part:04d}" if self._part else ""
        self._write(f"{DIRECTORY}/{self._name}.sql{suffix}", data)
        self._part += 1


def _cut(buffer: bytearray) -> int:
    """Return where a member ends: after the line with the least checksum, so that a new row moves one end and not all."""
    best, place, at = 1 << 33, _MOST, _SOME
    # A copy of the window would be the most memory that a backup takes on the hub.
    with memoryview(buffer) as whole:
        while (end := buffer.find(b"\n", at, _MOST)) >= 0:
            checksum = zlib.crc32(whole[at:end])
            if at > _SOME and checksum < best:
                best, place = checksum, end + 1
            at = end + 1
    return place


def loadable(
    members: Iterable[tuple[str, Iterable[bytes]]], definer: Definer | None = None, database: bytes = b""
) -> Iterator[bytes]:
    """Yield a dump for loading: rows in statements of a megabyte, views and routines with another definer.

    Args:
        members: name and content of each member, in order.
        definer: gives the account that a view, trigger, routine or event gets for the one that it has; ``None`` stands for
            the account that loads them.
        database: the schema that the dump is of. MariaDB names it in views whose definer is missing, and they would then be
            of that schema wherever they are loaded.
    """
    table, batch = "", _Batch()
    for name, content in members:
        member = member_of(name)
        if member != table:
            yield from _defined(batch.rest(), definer, database)
            table, batch = member, _Batch()
        for part in content:
            yield from _defined(batch.feed(part), definer, database)
    yield from _defined(batch.rest(), definer, database)


class Apart:
    """Takes out of a dump what cannot move to another database with its tables: triggers, views, routines, events, sequences."""

    def __init__(self) -> None:
        self.later: list[tuple[str, list[bytes]]] = []
        """Members with what was taken out, in order; they are small."""
        self._table, self._rows_over, self._is_table = "", False, False

    def tables(self, members: Iterable[tuple[str, Iterable[bytes]]]) -> Iterator[tuple[str, Iterable[bytes]]]:
        """Yield the members that make tables and rows. Each has to be read before the next one is asked for."""
        for name, content in members:
            parts = iter(content)
            first = next(parts, b"")
            while len(first) < _KIND and (more := next(parts, b"")):
                first += more
            member = member_of(name)
            if member != self._table or first.startswith(_OBJECT):
                self._table, self._rows_over = member, False
                self._is_table = first.startswith(_TABLE)
            if member == f"{DIRECTORY}/{BEGIN}":
                # How both sessions read what comes.
                self.later.append((name, [first, *parts]))
                yield self.later[-1]
            elif not self._is_table or self._rows_over:
                self.later.append((name, [first, *parts]))
            else:
                yield name, self._until_triggers(name, first, parts)

    def _until_triggers(self, name: str, first: bytes, parts: Iterator[bytes]) -> Iterator[bytes]:
        data: bytes | None = b"\n" + first
        begin = 1
        while data is not None:
            end = data.find(_UNLOCKED)
            if end >= 0:
                self._rows_over = True
                rest = data[end:] + b"".join(parts)
                found = _TRIGGERS.search(rest)
                cut = found.start() if found else len(rest)
                yield data[begin:end] + rest[1 if begin > end else 0 : cut]
                if found:
                    self.later.append((name, [rest[cut:]]))
                return
            # The line may begin in one piece and end in the next one.
            keep = max(begin, len(data) - len(_UNLOCKED))
            yield data[begin:keep]
            more = next(parts, None)
            if more is None:
                yield data[keep:]
            data, begin = (data[keep:] + more if more is not None else None), 0


def member_of(name: str) -> str:
    """Name the table, or the view, that a member is of, whichever of several parts it is."""
    return re.sub(r"\.sql(\.\d{4,})?$", "", name)


class _Batch:
    """Puts the rows of one table together."""

    def __init__(self) -> None:
        self._carry, self._seam, self._inside = b"", b"", False

    def feed(self, part: bytes) -> Iterator[tuple[bytes, bool]]:
        """Yield what can be loaded by now, and whether it is whole lines."""
        data = self._carry + part
        if self._inside:
            end = data.find(b"\n") + 1
            self._inside = not end
            self._carry, data = b"", data[end:] if end else b""
            yield (part if not end else part[:end]), False
        cut = data.rfind(b"\n") + 1
        if not cut and len(data) >= _SOME:
            self._inside, self._carry = True, b""
            yield data, False
            return
        self._carry = data[cut:]
        yield self._joined(data[:cut]), True

    def rest(self) -> Iterator[tuple[bytes, bool]]:
        """Yield what is left."""
        data, self._carry = self._carry, b""
        yield self._joined(data), True

    def _joined(self, data: bytes) -> bytes:
        if not self._seam and (found := _INSERT.search(data)) is not None:
            self._seam = b");\n" + found[0]
        return data.replace(self._seam, b"),") if self._seam else data


def _defined(pieces: Iterable[tuple[bytes, bool]], definer: Definer | None, database: bytes) -> Iterator[bytes]:
    def other(found: re.Match[bytes]) -> bytes:
        return found[1] + (b"DEFINER=" + definer(found[2]) if definer else b"")

    own = b"`" + database.replace(b"`", b"``") + b"`."
    for data, lines in pieces:
        changed = data
        if lines and b"DEFINER=" in data:
            changed = _DEFINER.sub(other, changed)
        if lines and database and b"\n/*!50001 VIEW " in data:
            changed = _VIEW.sub(lambda found: found[0].replace(own, b""), changed)
        if changed:
            yield changed
