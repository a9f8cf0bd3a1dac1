"""The content of a source tree, and a digest of it that a machine with only a shell computes as well.

The digest covers what a release is: paths, kinds, modes (as a release has them), link targets, and every byte.
Files are read once: a cache beside the hub's data remembers each file's sum by size, mtime, ctime and inode, so that an
unchanged tree costs a walk.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

REPOSITORY_DIRECTORIES = (b".git", b".svn", b".hg", b".bzr", b"CVS")
"""Version control's own data: never part of a release, as in Aegir."""
CHUNK = 1 << 20
"""Bytes read at a time."""


class SourceError(ValueError):
    """A source that no release can be made of; says which path is at fault and what to do."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One name in a tree."""

    path: bytes
    kind: str
    """``f``, ``d`` or ``l``, as find(1) writes it."""
    executable: bool
    target: bytes
    facts: tuple[int, int, int, int]
    """Size, mtime and ctime in nanoseconds, inode."""

    @property
    def record(self) -> bytes:
        """The entry as ``find -printf '%y %m %l %P'`` writes it in a release."""
        mode = b"777" if self.kind == "l" else b"755" if self.kind == "d" or self.executable else b"644"
        return b"%s %s %s %s\0" % (self.kind.encode(), mode, self.target, self.path)


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
    while pending:
        below = pending.pop()
        with os.scandir(os.path.join(base, below)) as entries:
            for entry in entries:
                path = os.path.join(below, entry.name) if below else entry.name
                if entry.name in REPOSITORY_DIRECTORIES or excluded.fullmatch(path):
                    continue
                made = _entry(root, path, entry)
                if made.kind == "d":
                    pending.append(path)
                yield made


def _entry(root: Path, path: bytes, entry: os.DirEntry[bytes]) -> Entry:
    facts = entry.stat(follow_symlinks=False)
    numbers = (facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino)
    shown = os.fsdecode(os.path.join(os.fsencode(root), path))
    if entry.is_symlink():
        target = os.readlink(entry.path)
        _check_link(shown, path, target)
        return Entry(path, "l", False, target, numbers)
    if stat.S_ISDIR(facts.st_mode):
        return Entry(path, "d", True, b"", numbers)
    if not stat.S_ISREG(facts.st_mode):
        raise SourceError(f"{shown!r} is a device, pipe or socket; code has none: remove it from the source")
    if facts.st_mode & (stat.S_ISUID | stat.S_ISGID):
        raise SourceError(f"{shown!r} is set-user-id or set-group-id; code has no need of it: chmod ug-s")
    return Entry(path, "f", bool(facts.st_mode & stat.S_IXUSR), b"", numbers)


def _check_link(shown: str, path: bytes, target: bytes) -> None:
    reached = os.path.normpath(os.path.join(os.path.dirname(path), target))
    if target.startswith(b"/") or reached == b".." or reached.startswith(b"../"):
        raise SourceError(
            f"{shown!r} is a link to {os.fsdecode(target)!r}, outside of the source: on a server it would point to "
            f"something else. Replace it by what it points to"
        )


class SumCache:
    """Sums of files by what stat(2) says of them, kept in one file a source."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            known = json.loads(path.read_text())
        except (OSError, ValueError):
            known = None
        pairs = known.items() if isinstance(known, dict) else ()
        self._old: dict[str, list[object]] = {key: row for key, row in pairs if isinstance(row, list) and len(row) == 5}
        self._new: dict[str, list[object]] = {}

    def sum(self, root: bytes, entry: Entry) -> str:
        """Give a file's SHA-256, from the cache where the file is unchanged."""
        key, facts = os.fsdecode(entry.path), list(entry.facts)
        known = self._old.get(key)
        if known is not None and known[:4] == facts:
            self._new[key] = known
            return str(known[4])
        digest = hashlib.sha256()
        with open(os.path.join(root, entry.path), "rb", buffering=0) as handle:
            while chunk := handle.read(CHUNK):
                digest.update(chunk)
        self._new[key] = [*facts, digest.hexdigest()]
        return digest.hexdigest()

    def save(self) -> None:
        """Write the cache when it changed; without it everything works, slower."""
        if self._new == self._old:
            return
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        fresh.write_text(json.dumps(self._new, separators=(",", ":")))
        fresh.replace(self._path)


def read(root: Path, patterns: Sequence[str], docroot: str, cache: Path) -> Tree:
    """Read a source tree.

    Args:
        root: the source.
        patterns: what is left out, from the document root.
        docroot: the document root, from the source.
        cache: the file that remembers sums.

    Raises:
        SourceError: the tree is missing or empty, or has something that a release cannot have.
        OSError: a file cannot be read.
    """
    if not root.is_dir():
        raise SourceError(
            f"{str(root)!r} is no directory. If a disk is not mounted, mount it; nothing is deleted anywhere meanwhile"
        )
    entries = list(walk(root, matcher(patterns, docroot)))
    files = sorted((entry for entry in entries if entry.kind == "f"), key=lambda entry: entry.path)
    if not files:
        raise SourceError(f"{str(root)!r} holds no file; nothing is deleted anywhere")
    sums = SumCache(cache)
    base = os.fsencode(root)
    listing = hashlib.sha256(b"".join(sorted(entry.record for entry in entries))).hexdigest()
    content = hashlib.sha256()
    for entry in files:
        content.update(b"%s  %s\0" % (sums.sum(base, entry).encode(), entry.path))
    sums.save()
    # As sha256sum(1) writes the sum of its standard input.
    digest = hashlib.sha256(f"{listing}  -\n{content.hexdigest()}  -\n".encode()).hexdigest()
    return Tree(digest=digest, files=len(files), bytes=sum(entry.facts[0] for entry in files))
