"""Disks of virtual machines: the root of an image as one file, made once, shared by all and written to by none.

Made without mounting anything: the engine shows the image's files, and mke2fs packs a directory into a file system.
"""

from __future__ import annotations

import hashlib
import pathlib
import shutil
import tempfile
import time
from collections.abc import Callable

from . import kernel, state
from .engine import Engine, run

SIZE = "6G"
"""What a machine may write in all; the file has holes where nothing is."""


def directory() -> pathlib.Path:
    """Give (and make) the directory of all disks; the dot keeps it apart from the labs' own."""
    path = state.home() / ".disks"
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def disk(tag: str, version: str) -> pathlib.Path:
    """Name the file that is made from an image, for a version of the kernel."""
    return directory() / f"{hashlib.sha256(f'{tag} {version} {SIZE}'.encode()).hexdigest()[:16]}.ext4"


def ensure(engine: Engine, tag: str, say: Callable[[str], None]) -> pathlib.Path:
    """Make the disk of an image, unless it is there."""
    found = kernel.ensure(say)
    path = disk(tag, found.version)
    with state.locked("disks"):
        if not path.exists():
            begun = time.monotonic()
            say(f"making a disk of {tag} (about 20 s)")
            _make(engine, tag, path, found)
            say(f"made {path.name} in {time.monotonic() - begun:.0f} s")
    return path


def prune(tags: set[str], say: Callable[[str], None]) -> None:
    """Remove disks of images that are none of these; a machine that runs keeps its disk until it ends."""
    found = kernel.installed()
    current = {disk(tag, found.version) for tag in tags} if found else set()
    with state.locked("disks"):
        for path in sorted(directory().glob("*.ext4")):
            if path not in current:
                say(f"removing {path}")
                path.unlink()


def _make(engine: Engine, tag: str, path: pathlib.Path, found: kernel.Kernel) -> None:
    with tempfile.TemporaryDirectory(prefix="stage-", dir=directory()) as name:
        root = pathlib.Path(name, "root")
        root.mkdir(mode=0o755)
        # Out of a container that never runs: every engine can do this, and the image's layers come as one tree.
        container = engine.call("create", *engine.limits, tag, "/bin/true").strip().splitlines()[-1]
        try:
            archive = pathlib.Path(name, "root.tar")
            engine.call("export", "-o", str(archive), container, timeout=300)
        finally:
            engine.call("rm", container)
        run(["tar", "--numeric-owner", "-xpf", str(archive), "-C", str(root)], timeout=300)
        archive.unlink()
        target = root / "lib" / "modules" / found.version
        shutil.copytree(found.modules, target, symlinks=True, dirs_exist_ok=True)
        (root / "etc" / "hosts").write_text("127.0.0.1 localhost\n")
        (root / "etc" / "machine-id").write_text("")
        # A terminal of a container's is no device of a machine.
        (root / ".dockerenv").unlink(missing_ok=True)
        fresh = pathlib.Path(name, "fresh")
        run(["mke2fs", "-q", "-t", "ext4", "-L", "root", "-E", "lazy_itable_init=1,lazy_journal_init=1", "-d", str(root),
             str(fresh), SIZE], timeout=600)  # fmt: skip
        fresh.rename(path)
