"""The directory that an archive is unpacked into, in which nothing is ever written through a link.

Each directory on a name's way is opened by itself below the one before, and a link is not followed (O_NOFOLLOW). That
holds for a link of the archive, whatever its place in it, and for one that somebody else makes meanwhile.
"""

from __future__ import annotations

import os
import posixpath
import stat
import time
from pathlib import Path
from typing import IO, Final, Self

from aegir_components.messages import numbered

from . import links
from .faults import SourceError

UNPACK_TIMEOUT: Final = 900.0
"""Seconds for one archive."""
MOST_NAMES: Final = 500_000
MOST_BYTES: Final = 8 << 30
"""Of an archive's content; a small archive can hold very much of nothing."""
CHUNK: Final = 1 << 20
DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Target:
    """A new directory, and what may be made in it. Links are made last."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._links: dict[str, str] = {}
        self._names = 0
        self._bytes = 0
        self._deadline = time.monotonic() + UNPACK_TIMEOUT
        self._kept: tuple[str, int] | None = None
        """The directory that was opened last: most names follow one of the same directory."""

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close what is open."""
        if self._kept:
            os.close(self._kept[1])
            self._kept = None

    def make_directory(self, name: str) -> None:
        """Make a directory.

        Raises:
            SourceError: it would be outside, or below something that is no directory.
        """
        self._count()
        self._open(self._inside(name), name)

    def write_file(self, name: str, mode: int, content: IO[bytes]) -> None:
        """Write a file, executable or not.

        Raises:
            SourceError: its name is outside or taken, it is set-user-id, or the archive holds too much.
        """
        self._count()
        if mode & (stat.S_ISUID | stat.S_ISGID):
            raise SourceError(
                numbered(2042, f"{name!r} in the archive is set-user-id or set-group-id; code has no need of it")
            )
        directory, last = self._place(name)
        handle = os.open(last, FILE, 0o755 if mode & 0o100 else 0o644, dir_fd=directory)
        with os.fdopen(handle, "wb") as written:
            while chunk := content.read(CHUNK):
                self._bytes += len(chunk)
                if self._bytes > MOST_BYTES:
                    raise SourceError(numbered(2044, f"the archive holds more than {MOST_BYTES >> 30} GiB"))
                self._check_time()
                written.write(chunk)

    def note_link(self, name: str, target: str) -> None:
        """Note a symbolic link, to be made when everything else is there.

        Raises:
            SourceError: its name or its target is outside, or the name is taken by another link.
        """
        self._count()
        path = self._inside(name)
        reached = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
        if not path or not target or target.startswith("/") or reached == ".." or reached.startswith("../"):
            raise SourceError(_outside(name, target))
        if path in self._links:
            raise SourceError(numbered(2043, f"{name!r} is in the archive twice"))
        self._links[path] = target

    def copy_file(self, name: str, other: str) -> None:
        """Make what the archive calls a hard link: a file of its own with the same content.

        Raises:
            SourceError: there is no such file yet.
        """
        missing = numbered(2043, f"{name!r} in the archive is a hard link to {other!r}, no file that comes before it")
        # No link is there yet, so that this is a file that was unpacked.
        directory, last = self._place(other, new=False, missing=missing)
        try:
            handle = os.open(last, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=directory)
        except OSError:
            raise SourceError(missing) from None
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            os.close(handle)
            raise SourceError(missing)
        with os.fdopen(handle, "rb") as content:
            self.write_file(name, stat.S_IMODE(found.st_mode), content)

    def finish(self) -> None:
        """Make the links.

        Raises:
            SourceError: one of them leads outside by way of others, or is below another one.
        """
        known = {os.fsencode(path): os.fsencode(target) for path, target in self._links.items()}
        leaving = links.first_outside(known)
        if leaving is not None:
            raise SourceError(_outside(os.fsdecode(leaving), os.fsdecode(known[leaving])))
        for path, target in self._links.items():
            directory, last = self._place(path)
            os.symlink(target, last, dir_fd=directory)

    def _place(self, name: str, *, new: bool = True, missing: str = "") -> tuple[int, str]:
        """Give the open directory that a name is in, and its last part, which is free if it has to be new."""
        path = self._inside(name)
        parent, _, last = path.rpartition("/")
        if not last:
            raise SourceError(missing or numbered(2043, f"{name!r} is in the archive twice"))
        directory = self._open(parent, name, make=new, missing=missing)
        if new and _exists(last, directory):
            raise SourceError(numbered(2043, f"{name!r} is in the archive twice"))
        return directory, last

    def _open(self, path: str, name: str, *, make: bool = True, missing: str = "") -> int:
        """Open a directory of the target, step by step, until the next one is opened; those that are not there are made."""
        if self._kept:
            if self._kept[0] == path:
                return self._kept[1]
            os.close(self._kept[1])
            self._kept = None
        handle = os.open(self._root, DIRECTORY)
        for step in filter(None, path.split("/")):
            try:
                below = self._step(handle, step, make=make, fault=missing or _in_its_way(name))
            finally:
                os.close(handle)
            handle = below
        self._kept = path, handle
        return handle

    @staticmethod
    def _step(handle: int, step: str, *, make: bool, fault: str) -> int:
        try:
            if make and not _exists(step, handle):
                os.mkdir(step, 0o755, dir_fd=handle)
            return os.open(step, DIRECTORY, dir_fd=handle)
        except OSError as why:
            # A link, a file, or (where nothing is made) nothing at all; a full disk is another matter.
            if isinstance(why, FileNotFoundError | NotADirectoryError | FileExistsError) or _exists(step, handle):
                raise SourceError(fault) from None
            raise

    @staticmethod
    def _inside(name: str) -> str:
        parts = [part for part in name.split("/") if part not in {"", "."}]
        if name.startswith("/") or ".." in parts or "\0" in name:
            raise SourceError(numbered(2041, f"{name!r} in the archive would be unpacked outside of its directory"))
        return "/".join(parts)

    def _count(self) -> None:
        self._names += 1
        if self._names > MOST_NAMES:
            raise SourceError(numbered(2044, f"the archive holds more than {MOST_NAMES} names"))
        self._check_time()

    def _check_time(self) -> None:
        if time.monotonic() > self._deadline:
            raise SourceError(numbered(2044, f"the archive was not unpacked within {UNPACK_TIMEOUT:.0f} s"))


def _exists(name: str, directory: int) -> bool:
    try:
        os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _outside(name: str, target: str) -> str:
    return numbered(2041, f"{name!r} in the archive is a link to {target!r}, outside of it")


def _in_its_way(name: str) -> str:
    return numbered(2043, f"{name!r} in the archive has a file or a link where its directory is to be")
