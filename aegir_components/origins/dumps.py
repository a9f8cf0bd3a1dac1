"""A dump on the hub: read as a stream, and judged as a whole before any of it is loaded."""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final, cast

from aegir_components.applications import APPLICATIONS
from aegir_components.hub.environment import without_pulumis
from aegir_components.messages import AegirError, numbered
from aegir_components.messages.printable import first_of, one_line

from . import reading, scanner

BLOCK: Final = 1 << 20
TIMEOUT: Final = 6 * 3600.0
"""Seconds for unpacking a dump."""
_END: Final = re.compile(rb"-- Dump completed|(?:SET|set) (?:\S+=@OLD_\S+, *)*\S+=@OLD_|\nCOMMIT;\s*\Z")
_NAMES: Final = re.compile(rb"(?i)/\*!40101 SET NAMES (\w+) \*/|\bSET NAMES '?(\w+)'?")
_ZONE: Final = re.compile(rb"(?i)SET TIME_ZONE\s*=\s*['\"](\+00:00)['\"]")


class DumpError(AegirError):
    """A dump cannot be loaded; the text says why."""


@dataclass(slots=True)
class Judged:
    """What a dump is."""

    tables: set[str] = field(default_factory=set)
    databases: set[str] = field(default_factory=set)
    """Those that it names."""
    objects: list[reading.Read] = field(default_factory=list)
    """Views, triggers, routines and events: the last one of each name."""
    collations: set[str] = field(default_factory=set)
    engines: dict[str, str] = field(default_factory=dict)
    """What tables had for an engine that was exchanged, by table."""
    longest: int = 0
    """Bytes of the longest statement."""
    longest_line: int = 0
    charset: str = "utf8mb4"
    """What its text is in."""
    time_zone: str = ""
    """What its times are in; empty for the server's own."""


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """Read a dump, unpacked.

    Raises:
        DumpError: it is not there, or cannot be unpacked.
    """
    try:
        if path.suffix == ".gz":
            with gzip.open(path, "rb") as stream:
                yield cast("IO[bytes]", stream)
        elif path.suffix == ".zst":
            with _zstd(path) as stream:
                yield stream
        else:
            with path.open("rb") as stream:
                yield stream
    except (EOFError, zlib.error, gzip.BadGzipFile) as fault:
        raise DumpError(numbered(3010, f"{path} is cut short or damaged: {fault}")) from None
    except OSError as fault:
        raise DumpError(numbered(3011, f"{path} cannot be read: {fault.strerror or fault}")) from None


