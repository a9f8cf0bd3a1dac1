"""The content of a source tree, and a digest of it that a machine with only a shell computes as well.

The digest covers what a release is: paths, kinds, modes (as a release has them), link targets, and every byte.
Files are read once: a cache beside the hub's data remembers each file's sum by size, mtime, ctime and inode, and of which
sizes, times and inodes the whole was made, so that an unchanged tree costs one walk and not a look at each sum.
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

from .faults import SourceError

REPOSITORY_DIRECTORIES = (b".git", b".svn", b".hg", b".bzr", b"CVS")
"""Version control's own data: never part of a release, as in Aegir."""
CHUNK = 1 << 20
"""Bytes read at a time."""


class Entry(NamedTuple):
    """One name in a tree. A tuple, since 25,000 of them are made at each look."""

    path: bytes
    kind: str
    """``f``, ``d`` or ``l``, as find(1) writes it."""
    executable: bool
    target: bytes = b""
    facts: tuple[int, int, int, int] = (0, 0, 0, 0)
    """Of a file: size, mtime and ctime in nanoseconds, inode."""

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
                    yield Entry(path, "l", False, target)
                else:
                    yield _file(root, path, entry.stat(follow_symlinks=False))


def _file(root: Path, path: bytes, facts: os.stat_result) -> Entry:
    mode = facts.st_mode
    if not stat.S_ISREG(mode):
        raise SourceError(
            f"{_shown(root, path)!r} is a device, pipe or socket; code has none: remove it from the source"
        )
    if mode & (stat.S_ISUID | stat.S_ISGID):
        raise SourceError(f"{_shown(root, path)!r} is set-user-id or set-group-id; code has no need of it: chmod ug-s")
    if path == b"-":
        raise SourceError(f"{_shown(root, path)!r} has a name that programs take for their input; give it another one")
    numbers = (facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino)
    return Entry(path, "f", bool(mode & stat.S_IXUSR), b"", numbers)


def _shown(root: Path, path: bytes) -> str:
    return os.fsdecode(os.path.join(os.fsencode(root), path))


def _check_link(shown: str, path: bytes, target: bytes) -> None:
    reached = os.path.normpath(os.path.join(os.path.dirname(path), target))
    if target.startswith(b"/") or reached == b".." or reached.startswith(b"../"):
        raise SourceError(
            f"{shown!r} is a link to {os.fsdecode(target)!r}, outside of the source: on a server it would point to "
            f"something else. Replace it by what it points to"
        )


class SumCache:
    """Sums of files by what stat(2) says of them, kept in one file a source: what was read last, and all sums."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._old: dict[str, list[object]] = {}
        self._new: dict[str, list[object]] = {}

    def whole(self, seen: str) -> Tree | None:
        """Give the tree that was made of exactly these files; reads one line."""
        try:
            with self._path.open(encoding="utf-8") as handle:
                known = json.loads(handle.readline())
            return Tree(**known["tree"]) if known["seen"] == seen else None
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def load(self) -> None:
        """Read the sums; a cache that is missing or broken is none."""
        try:
            known = json.loads(self._path.read_text(encoding="utf-8").split("\n")[1])
        except (OSError, ValueError, IndexError):
            known = None
        pairs = known.items() if isinstance(known, dict) else ()
        self._old = {key: row for key, row in pairs if isinstance(row, list) and len(row) == 5}

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

    def save(self, seen: str, tree: Tree | None) -> None:
        """Write the cache; without it everything works, slower."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        lines = ({"seen": seen, "tree": asdict(tree) if tree else None}, self._new)
        fresh.write_text("\n".join(json.dumps(line, separators=(",", ":")) for line in lines), encoding="utf-8")
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
    files = [entry for entry in entries if entry.kind == "f"]
    if not files:
        raise SourceError(f"{str(root)!r} holds no file; nothing is deleted anywhere")
    sums = SumCache(cache)
    seen = _seen(entries)
    known = sums.whole(seen)
    if known is not None:
        return known
    files.sort(key=lambda entry: entry.path)
    sums.load()
    base = os.fsencode(root)
    listing = hashlib.sha256(b"".join(sorted(entry.record for entry in entries))).hexdigest()
    content = hashlib.sha256()
    for entry in files:
        content.update(b"%s  %s\0" % (sums.sum(base, entry).encode(), entry.path))
    # As sha256sum(1) writes the sum of its standard input.
    digest = hashlib.sha256(f"{listing}  -\n{content.hexdigest()}  -\n".encode()).hexdigest()
    tree = Tree(digest=digest, files=len(files), bytes=sum(entry.facts[0] for entry in files))
    sums.save(seen, tree)
    return tree


def _seen(entries: list[Entry]) -> str:
    """Sum up all that was seen of a tree without a look into its files."""
    lines = sorted(
        b"%s\0%s\0%d %d %d %d %d" % (path, target, executable, *facts)
        if kind == "f"
        else b"%s\0%s\0%s" % (path, target, kind.encode())
        for path, kind, executable, target, facts in entries
    )
    return hashlib.sha256(b"\0\n".join(lines)).hexdigest()
