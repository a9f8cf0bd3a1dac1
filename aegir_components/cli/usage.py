"""What sites and platforms take of disks, gathered from all machines, with what it was before."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from aegir_components import layout
from aegir_components.facts import disk
from aegir_components.facts.disk import Room
from aegir_components.hub import files
from aegir_components.hub.records import place
from aegir_components.remote.connection import Connection
from aegir_components.scripts import script

from . import audit, machines
from .made import Site
from .state import State

TIMEOUT: Final = 180.0
DAY: Final = 86_400
SAMPLES: Final = 400
"""Samples that are kept, one a day at most: for more than a year."""
HALF_A_DAY: Final = DAY // 2


@dataclass(frozen=True, kw_only=True, slots=True)
class SiteUsage:
    """What one site takes, in bytes."""

    files: int = 0
    """Uploads and private files, on all its web servers together."""
    database: int | None = None
    """``None`` where its database server was not asked, or is somebody else's."""
    logs: int = 0
    backups: int = 0
    """Dumps and archives on the hub."""

    @property
    def total(self) -> int:
        """All together."""
        return self.files + (self.database or 0) + self.logs + self.backups


@dataclass(frozen=True, kw_only=True, slots=True)
class PlatformUsage:
    """What one platform takes, in bytes."""

    releases: int = 0
    """On all its web servers together."""
    builds: int = 0
    """On the hub."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """What a stack takes."""

    at: int
    """Seconds since 1970."""
    sites: Mapping[str, SiteUsage] = field(default_factory=dict)
    """By host name."""
    platforms: Mapping[str, PlatformUsage] = field(default_factory=dict)
    rooms: Mapping[str, tuple[Room, ...]] = field(default_factory=dict)
    """By server."""
    faults: Mapping[str, str] = field(default_factory=dict)
    """Why machines did not answer."""


def gather(state: State) -> Usage:
    """Ask all machines of a stack once, side by side."""
    root = audit.root_of(state)

    def one(name: str, conn: Connection) -> Mapping[str, str]:
        lines = disk.items(_paths(state, name), database=state.servers[name].database is not None)
        return script.execute(conn, "check", lines, what="asking for the use of its disks", timeout=TIMEOUT).facts

    found, faults = machines.ask(machines.of_servers(state.servers), one)
    sizes = {name: disk.sizes(facts) for name, facts in found.items()}
    bases = {name: size for facts in found.values() for name, size in disk.databases(facts).items()}
    dumps = list(_backups(root))
    return Usage(
        at=int(time.time()),
        sites={site.name: _site(site, sizes, bases, dumps) for site in state.sites.values()},
        platforms={
            release.platform: PlatformUsage(
                releases=sum(known.get(_releases(release.publish_path), 0) for known in sizes.values()),
                builds=_size(root / "builds" / release.platform),
            )
            for release in state.releases.values()
        },
        rooms={name: tuple(disk.rooms(facts)) for name, facts in found.items()},
        faults=faults,
    )


def _paths(state: State, server: str) -> Iterator[str]:
    for site in state.sites.values():
        member = site.members.get(server)
        if member is not None and not member.is_slave:
            yield from _of_site(site, first=min(site.members) == server)
    for release in state.releases.values():
        if release.is_kept_on(server):
            yield _releases(release.publish_path)


def _of_site(site: Site, *, first: bool) -> Iterator[str]:
    yield layout.site_directory(layout.publish_root(site.publish_path), site.identity)
    shared = site.configured(lambda made: made.uploads, "")
    if shared and first:
        # All web servers see the same files.
        yield layout.uploads_directory(shared, site.identity)
    yield from (f"{layout.site_log(site.identity)}.{kind}.log" for kind in ("access", "error", "slow"))


def _releases(publish_path: str) -> str:
    return layout.releases_directory(publish_path)


def _site(
    site: Site, sizes: Mapping[str, Mapping[str, int]], bases: Mapping[str, int], dumps: list[tuple[str, int]]
) -> SiteUsage:
    files = logs = 0
    for server in site.members:
        for path in _of_site(site, first=min(site.members) == server):
            size = sizes.get(server, {}).get(path, 0)
            files, logs = (files, logs + size) if path.endswith(".log") else (files + size, logs)
    return SiteUsage(
        files=files,
        logs=logs,
        database=bases.get(layout.database_name(site.identity)),
        backups=sum(size for name, size in dumps if name.startswith((f"{site.identity}-", f"{site.identity}."))),
    )


def _backups(root: Path) -> Iterator[tuple[str, int]]:
    directory = root / "backups"
    for path in directory.iterdir() if directory.is_dir() else ():
        yield path.name, _size(path)


def _size(path: Path) -> int:
    """Add up a directory on the hub; what cannot be read counts as nothing."""
    try:
        if not path.is_dir() or path.is_symlink():
            return path.lstat().st_blocks * 512
        return sum(_size(each) for each in path.iterdir())
    except OSError:
        return 0


class Samples:
    """What a stack took before, as the hub keeps it: one line a sample.

    Args:
        root: the hub root.
        stack: the stack's name.
    """

    def __init__(self, root: Path, stack: str) -> None:
        self._path = place(str(root)) / "disk" / f"{stack.replace('/', '%')}.jsonl"

    def known(self) -> list[dict[str, Any]]:
        """Read them, oldest first: ``at``, and ``sites`` with the bytes of each."""
        try:
            lines = self._path.read_text(encoding="utf-8").splitlines()
            return [found for line in lines if isinstance(found := json.loads(line), dict) and "sites" in found]
        except (OSError, ValueError):
            return []

    def note(self, usage: Usage) -> None:
        """Add one, unless there is one of the last half day; a hub that cannot keep it goes on without."""
        if usage.faults:
            return
        known = self.known()
        if known and usage.at - int(known[-1]["at"]) < HALF_A_DAY:
            return
        kept = [*known, {"at": usage.at, "sites": {name: each.total for name, each in usage.sites.items()}}][-SAMPLES:]
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            files.replace(self._path, "".join(f"{json.dumps(each)}\n" for each in kept))
        except OSError:
            return


def growth(samples: list[dict[str, Any]], site: str, now: int, at: int, days: int = 30) -> int | None:
    """Say how much a site has grown in so many days, in bytes; ``None`` where nothing is known of then.

    Args:
        samples: as ``Samples.known`` gives them.
        site: its host name.
        now: what it takes now, in bytes.
        at: seconds since 1970.
        days: how far back.
    """
    before = [each for each in samples if site in each["sites"] and at - int(each["at"]) >= HALF_A_DAY]
    if not before:
        return None
    # The one nearest to so many days ago.
    nearest = min(before, key=lambda each: abs(at - int(each["at"]) - days * DAY))
    return now - int(nearest["sites"][site])
