"""What is in a directory of a site, and how two of them differ. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from aegir_components.messages import AegirError, numbered

FIND: Final = r"find . -mindepth 1 \( -type f -o -type d -o -type l \) -printf '%y %m %s %T@ %C@ %P\0%l\0'"
"""Shell: list the present directory, as ``parse`` reads it. What is no file, directory or link has no content."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file, directory or link."""

    kind: bytes
    """``f``, ``d`` or ``l``."""
    mode: int
    """Without the bits for set-user-id and set-group-id, which do not come along."""
    size: int
    written: bytes
    """When, in seconds with a fraction."""
    changed: bytes
    """When anything of it was, by the clock of its own machine."""
    target: bytes
    """Of a link."""

    @property
    def content(self) -> tuple[bytes, int, int, bytes, bytes]:
        """What is the same of a copy."""
        if self.kind == b"f":
            return self.kind, self.mode, self.size, self.written.partition(b".")[0], b""
        return self.kind, self.mode if self.kind == b"d" else 0, 0, b"", self.target


Tree = Mapping[bytes, Entry]


@dataclass(frozen=True, slots=True)
class Difference:
    """What makes a copy the same again."""

    come: tuple[bytes, ...]
    """Paths that are copied, each directory before what is in it."""
    go: tuple[bytes, ...]
    """Paths of the copy that are removed, the deepest first."""

    def __bool__(self) -> bool:
        return bool(self.come or self.go)


class ListingError(AegirError, ValueError):
    """A listing ends too early, or is none."""


def parse(listing: bytes) -> dict[bytes, Entry]:
    """Read what ``FIND`` printed.

    Raises:
        ListingError: it is cut off, or somebody else's.
    """
    parts = listing.split(b"\0")
    if parts.pop() or len(parts) % 2:
        raise ListingError(numbered(8050, "the list of files is cut off"))
    found = {}
    for about, target in zip(parts[::2], parts[1::2], strict=True):
        fields = about.split(b" ", 5)
        if len(fields) != 6 or not _is_inside(fields[5]):
            raise ListingError(numbered(8050, "the list of files has a line that is none"))
        kind, mode, size, written, changed, path = fields
        found[path] = Entry(kind, int(mode, 8) & 0o777, int(size), written, changed, target)
    return found


def size(tree: Tree) -> int:
    """Sum the bytes of all files."""
    return sum(entry.size for entry in tree.values() if entry.kind == b"f")


def difference(now: Tree, copy: Tree, then: Tree) -> Difference:
    """Say what has to be copied again, and what has to go.

    Args:
        now: what is to be copied.
        copy: what the copy has.
        then: what was to be copied when the copy was made; what was touched since is copied again.
    """
    come = {
        path
        for path, entry in now.items()
        if path not in copy or copy[path].content != entry.content or _touched(then.get(path), entry)
    }
    # A file of another kind is in the way of what comes.
    go = {path for path, entry in copy.items() if path not in now or now[path].kind != entry.kind}
    come |= {above for path in come for above in _above(path) if above in now}
    return Difference(tuple(sorted(come)), tuple(sorted(go, key=lambda path: (-path.count(b"/"), path))))


def unequal(now: Tree, copy: Tree) -> list[str]:
    """Name what is not the same in a copy, for a message."""
    return sorted(
        path.decode(errors="backslashreplace")
        for path in now.keys() | copy.keys()
        if path not in now or path not in copy or now[path].content != copy[path].content
    )


def _touched(then: Entry | None, now: Entry) -> bool:
    return now.kind == b"f" and (then is None or then.changed != now.changed or then.written != now.written)


def _above(path: bytes) -> Iterator[bytes]:
    while path := posixpath.dirname(path):
        yield path


def _is_inside(path: bytes) -> bool:
    return bool(path) and not path.startswith(b"/") and b".." not in path.split(b"/")
