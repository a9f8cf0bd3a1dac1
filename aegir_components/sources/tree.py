"""The content of a source tree, and a digest of it that a machine with only a shell computes as well.

The digest covers what a release is: paths, kinds, modes (as a release has them), link targets, and every byte. Files
are read once: a cache beside the hub's data remembers each file's checksum by size, mtime, ctime and inode. It also
remembers of which sizes, times and inodes the whole digest was made. So an unchanged tree costs one walk, without a
check of each checksum. What copies the tree finds in it what was read, and does not walk again.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

from aegir_components.hub import files
from aegir_components.messages import numbered

from . import links
from .faults import SourceError

REPOSITORY_DIRECTORIES = (b".git", b".svn", b".hg", b".bzr", b"CVS")
"""Version control's own data: never part of a release, as in Aegir."""
CHUNK = 1 << 20
"""Bytes read at a time."""
SUM_LENGTH = 65
"""Characters of a file's sum, with the space before it."""


Content = dict[bytes, bytes]
"""What a tree holds: path to kind, mode, link target, path and, for a file, its sum."""


class Entry(NamedTuple):
    """One name in a tree. A tuple, since 25,000 of them are made at each look."""

    path: bytes
    kind: str
    """``f``, ``d`` or ``l``, as find(1) writes it."""
    executable: bool
    target: bytes = b""
    size: int = 0
    """Of a file, in bytes."""
    facts: bytes = b""
    """Of a file: size, mtime and ctime in nanoseconds, inode."""

    @property
    def record(self) -> bytes:
        """The entry as ``find -printf '%y %m %l %P'`` writes it in a release."""
        mode = b"777" if self.kind == "l" else b"755" if self.kind == "d" or self.executable else b"644"
        return b"%s %s %s %s" % (self.kind.encode(), mode, self.target, self.path)


@dataclass(frozen=True, kw_only=True, slots=True)
class Tree:
    """What a source holds."""

    digest: str
    files: int
    bytes: int


def matcher(patterns: Sequence[str], docroot: str) -> re.Pattern[bytes]:
    """Turn rsync patterns that are anchored at the document root into one for paths from the source's root."""
    prefix = "" if docroot == "." else f"{docroot}/"
    parts = [
        "".join("[^/]*" if piece == "*" else re.escape(piece) for piece in re.split(r"(\*)", prefix + pattern[1:]))
        for pattern in patterns
    ]
    return re.compile("|".join(f"(?:{part})" for part in parts).encode() or b"(?!)", re.DOTALL)


def anchored(patterns: Sequence[str], docroot: str) -> list[str]:
    """Give rsync's options that leave the same out: anchored at the root of the transfer."""
    prefix = "" if docroot == "." else f"/{docroot}"
    names = [name.decode() for name in REPOSITORY_DIRECTORIES]
    return [f"--exclude={prefix}{pattern}" for pattern in patterns] + [f"--exclude={name}" for name in names]


def walk(root: Path, excluded: re.Pattern[bytes]) -> Iterator[Entry]:
    """List a tree, what is left out left out.

    Raises:
        SourceError: something that a release cannot have: a device, a set-user-id file, a link that leaves the tree.
    """
    base = os.fsencode(root)
    pending = [b""]
    found: dict[bytes, bytes] = {}
    while pending:
        below = pending.pop()
        prefix = below + b"/" if below else b""
        with os.scandir(os.path.join(base, below)) as entries:
            for entry in entries:
                name = entry.name
                path = prefix + name
                if name in REPOSITORY_DIRECTORIES or excluded.fullmatch(path):
                    continue
                # What scandir(3) knows already costs no stat(2).
                if entry.is_dir(follow_symlinks=False):
                    pending.append(path)
                    yield Entry(path, "d", True)
                elif entry.is_symlink():
                    target = os.readlink(entry.path)
                    _check_link(_shown(root, path), path, target)
                    found[path] = target
                    yield Entry(path, "l", False, target)
                else:
                    yield _file(root, path, entry.stat(follow_symlinks=False))
    # Only now are all links known that one of them may lead through.
    leaving = links.first_outside(found)
    if leaving is not None:
        raise SourceError(_leaves(_shown(root, leaving), found[leaving]))


def check(root: Path) -> None:
    """Check that a tree holds nothing that reaches outside of it, before somebody else's program works in it.

    Raises:
        SourceError: it does.
        OSError: it cannot be read.
    """
    for _ in walk(root, matcher((), ".")):
        """Walking raises."""


def _file(root: Path, path: bytes, facts: os.stat_result) -> Entry:
    mode = facts.st_mode
    if not stat.S_ISREG(mode):
        raise SourceError(
            numbered(
                2005, f"{_shown(root, path)!r} is a device, pipe or socket; code has none: remove it from the source"
            )
        )
    if mode & (stat.S_ISUID | stat.S_ISGID):
        raise SourceError(
            numbered(2005, f"{_shown(root, path)!r} is set-user-id or set-group-id; code has no need of it: chmod ug-s")
        )
    if path == b"-":
        raise SourceError(
            numbered(2005, f"{_shown(root, path)!r} has a name that programs take for their input; give it another one")
        )
    return file_entry(path, facts)


def file_entry(path: bytes, facts: os.stat_result) -> Entry:
    """Give a file's entry from what stat(2) says."""
    seen = b"%d %d %d %d" % (facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino)
    return Entry(path, "f", bool(facts.st_mode & stat.S_IXUSR), b"", facts.st_size, seen)


