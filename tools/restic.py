"""The program that keeps backups: the restic on PATH, its release, or a build from its Go module.

`.venv/bin/restic` points to it, so tools/env finds it. What was downloaded or built is in the cache, in a directory named
by its version.
"""

from __future__ import annotations

import bz2
import hashlib
import os
import platform
import re
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools import release
from tools.errors import SetupError, WayClosed
from tools.golang import Scratch, find
from tools.lock import only_one
from tools.paths import ROOT, VENV, cache
from tools.process import answer, elapsed, run, say
from tools.versions import parse

MODULE = ROOT / "tools" / "restic"
LINK = VENV / "bin" / "restic"

#: SHA-256 of programs, compressed as they are published, by file name. Empty: the list that restic publishes was not
#: reachable where this was written, so each download is compared with that list.
PINNED: dict[str, str] = {}

_PLACE = "https://github.com/restic/restic/releases/download/v{version}/{name}"


def version() -> str:
    """Return the version that is pinned in go.mod."""
    found = re.search(r"(?m)^require github\.com/restic/restic v(\S+)$", (MODULE / "go.mod").read_text())
    if found is None:
        raise ValueError(f"{MODULE}/go.mod requires no restic")
    return found[1]


def serves(printed: str, wanted: str) -> bool:
    """Return whether a restic can be used: the pinned version, or a later one with the same first two numbers.

    Args:
        printed: what `restic version` printed.
        wanted: the pinned version.
    """
    found, least = parse(printed), parse(wanted)
    return found is not None and least is not None and found[:2] == least[:2] and found >= least


@contextmanager
def beside() -> Iterator[None]:
    """See that `.venv/bin/restic` is there, beside the block's own work.

    Without restic everything but backups works, so a failure is only told.
    """
    if LINK.exists() and LINK.resolve() == (home(version()) / "restic").resolve():
        yield
        return
    thread = threading.Thread(target=_ensure_or_tell, daemon=True)
    thread.start()
    yield
    thread.join()


def _ensure_or_tell() -> None:
    try:
        ensure()
    except SetupError as fault:
        say(f"restic: {fault}\nsetup: backups need it; everything else works. To try again: make setup")


def ensure() -> None:
    """Point `.venv/bin/restic` to a restic, getting one first where there is none.

    Raises:
        SetupError: it cannot be had.
    """
    wanted = version()
    program = home(wanted) / "restic"
    if not program.exists():
        found = _on_path(wanted)
        if found is not None:
            _link(found)
            return
        _get(wanted)
    _link(program)


def home(wanted: str) -> Path:
    """Name the directory of a version in the cache; that it exists says that it is whole."""
    return cache() / "restic" / wanted


def archive_name(wanted: str, system: str, machine: str) -> str:
    """Name the published program for a machine, in restic's words for it.

    Raises:
        WayClosed: none is published for such a machine.
    """
    processors = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
    if system not in {"Linux", "Darwin"} or machine.lower() not in processors:
        raise WayClosed(f"there is none for {system} on {machine}")
    return f"restic_{wanted}_{system.lower()}_{processors[machine.lower()]}.bz2"


def fetch(wanted: str, into: Path, get: release.Fetch | None = None) -> None:
    """Download, check and unpack the published program into a directory.

    Raises:
        WayClosed: it cannot be had from here.
        SetupError: it was had, and it is not what was published.
    """
    get = get or release.download
    name = archive_name(wanted, platform.system(), platform.machine())
    listed = PINNED.get(name) or release.published_sum(
        get(_PLACE.format(version=wanted, name="SHA256SUMS")).decode(), name
    )
    packed = get(_PLACE.format(version=wanted, name=name))
    found = hashlib.sha256(packed).hexdigest()
    if found != listed:
        raise SetupError(f"{name} has the SHA-256 {found}, and {listed} was expected: it is not used")
    into.mkdir(parents=True, exist_ok=True)
    (into / "restic").write_bytes(bz2.decompress(packed))
    (into / "restic").chmod(0o755)


def _on_path(wanted: str) -> Path | None:
    found = shutil.which("restic")
    if found is None or Path(found) == LINK:
        return None
    printed = answer([found, "version"]) or ""
    if not serves(printed, wanted):
        say(f"restic: {found} is {' '.join(printed.split()[:2]) or 'no restic'}, and {wanted} is required")
        return None
    say(f"restic: {' '.join(printed.split()[:2])} on PATH")
    return Path(found).resolve()


def _get(wanted: str) -> None:
    place = home(wanted)
    lock = place.with_name("lock")
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.touch()
    with only_one(lock, "getting restic"):
        if place.is_dir():  # another set-up has been at it while this one waited
            return
        partial = place.with_name(f"{wanted}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        try:
            fetch(wanted, partial)
            say("restic: downloaded and checked")
        except WayClosed as closed:
            say(f"restic: release: {closed}; building from its Go module")
            scratch = place.with_name(f"{wanted}.build")
            scratch.mkdir(parents=True, exist_ok=True)
            _build(partial, scratch)
            shutil.rmtree(scratch, ignore_errors=True)
        partial.rename(place)


def _build(into: Path, scratch_root: Path) -> None:
    scratch, start = Scratch(root=scratch_root), time.monotonic()
    go = find(scratch)
    into.mkdir(parents=True, exist_ok=True)
    flags = ["-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags=-s -w"]
    package = "github.com/restic/restic/cmd/restic"
    run("building restic", [go, "build", "-v", *flags, "-o", into / "restic", package], env=scratch.env(), cwd=MODULE)
    say(f"restic: built in {elapsed(time.monotonic() - start)}")


def _link(program: Path) -> None:
    new = LINK.with_name(f"restic.{os.getpid()}")
    new.symlink_to(program)
    new.replace(LINK)
