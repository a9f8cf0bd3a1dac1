"""Archives: unpacked so that nothing in them reaches outside, whatever their names, links and modes say."""

from __future__ import annotations

import lzma
import os
import shutil
import stat
import subprocess
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from aegir_components.messages import numbered, shown

from .faults import SourceError
from .programs import environment
from .target import CHUNK, UNPACK_TIMEOUT, Target

ZIP_UTF8: Final = 0x800
ZIP_ENCRYPTED: Final = 0x1
DAMAGED: Final = (tarfile.TarError, zipfile.BadZipFile, EOFError, NotImplementedError, lzma.LZMAError, zlib.error)
ZSTD: Final = b"\x28\xb5\x2f\xfd"
WRONG: Final = "::rejected "
"""What the line of a program of its own begins with that says what is wrong."""
ZIP: Final = b"PK\x03\x04"


def main(archive: str, scratch: str, code: str) -> int:
    """Unpack as a program of its own, and say on one line what is wrong."""
    try:
        unpack(Path(archive), Path(scratch), Path(code))
    except SourceError as fault:
        sys.stdout.write(f"{WRONG}{' '.join(shown(fault).split())}\n")
        return 1
    return 0


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
    try:
        with Target(raw) as target:
            if magic == ZIP:
                with zipfile.ZipFile(archive) as packed:
                    _zip(packed, target)
            else:
                with _tar(archive, magic) as members:
                    _members(members, target)
            target.finish()
    except DAMAGED as fault:
        # tarfile lists on further lines what it has tried.
        why = (str(fault).splitlines() or ["it ends too early"])[0].rstrip(":")
        raise SourceError(
            numbered(2040, f"the archive cannot be unpacked ({why}); tar.gz, tar.xz, tar.bz2, tar.zst and zip can")
        ) from None
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
        raise SourceError(numbered(2021, "zstd is not installed on the hub: apt-get install zstd"))
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
            raise SourceError(numbered(2040, "the archive cannot be unpacked (zstd finds it damaged)"))
    finally:
        process.kill()
        process.wait(timeout=UNPACK_TIMEOUT)


def _members(members: tarfile.TarFile, target: Target) -> None:
    for member in members:
        name = member.name
        if member.isdir():
            target.make_directory(name)
        elif member.issym():
            target.note_link(name, member.linkname)
        elif member.islnk():
            target.copy_file(name, member.linkname)
        elif member.isreg():
            content = members.extractfile(member)
            assert content is not None
            target.write_file(name, member.mode, content)
        else:
            raise SourceError(numbered(2042, f"{name!r} in the archive is a device or pipe; code has none"))


def _zip(packed: zipfile.ZipFile, target: Target) -> None:
    for info in packed.infolist():
        # Without the flag, zipfile reads a name as DOS wrote it; Unix wrote its own bytes.
        name = info.filename
        if not info.flag_bits & ZIP_UTF8:
            name = os.fsdecode(name.encode("cp437", errors="replace"))
        mode = info.external_attr >> 16
        if info.flag_bits & ZIP_ENCRYPTED:
            raise SourceError(numbered(2045, f"{name!r} in the archive is encrypted"))
        if info.is_dir() or stat.S_ISDIR(mode):
            target.make_directory(name)
            continue
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFLNK):
            raise SourceError(numbered(2042, f"{name!r} in the archive is a device or pipe; code has none"))
        with packed.open(info) as content:
            if stat.S_ISLNK(mode):
                target.note_link(name, os.fsdecode(content.read(4096)))
            else:
                target.write_file(name, mode, content)
