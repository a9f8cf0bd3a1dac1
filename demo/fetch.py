"""Archives with code: downloaded, checked, and unpacked into the cache in one step."""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
import threading
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path

from lab.errors import LabError
from tools import paths

CONNECT_SECONDS = 10.0
"""How long to wait for a host's first answer."""
STALL_SECONDS = 60.0
"""How long a download may stand still."""
TAR_ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_CHUNK = 1 << 20


class NotReachable(LabError):
    """The archive cannot be had from here: another way may be open."""


def cache() -> Path:
    """Give the directory of unpacked code bases, outside of the repository."""
    return paths.cache() / "platforms"


def is_archive(name: str) -> bool:
    """Tell an archive by its name."""
    return name.endswith((*TAR_ENDINGS, ".zip"))


def stem(name: str) -> str:
    """Give an archive's name without directory and ending."""
    base = name.rstrip("/").rpartition("/")[2].partition("?")[0]
    for ending in (*TAR_ENDINGS, ".zip"):
        base = base.removesuffix(ending)
    return "".join(c if c.isalnum() or c in "._+-" else "-" for c in base).lstrip(".-") or "code"


def download(url: str, target: Path, say: Callable[[str], None]) -> None:
    """Fetch a URL into a file, giving up early where nobody answers.

    Raises:
        NotReachable: the host does not answer, or has no such file.
    """
    host = url.split("/")[2]
    opened: list[object] = []

    def connect() -> None:
        try:
            opened.append(urllib.request.urlopen(url, timeout=STALL_SECONDS))  # noqa: S310  # checked by the caller
        except (OSError, ValueError) as fault:
            opened.append(fault)

    # A resolver or a firewall that drops packets holds a connection up past any time limit of a socket.
    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(CONNECT_SECONDS)
    if not opened:
        raise NotReachable(f"{host} does not answer within {CONNECT_SECONDS:.0f} s")
    response = opened[0]
    if isinstance(response, urllib.error.HTTPError):
        raise NotReachable(f"{host} answers {response.code} for {url}")
    if isinstance(response, Exception):
        cause = getattr(response, "reason", response)
        raise NotReachable(f"{host} cannot be reached ({getattr(cause, 'strerror', None) or cause})")
    started = told = time.monotonic()
    try:
        with response as stream, target.open("wb") as out:  # type: ignore[attr-defined]
            while chunk := stream.read(_CHUNK):
                out.write(chunk)
                if time.monotonic() - told > 10:
                    told = time.monotonic()
                    say(f"downloading: {out.tell() >> 20} MB in {told - started:.0f} s")
    except OSError as fault:
        raise NotReachable(f"the download from {host} broke off ({fault.strerror or fault})") from None


def sha256(path: Path) -> str:
    """Give a file's SHA-256."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def unpack(archive: Path, target: Path) -> None:
    """Unpack an archive as a directory, without the one directory that everything in it may lie in.

    Raises:
        LabError: it is no archive, or it holds what must not be unpacked.
    """
    fresh = workspace(target)
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as packed:
                packed.extractall(fresh)  # noqa: S202  # it drops ".." and leading slashes itself
        else:
            with tarfile.open(archive) as tar:
                # This filter refuses what would lie or point outside.
                tar.extractall(fresh, filter="data")
    except (tarfile.TarError, zipfile.BadZipFile, OSError, EOFError) as fault:
        shutil.rmtree(fresh)
        raise LabError(f"{archive} cannot be unpacked: {fault}") from None
    inside = list(fresh.iterdir())
    only = inside[0] if len(inside) == 1 and inside[0].is_dir() else fresh
    settle(only, target)
    shutil.rmtree(fresh, ignore_errors=True)


def workspace(target: Path) -> Path:
    """Make an empty directory beside the target, for what is not complete yet."""
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o755)
    return fresh


def settle(fresh: Path, target: Path) -> None:
    """Give a complete directory its name: that the name is there says that it is whole."""
    try:
        fresh.rename(target)
    except OSError:
        # Another run was quicker.
        if not target.is_dir():
            raise
