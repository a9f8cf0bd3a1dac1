"""Which dumps and archives the hub has of a site: by name, encrypted or in clear."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Final

from aegir_components import layout
from aegir_components.remote.connection import Connection

ENDING: Final = ".age"
"""What the name of an encrypted dump or archive ends with."""


_NAME: Final = re.compile(r"(.+?)-(\d{8}T\d{6}Z)(?:-(.+)-files\.tar|\.sql)\.gz(?:\.age)?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """A dump or an archive that a removal has left on the hub, by its name."""

    path: Path
    site: str
    """What the site is known by; cut short, with a digest, where the name is long."""
    made: datetime
    machine: str
    """The web server that the files are from; empty for a dump."""


def all_kept(hub_root: str, site: str = "") -> list[Kept]:
    """List what removals have left on a hub, by site and oldest first.

    Args:
        hub_root: of the hub.
        site: what a site is known by; empty for all.
    """
    place = Path(hub_root) / "backups"
    wanted, found = layout.file_name(site) if site else "", []
    for path in place.iterdir() if place.is_dir() else ():
        match = _NAME.fullmatch(path.name)
        if match is None or wanted not in {"", match[1]}:
            continue
        made = datetime.strptime(match[2], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        found.append(Kept(path=path, site=match[1], made=made, machine=match[3] or ""))
    return sorted(found, key=lambda kept: (kept.site, kept.made, kept.path.name))


def directory(conn: Connection) -> Path:
    """Give the hub's directory of backups, private to the hub's user."""
    path = Path(conn.hub_root) / "backups"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def is_encrypted(path: Path) -> bool:
    """Return whether a dump or an archive is encrypted."""
    return path.name.endswith(ENDING)


def is_dump(path: Path) -> bool:
    """Return whether a file is a dump."""
    return path.name.removesuffix(ENDING).endswith(".sql.gz")


def is_files(path: Path) -> bool:
    """Return whether a file is an archive of files."""
    return path.name.removesuffix(ENDING).endswith(".tar.gz")


def kept(conn: Connection, site: str) -> list[Path]:
    """List the backups of a site, oldest first."""
    return _of_site(directory(conn), site)


def newest(hub_root: str) -> Callable[[str], str]:
    """Give what names a site's newest dump and newest archive of files on the hub; empty when there is neither.

    An archive may be of a web server that the site has left: only a dump has the content of its pages. The directory is
    listed once, and only where a site is asked for.
    """
    place = Path(hub_root) / "backups"

    @cache
    def listed() -> list[Path]:
        return list(place.iterdir()) if place.is_dir() else []

    def of(site: str) -> str:
        found = sorted(_among(listed(), site), key=lambda path: path.stat().st_mtime)
        kinds = [[path.name for path in found if is_dump(path)], [path.name for path in found if is_files(path)]]
        return " and ".join(names[-1] for names in kinds if names)

    return of


def _of_site(place: Path, site: str) -> list[Path]:
    return sorted(_among(place.iterdir(), site))


def _among(paths: Iterable[Path], site: str) -> Iterator[Path]:
    name = re.compile(rf"{re.escape(layout.file_name(site))}-\d{{8}}T")
    return (path for path in paths if name.match(path.name))
