"""Tar as a stream: written member by member, passed on from another machine, and read without a file.

GNU's format, as tar(1) reads and writes it. A stream ends with the member ``manifest.json``: one without it was cut off.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Callable, Iterator
from typing import IO, Any, Final, Protocol

from aegir_components.messages import AegirError, numbered

BLOCK: Final = 512
CHUNK: Final = 1 << 20
LONGEST_EXTENSION: Final = 1 << 20
"""Bytes of a member that only carries the long name, or the attributes, of the next one."""
MANIFEST: Final = "manifest.json"
LONGEST_MANIFEST: Final = 64 << 20
"""Bytes."""
_EXTENSIONS: Final = frozenset({b"L", b"K", b"x", b"g"})


class Readable(Protocol):
    """Something that bytes are read from."""

    def read(self, size: int = -1, /) -> bytes:
        """Read up to so many bytes; none at the end."""
        ...


class DamagedError(AegirError):
    """The stream is no tar, or ends too early."""


class Entry:
    """One member of a stream. Its content has to be read before the next entry is asked for; the rest is skipped."""

    def __init__(self, header: tarfile.TarInfo, name: str, raw: bytes, stream: Readable) -> None:
        self.name = name
        """As it is in the archive, without ``./`` before it."""
        self.size = header.size if header.type in {tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE} else 0
        self.type = header.type
        self.raw = raw
        """The header's blocks, those that extend it among them."""
        self._stream = stream
        self._left = self.size
        self._padding = -self.size % BLOCK

    @property
    def is_file(self) -> bool:
        """Whether it has content."""
        return self.type in {tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE}

    def content(self) -> Iterator[bytes]:
        """Yield what is in it, in pieces of bounded size."""
        while self._left:
            part = self._stream.read(min(CHUNK, self._left))
            if not part:
                raise DamagedError(numbered(7100, f"the stream ends inside of {self.name!r}"))
            self._left -= len(part)
            yield part

    def blocks(self) -> Iterator[bytes]:
        """Yield the whole member as it is in the stream, for another tar."""
        yield self.raw
        yield from self.content()
        if self._padding:
            yield self._pad()

    def skip(self) -> None:
        """Read to its end."""
        for _ in self.content():
            pass
        if self._padding:
            self._pad()

    def _pad(self) -> bytes:
        found = _exactly(self._stream, self._padding)
        self._padding = 0
        return found


def entries(stream: Readable, between: Callable[[], None] | None = None) -> Iterator[Entry]:
    """Yield the members of a stream.

    Args:
        stream: the tar.
        between: called before each member is read.

    Raises:
        DamagedError: it is no tar, or ends too early.
    """
    while True:
        raw, name = b"", ""
        if between is not None:
            between()
        while True:
            block = _exactly(stream, BLOCK)
            if not block.strip(b"\0"):
                return
            try:
                header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
            except tarfile.HeaderError as fault:
                raise DamagedError(numbered(7100, f"no header of a tar: {fault}")) from None
            raw += block
            if header.type not in _EXTENSIONS:
                break
            if header.size > LONGEST_EXTENSION:
                raise DamagedError(numbered(7100, "a header is too long"))
            body = _exactly(stream, header.size + -header.size % BLOCK)
            raw += body
            name = _long_name(header.type, body[: header.size]) or name
        entry = Entry(header, (name or header.name).removeprefix("./"), raw, stream)
        yield entry
        entry.skip()


def _long_name(kind: bytes, body: bytes) -> str:
    if kind == b"L":
        return body.rstrip(b"\0").decode("utf-8", "surrogateescape")
    if kind == b"x":
        at = 0
        while at < len(body) and (space := body.find(b" ", at)) > 0:
            length = int(body[at:space])
            key, _, value = body[space + 1 : at + length - 1].partition(b"=")
            if key == b"path":
                return value.decode("utf-8", "surrogateescape")
            at += length
    return ""


def _exactly(stream: Readable, size: int) -> bytes:
    found = b""
    while len(found) < size:
        part = stream.read(size - len(found))
        if not part:
            raise DamagedError(numbered(7100, "the stream ends too early"))
        found += part
    return found


class Reading:
    """Reads a stream once, part by part, and knows the digest of what came before the manifest."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._digest = stream, hashlib.sha256()
        self._before = self._digest
        self._entries = entries(self, self._mark)
        self._ahead: Entry | None = None

    def read(self, size: int = -1, /) -> bytes:
        """Read from the stream, for ``entries``."""
        found = self._stream.read(size)
        self._digest.update(found)
        return found

    def take(self, wanted: Callable[[str], bool]) -> Iterator[Entry]:
        """Yield the members that come next, as long as their names are wanted."""
        while (entry := self._peek()) is not None and wanted(entry.name):
            self._ahead = None
            yield entry

    def next_label(self) -> str:
        """Return whose files come next: the web server, or ``shared``; empty where none come."""
        entry = self._peek()
        first, _, rest = entry.name.partition("/") if entry is not None else ("", "", "")
        return rest.partition("/")[0] if first == "files" else ""

    def rest(self) -> Iterator[Entry]:
        """Yield the members up to the manifest."""
        return self.take(lambda name: name != MANIFEST)

    def manifest(self) -> tuple[dict[str, Any], str]:
        """Read to the end, and return the manifest and the digest of what came before it.

        Raises:
            DamagedError: there is no manifest.
        """
        for entry in self.rest():
            entry.skip()
        last = self._peek()
        if last is None or last.size > LONGEST_MANIFEST:
            raise DamagedError(numbered(7100, "the stream has no manifest: it was cut off"))
        digest = self._before.hexdigest()
        found: dict[str, Any] = json.loads(b"".join(last.content()))
        self._ahead = None
        if next(self._entries, None) is not None:
            raise DamagedError(numbered(7100, "the stream goes on after its manifest"))
        return found, digest

    def _peek(self) -> Entry | None:
        if self._ahead is None:
            self._ahead = next(self._entries, None)
        return self._ahead

    def _mark(self) -> None:
        self._before = self._digest.copy()


class Writer:
    """Writes a stream, and knows the digest of what was written."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self._digest = hashlib.sha256()
        self.size = 0
        """Bytes so far."""

    @property
    def digest(self) -> str:
        """SHA-256 of all members so far."""
        return self._digest.hexdigest()

    def add(self, name: str, content: bytes) -> None:
        """Write a member. Its header depends on nothing but name and content, so that equal content is stored once."""
        header = tarfile.TarInfo(name)
        header.size, header.mode = len(content), 0o600
        self.raw(header.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape"))
        self.raw(content)
        self.raw(b"\0" * (-len(content) % BLOCK))

    def pass_on(self, stream: Readable) -> Iterator[Entry]:
        """Copy the members of another stream, and yield each after it was copied."""
        for entry in entries(stream):
            for block in entry.blocks():
                self.raw(block)
            yield entry

    def end(self) -> None:
        """Write the end of the archive."""
        self.raw(b"\0" * (2 * BLOCK))
        self._out.flush()

    def raw(self, data: bytes) -> None:
        """Write blocks of a member as they are."""
        self._digest.update(data)
        self._out.write(data)
        self.size += len(data)
