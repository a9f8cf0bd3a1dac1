"""The three ways to a Pulumi engine, in order: the one on PATH, Pulumi's release, a build from Go modules.

What was downloaded or built lies in the cache, outside the repository, in a directory named by its version.
It gets that name as the last step, so a directory that exists is whole, and nothing is asked twice.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tools import modules, release
from tools.errors import WayClosed
from tools.lock import only_one
from tools.paths import BUILT_MARK, ENGINE_LINK, engine_home, read_pins
from tools.process import answer, say
from tools.versions import OnPath, why_not

_HOST = "pulumi-language-python"


def ensure() -> None:
    """See that `.venv/engine` points to an engine, getting one first where there is none."""
    pins = read_pins()
    home = engine_home(pins.engine)
    if ENGINE_LINK.exists() and ENGINE_LINK.resolve() == (home / "bin").resolve():
        return
    if not home.is_dir():
        found, directory = look_on_path()
        closed = why_not(found, pins.required)
        if directory is not None and closed is None:
            if not (ENGINE_LINK.exists() and ENGINE_LINK.resolve() == directory.resolve()):
                say(f"pulumi: {found.version} on PATH, in {directory}")
                link(directory)
            return
        get(pins.engine, home, f"pulumi: {closed}")
    link(home / "bin")


def look_on_path() -> tuple[OnPath, Path | None]:
    """Look for a Pulumi that somebody has installed; return what is there, and its directory."""
    found = shutil.which("pulumi")
    if found is None:
        return OnPath(), None
    version = answer([found, "version"], env={"PULUMI_SKIP_UPDATE_CHECK": "true"}) or ""
    # A link such as /usr/local/bin/pulumi is followed: the engine looks for its hosts beside the real file.
    directory = Path(found).resolve().parent
    host = (directory / _HOST).exists() or shutil.which(_HOST) is not None
    return OnPath(version=version, language_host=host), directory


def get(version: str, home: Path, told: str) -> None:
    """Download the engine or build it, so that ``home`` is there afterwards."""
    lock = home.with_name("lock")
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.touch()
    with only_one(lock, "getting the engine"):
        if home.is_dir():  # another set-up has been at it while this one waited
            return
        partial = home.with_name(f"{home.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        try:
            release.get(version, partial / "bin")
            say(f"{told}; release archive: downloaded and checked")
        except WayClosed as closed:
            say(f"{told}; release archive: {closed}; building from Go modules")
            # A killed build leaves its caches here, and the next one goes on from there.
            scratch = home.with_name(f"{home.name}.build")
            scratch.mkdir(parents=True, exist_ok=True)
            modules.build(version, partial / "bin", scratch)
            (partial / BUILT_MARK).touch()
            shutil.rmtree(scratch, ignore_errors=True)
        partial.rename(home)


def link(directory: Path) -> None:
    """Point `.venv/engine` to a directory, in one step for all that look at it."""
    new = ENGINE_LINK.with_name(f"engine.{os.getpid()}")
    new.symlink_to(directory)
    new.replace(ENGINE_LINK)