def _shown(root: Path, path: bytes) -> str:
    return os.fsdecode(os.path.join(os.fsencode(root), path))


def _check_link(shown: str, path: bytes, target: bytes) -> None:
    reached = os.path.normpath(os.path.join(os.path.dirname(path), target))
    if target.startswith(b"/") or reached == b".." or reached.startswith(b"../"):
        raise SourceError(_leaves(shown, target))


def _leaves(shown: str, target: bytes) -> str:
    return numbered(
        2004,
        f"{shown!r} is a link to {os.fsdecode(target)!r}, outside of the source: on a server it would point to "
        "something else. Replace it by what it points to",
    )


class SumCache:
    """What was read of a source, in one file: a line on all of it, and each entry with a file's sum and facts."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._old: dict[bytes, tuple[bytes, bytes]] = {}
        self._new: list[bytes] = []

    def whole(self, seen: str) -> Tree | None:
        """Give the tree that was made of exactly these files; reads one line."""
        try:
            with self._path.open("rb") as handle:
                known = json.loads(handle.readline())
            return Tree(**known["tree"]) if known["seen"] == seen else None
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def content(self, digest: str) -> Content | None:
        """Give what was read, if it was this."""
        head, parts = self._parts()
        try:
            known = json.loads(head)["tree"]["digest"]
        except (ValueError, TypeError, KeyError):
            return None
        return dict(zip(parts[:-1:3], parts[1::3], strict=True)) if known == digest and parts else None

    def load(self) -> None:
        """Read the checksums; a cache that is missing or broken is none."""
        _, parts = self._parts()
        self._old = dict(zip(parts[:-1:3], zip(parts[1::3], parts[2::3], strict=True), strict=True))

    def _parts(self) -> tuple[bytes, list[bytes]]:
        """Give the line on all of it, and the entries one after the other, with an empty end; no entries where it is broken."""
        try:
            head, _, body = self._path.read_bytes().partition(b"\n")
        except OSError:
            return b"", []
        parts = body.split(b"\0")
        return head, parts if len(parts) % 3 == 1 else []

    def value(self, root: bytes, entry: Entry) -> bytes:
        """Give what an entry is, with a file's SHA-256 at its end: from the cache where the file is unchanged."""
        path, facts = entry.path, entry.facts
        value = entry.record
        if entry.kind == "f":
            known = self._old.get(path)
            if known is not None and known[1] == facts and known[0][:-SUM_LENGTH] == value:
                value = known[0]
            else:
                value += b" " + file_sum(os.path.join(root, path)).encode()
        self._new += (path, value, facts)
        return value

    def save(self, seen: str, tree: Tree | None) -> None:
        """Write the cache; without it everything works, slower."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        head = json.dumps({"seen": seen, "tree": asdict(tree) if tree else None})
        files.replace(self._path, head.encode() + b"\n" + b"\0".join((*self._new, b"")))


def file_sum(path: bytes | Path) -> str:
    """Give a file's SHA-256 in hexadecimal digits.

    Raises:
        OSError: it cannot be read.
    """
    digest = hashlib.sha256()
    with open(path, "rb", buffering=0) as handle:
        while chunk := handle.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def read(root: Path, patterns: Sequence[str], docroot: str, cache: Path) -> Tree:
    """Read a source tree.

    Args:
        root: the source.
        patterns: what is left out, from the document root.
        docroot: the document root, from the source.
        cache: the file that remembers checksums.

    Raises:
        SourceError: the tree is missing or empty, or has something that a release cannot have.
        OSError: a file cannot be read.
    """
    if not root.is_dir():
        raise SourceError(
            numbered(
                2000,
                f"{str(root)!r} is no directory. If a disk is not mounted, mount it; nothing is deleted anywhere meanwhile",
            )
        )
    entries = list(walk(root, matcher(patterns, docroot)))
    files = [entry for entry in entries if entry.kind == "f"]
    if not files:
        raise SourceError(numbered(2001, f"{str(root)!r} holds no file; nothing is deleted anywhere"))
    sums = SumCache(cache)
    seen = _seen(entries)
    known = sums.whole(seen)
    if known is not None:
        return known
    sums.load()
    base = os.fsencode(root)
    # As they were found: directories before what is in them.
    held = {entry.path: sums.value(base, entry) for entry in entries}
    tree = Tree(digest=digest_of(held), files=len(files), bytes=sum(entry.size for entry in files))
    sums.save(seen, tree)
    return tree


def digest_of(held: Content) -> str:
    """Give the digest of what a tree holds, as sha256sum(1) and find(1) make it on a machine. Pure."""
    files = sorted((path, value) for path, value in held.items() if value.startswith(b"f"))
    records = sorted(value[:-SUM_LENGTH] if value.startswith(b"f") else value for value in held.values())
    listing = hashlib.sha256(b"\0".join((*records, b""))).hexdigest()
    content = hashlib.sha256(b"".join([b"%s  %s\0" % (value[1 - SUM_LENGTH :], path) for path, value in files]))
    # As sha256sum(1) writes the sum of its standard input.
    return hashlib.sha256(f"{listing}  -\n{content.hexdigest()}  -\n".encode()).hexdigest()


def _seen(entries: list[Entry]) -> str:
    """Sum up all that was seen of a tree without a look into its files."""
    lines = sorted(
        b"%s\0%s\0%d %s" % (path, target, executable, facts)
        if kind == "f"
        else b"%s\0%s\0%s" % (path, target, kind.encode())
        for path, kind, executable, target, _, facts in entries
    )
    return hashlib.sha256(b"\0\n".join(lines)).hexdigest()
