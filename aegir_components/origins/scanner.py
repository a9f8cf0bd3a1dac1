"""The statements of a dump, one by one, as a stream. Pure.

Only what a server itself would read is a statement: the commands of MySQL's client have no effect here. ``DELIMITER`` alone is
understood, since dumps with triggers and routines need it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from aegir_components.messages import AegirError, numbered

LONGEST: Final = 1 << 30
"""Bytes of a statement: what a server takes at most."""
_DELIMITER: Final = re.compile(rb"(?i)\s*DELIMITER[ \t]+(\S{1,16})[^\n]*(?:\n|\Z)")
_SPACE: Final = rb"[ \t\r\n\f\v]+"
# Comments that a server reads as statements (/*!50001 ... */) are none; MariaDB's dumps begin with one that no server reads.
_COMMENT: Final = rb"--(?:[ \t][^\n]*)?(?=\n|\Z)|--\r\n|#[^\n]*|/\*(?:!9[0-9]{5}|M!9[0-9]{5}|(?!!|M!)).*?(?:\*/|\Z)"
_LEADING: Final = re.compile(rb"(?:" + _SPACE + rb"|" + _COMMENT + rb")*", re.DOTALL)
_QUOTED: Final = rb"""'(?:[^'\\]++|\\.)*+(?:'|\\?\Z)|"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|`[^`]*(?:`|\Z)"""
_NEAR_END: Final = 24
"""Bytes of the longest token that may be cut, without the quoted ones."""


class CutShortError(AegirError):
    """The dump ends inside of a statement."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, without what ends it."""

    text: bytes = field(repr=False)
    line: int
    """Where it begins in the dump; the first line is 1."""


def statements(blocks: Iterable[bytes]) -> Iterator[Statement]:
    """Yield the statements of a dump.

    Args:
        blocks: the dump, in pieces of any size.

    Raises:
        CutShortError: it ends inside of a statement.
    """
    source, data, line, delimiter = iter(blocks), b"", 1, b";"
    more, wanted = True, 1 << 20
    while True:
        # Statements are looked for in what is there; one that is not whole is looked for again with twice as much.
        while more and len(data) < wanted:
            block = next(source, None)
            more = block is not None
            data += block or b""
        at = 0
        while (found := _next(data, at, delimiter, final=not more)) is not None:
            begin, end, after, delimiter = found
            line += data.count(b"\n", at, begin)
            if end > begin:
                yield Statement(data[begin:end], line)
            line += data.count(b"\n", begin, after)
            at = after
        data = data[at:]
        if not more:
            if _LEADING.fullmatch(data) is None:
                raise CutShortError(
                    numbered(3010, f"it ends inside of the statement that begins in line {line + _lines(data)}")
                )
            return
        wanted = max(1 << 20, 2 * len(data))
        if len(data) > LONGEST:
            raise CutShortError(
                numbered(
                    3010, f"the statement that begins in line {line + _lines(data)} is longer than any server takes"
                )
            )


def code(statement: bytes) -> bytes:
    """Give a statement without what is in quotes and in comments: what its author made a server do."""
    return _token(b";").sub(
        lambda found: b"''" if found[0][:1] in b"'\"" else b" ``" if found[0][:1] == b"`" else b" ", statement
    )


def _next(data: bytes, at: int, delimiter: bytes, *, final: bool) -> tuple[int, int, int, bytes] | None:
    """Find the next statement: its begin and end, what comes after it, and the delimiter then; ``None`` for too little."""
    leading = _LEADING.match(data, at)
    begin = leading.end() if leading else at
    if begin + _NEAR_END > len(data) and not final:
        return None
    if (change := _DELIMITER.match(data, begin)) is not None:
        if change.end() == len(data) and not data.endswith(b"\n") and not final:
            return None
        return begin, begin, change.end(), change[1]
    place, token = begin, _token(delimiter)
    while (found := token.search(data, place)) is not None:
        if not final and found.end() + _NEAR_END > len(data):
            return None
        if found[0] == delimiter:
            return begin, found.start(), found.end(), delimiter
        place = found.end()
    return None


@cache
def _token(delimiter: bytes) -> re.Pattern[bytes]:
    return re.compile(_QUOTED + rb"|" + _COMMENT + rb"|" + re.escape(delimiter), re.DOTALL)


def _lines(data: bytes) -> int:
    leading = _LEADING.match(data)
    return data.count(b"\n", 0, leading.end() if leading else 0)
