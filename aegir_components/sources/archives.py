"""Archives: unpacked so that nothing in them reaches outside, whatever their names, links and modes say."""

from __future__ import annotations

import lzma
import os
import posixpath
import shutil
import stat
import subprocess
import tarfile
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from .faults import SourceError
from .programs import environment

UNPACK_TIMEOUT: Final = 900.0
"""Seconds for one archive."""
MOST_NAMES: Final = 500_000
MOST_BYTES: Final = 8 << 30
"""Of an archive's content; a small archive can hold very much of nothing."""
CHUNK: Final = 1 << 20
ZIP_UTF8: Final = 0x800
ZIP_ENCRYPTED: Final = 0x1
DAMAGED: Final = (tarfile.TarError, zipfile.BadZipFile, EOFError, NotImplementedError, lzma.LZMAError, zlib.error)
ZSTD: Final = b"\x28\xb5\x2f\xfd"
ZIP: Final = b"PK\x03\x04"


class _Target:
    """The directory that an archive is unpacked into. Links are made last, so that nothing is written through one."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._links: dict[str, str] = {}
        self._names = 0
        self._bytes = 0
        self._deadline = time.monotonic() + UNPACK_TIMEOUT

    def directory(self, name: str) -> None:
        """Make a directory."""
        self._count()
        self._make(self._inside(name), name)

    def file(self, name: str, mode: int, content: IO[bytes]) -> None:
        """Write a file, executable or not."""
        self._count()
        if mode & (stat.S_ISUID | stat.S_ISGID):
            raise SourceError(f"{name!r} in the archive is set-user-id or set-group-id; code has no need of it")
        handle = os.open(self._new(name), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o755 if mode & 0o100 else 0o644)
        with os.fdopen(handle, "wb") as written:
            while chunk := content.read(CHUNK):
                self._bytes += len(chunk)
                if self._bytes > MOST_BYTES:
                    raise SourceError(f"the archive holds more than {MOST_BYTES >> 30} GiB")
                self._hurry()
                written.write(chunk)

    def link(self, name: str, target: str) -> None:
        """Note a link that stays inside."""
        self._count()
        path = self._inside(name)
        reached = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
        if not path or not target or target.startswith("/") or reached == ".." or reached.startswith("../"):
            raise SourceError(f"{name!r} in the archive is a link to {target!r}, outside of it")
        self._links[path] = target

    def same(self, name: str, other: str) -> None:
        """Make what the archive calls a hard link: a file of its own with the same content."""
        source = self._root / self._inside(other)
        # No link is there yet, so that this is a file that was unpacked.
        if not source.is_file():
            raise SourceError(f"{name!r} in the archive is a hard link to {other!r}, no file that comes before it")
        with source.open("rb") as content:
            self.file(name, stat.S_IMODE(source.stat().st_mode), content)

    def finish(self) -> None:
        """Make the links."""
        for path, target in self._links.items():
            self._new(path).symlink_to(target)

    def _new(self, name: str) -> Path:
        path = self._inside(name)
        full = self._root / path
        if not path or full.is_symlink() or full.exists():
            raise SourceError(f"{name!r} is in the archive twice")
        self._make(posixpath.dirname(path), name)
        return full

    def _make(self, path: str, name: str) -> None:
        try:
            (self._root / path).mkdir(mode=0o755, parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise SourceError(f"{name!r} in the archive has a file where its directory is to be") from None

    def _inside(self, name: str) -> str:
        parts = [part for part in name.split("/") if part not in {"", "."}]
        if name.startswith("/") or ".." in parts or "\0" in name:
            raise SourceError(f"{name!r} in the archive would be unpacked outside of its directory")
        return "/".join(parts)

    def _count(self) -> None:
        self._names += 1
        if self._names > MOST_NAMES:
            raise SourceError(f"the archive holds more than {MOST_NAMES} names")
        self._hurry()

    def _hurry(self) -> None:
        if time.monotonic() > self._deadline:
            raise SourceError(f"the archive was not unpacked within {UNPACK_TIMEOUT:.0f} s")


def unpack(archive: Path, scratch: Path, code: Path) -> None:
    """Unpack an archive; a single directory that holds all of it is not kept.

    Args:
        archive: tar, plain or packed by gzip, xz, bzip2 or zstd; or zip. Its content tells which.
        scratch: an existing directory on the same disk.
        code: what becomes of it; not there yet.

    Raises:
        SourceError: it is none of these, is damaged, or holds what a code base must not hold.
    """
    with archive.open("rb") as handle:
        magic = handle.read(4)
    raw = scratch / "unpacked"
    raw.mkdir()
    target = _Target(raw)
    try:
        if magic == ZIP:
            with zipfile.ZipFile(archive) as packed:
                _zip(packed, target)
        else:
            with _tar(archive, magic) as members:
                _members(members, target)
    except DAMAGED as fault:
        # tarfile lists on further lines what it has tried.
        why = (str(fault).splitlines() or ["it ends too early"])[0].rstrip(":")
        raise SourceError(
            f"the archive cannot be unpacked ({why}); tar.gz, tar.xz, tar.bz2, tar.zst and zip can"
        ) from None
    target.finish()
    top = list(raw.iterdir())
    single = len(top) == 1 and top[0].is_dir() and not top[0].is_symlink()
    (top[0] if single else raw).rename(code)


@contextmanager
def _tar(archive: Path, magic: bytes) -> Iterator[tarfile.TarFile]:
    if magic != ZSTD:
        with tarfile.open(archive, "r:*") as members:
            yield members
        return
    if shutil.which("zstd") is None:
        raise SourceError("zstd is not installed on the hub: apt-get install zstd")
    limit = ["timeout", "--signal=KILL", f"{UNPACK_TIMEOUT:.0f}"]
    process = subprocess.Popen(
        [*limit, "zstd", "-dcq", "--", str(archive)], env=environment(), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        with tarfile.open(fileobj=process.stdout, mode="r|") as members:
            yield members
            assert process.stdout is not None
            while process.stdout.read(CHUNK):
                """What follows the last member, so that zstd ends by itself."""
        if process.wait(timeout=UNPACK_TIMEOUT):
            raise SourceError("the archive cannot be unpacked (zstd finds it damaged)")
    finally:
        process.kill()
        process.wait(timeout=UNPACK_TIMEOUT)


def _members(members: tarfile.TarFile, target: _Target) -> None:
    for member in members:
        name = member.name
        if member.isdir():
            target.directory(name)
        elif member.issym():
            target.link(name, member.linkname)
        elif member.islnk():
            target.same(name, member.linkname)
        elif member.isreg():
            content = members.extractfile(member)
            assert content is not None
            target.file(name, member.mode, content)
        else:
            raise SourceError(f"{name!r} in the archive is a device or pipe; code has none")


def _zip(packed: zipfile.ZipFile, target: _Target) -> None:
    for info in packed.infolist():
        # Without the flag, zipfile reads a name as DOS wrote it; Unix wrote its own bytes.
        name = info.filename
        if not info.flag_bits & ZIP_UTF8:
            name = os.fsdecode(name.encode("cp437", errors="replace"))
        mode = info.external_attr >> 16
        if info.flag_bits & ZIP_ENCRYPTED:
            raise SourceError(f"{name!r} in the archive is encrypted")
        if info.is_dir() or stat.S_ISDIR(mode):
            target.directory(name)
            continue
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFLNK):
            raise SourceError(f"{name!r} in the archive is a device or pipe; code has none")
        with packed.open(info) as content:
            if stat.S_ISLNK(mode):
                target.link(name, os.fsdecode(content.read(4096)))
            else:
                target.file(name, mode, content)