@contextmanager
def _zstd(path: Path) -> Iterator[IO[bytes]]:
    program = shutil.which("zstd")
    if program is None:
        raise DumpError(numbered(2021, f"{path} needs the program zstd on the hub: apt-get install zstd"))
    command = [program, "--decompress", "--stdout", "--quiet", "--", str(path)]
    with subprocess.Popen(
        command, env=without_pulumis(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout
            process.stdout.read()
            status = process.wait(timeout=TIMEOUT)
        except BaseException:
            process.kill()
            raise
    if status:
        raise DumpError(numbered(3010, f"{path} is cut short or damaged: zstd ended with {status}"))


def blocks(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield a stream in pieces."""
    while block := stream.read(BLOCK):
        yield block


def judge(path: Path) -> Judged:
    """Read a dump to its end, and say what it is.

    Raises:
        DumpError: it is cut short, is of several databases, or does what no dump of one database does.
    """
    found, edges = Judged(), _Edges()
    objects: dict[tuple[str, str], reading.Read] = {}
    line = 1
    try:
        with opened(path) as stream:
            for statement in scanner.statements(edges.watch(blocks(stream))):
                line = statement.line
                _take(found, objects, reading.read(statement.text), statement)
    except scanner.CutShortError as fault:
        raise DumpError(numbered(3010, f"{path} is cut short: {fault}")) from None
    except reading.RejectedError as fault:
        raise DumpError(
            numbered(
                3012,
                f"{path}, line {line}: {fault}. Nothing was loaded. Make the dump of the site's database alone, with "
                "mysqldump --single-transaction --routines --triggers DATABASE, or take the statement out",
            )
        ) from None
    if not found.tables:
        raise DumpError(numbered(3013, f"{path} has no tables"))
    if not _END.search(edges.end):
        raise DumpError(
            numbered(
                3010,
                f"{path} has no end: mysqldump ends with the line -- Dump completed, and this dump was cut short, or "
                "was made without comments. If it is whole, append that line to it",
            )
        )
    if len(found.databases) > 1:
        raise DumpError(
            numbered(
                3014,
                f"{path} has several databases ({_listed(found.databases)}); dump the site's own alone: mysqldump DATABASE",
            )
        )
    _head(found, edges.begin)
    found.objects = list(objects.values())
    return found


def _take(
    found: Judged, objects: dict[tuple[str, str], reading.Read], read: reading.Read, statement: scanner.Statement
) -> None:
    if len(read.text) > found.longest:
        found.longest, found.longest_line = len(read.text), statement.line
    if read.kind == "table":
        found.tables.add(read.name)
        found.engines.update(dict.fromkeys([read.name], read.changed[0]) if read.changed else {})
    if read.kind == "database":
        found.databases.add(read.name)
    if read.kind == "object":
        objects[read.what, read.name] = read
    if read.kind in {"table", "alter", "object"}:
        found.collations |= reading.collations(read.text)


def _head(found: Judged, begin: bytes) -> None:
    if (names := _NAMES.search(begin)) is not None:
        found.charset = (names[1] or names[2]).decode().lower()
    if (zone := _ZONE.search(begin)) is not None:
        found.time_zone = zone[1].decode()


def prefix_of(judged: Judged, application: str, declared: str = "") -> str:
    """Say what the names of an application's tables begin with in a dump.

    Args:
        judged: the dump.
        application: that of the code.
        declared: the prefix as declared; empty where none is.

    Raises:
        DumpError: it is a dump of another application, or of several sites.
    """
    known = prefixes(judged.tables, application)
    if declared and declared not in known:
        others = f"; it has {_listed(known)}" if known else ""
        raise DumpError(
            numbered(3015, f"the dump has no {application} site whose tables begin with {declared}{others}")
        )
    if declared:
        return declared
    if len(known) == 1:
        return next(iter(known))
    if known:
        raise DumpError(
            numbered(
                3016,
                f"the dump has several sites, whose tables begin with {_listed(known)}. Say which one it is: prefix, "
                "at the site's origin",
            )
        )
    other = next((name for name in APPLICATIONS if prefixes(judged.tables, name)), "")
    said = (
        f"is of {other}" if other else f"has no tables of {application} ({_listed(APPLICATIONS[application].tables)})"
    )
    raise DumpError(numbered(3015, f"the dump {said}, and the code of the site's platform is {application}"))


def prefixes(tables: set[str], application: str) -> set[str]:
    """List what may stand before an application's tables."""
    first, *others = APPLICATIONS[application].tables
    begins = {name.removesuffix(first) for name in tables if name.endswith(first)}
    return {begin for begin in begins if all(f"{begin}{mark}" in tables for mark in others)}


def read_statements(path: Path, wanted: Callable[[reading.Read], bool]) -> Iterator[tuple[reading.Read, int]]:
    """Yield what is run of a dump, with its line.

    Raises:
        DumpError: it cannot be read any more.
    """
    with opened(path) as stream:
        for statement in scanner.statements(blocks(stream)):
            read = reading.read(statement.text)
            if read.kind in {"table", "rows", "alter"} and wanted(read):
                yield read, statement.line


class _Edges:
    """Keeps the begin and the end of a stream that passes."""

    def __init__(self) -> None:
        self.begin, self.end = b"", b""

    def watch(self, parts: Iterator[bytes]) -> Iterator[bytes]:
        """Pass a stream on."""
        for part in parts:
            self.begin = (self.begin + part)[:8192] if len(self.begin) < 8192 else self.begin
            self.end = (self.end + part)[-2048:]
            yield part


def _listed(names: set[str] | tuple[str, ...]) -> str:
    return first_of([one_line(name) or "no prefix" for name in sorted(names)], 5)
