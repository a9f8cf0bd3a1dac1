"""The files of a site whose removal was begun: their archives on the hub, until its database is removed as well.

Who takes such a removal back has the database still, and gets the files from the archives.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from aegir_components import layout
from aegir_components.applications import shares_config
from aegir_components.archives import keeping
from aegir_components.facts import site_content
from aegir_components.hub.records import Records
from aegir_components.inputs.site import SitePlace
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import HostError
from aegir_components.scripts import script

from . import content

KIND: Final = "removed"
PARTS: Final = ("site/files", "private", "config")
"""What a site's directory has of visitors and editors."""
SHARED_PARTS: Final = ("files", "private")


@dataclass(frozen=True, slots=True)
class Kept:
    """An archive of a directory on the hub."""

    archive: Path
    key: str = field(default="", repr=False)
    """What it can be read with; empty where it is in clear."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Archives:
    """The archives of one site's files."""

    hub_root: str
    stack: str
    """``<project>/<stack>``."""
    site: str

    def note(self, archives: Iterable[tuple[Connection, str, Kept]]) -> None:
        """Write down where the archives are, before anything of what they hold is removed.

        With the keys of those that are encrypted: until the removal has come to its end, it can be undone.
        """
        made = list(archives)
        found = {_key(conn, path): str(kept.archive) for conn, path, kept in made}
        keys = {str(kept.archive): kept.key for _, _, kept in made if kept.key}
        if found:
            # A second attempt finds nothing to archive where the first one has removed the files.
            known = {"archives": {**self._known("archives"), **found}, "keys": {**self._known("keys"), **keys}}
            self._records.put(known, self.stack, self.site)

    def forget(self) -> None:
        """The site is gone, or its files are back."""
        self._records.drop(self.stack, self.site)

    def of(self, conn: Connection, path: str) -> Kept | None:
        """Give the archive of a directory of a machine, if the hub has it still."""
        name = str(self._known("archives").get(_key(conn, path)) or "/nowhere")
        found = Kept(Path(name), str(self._known("keys").get(name) or ""))
        return found if found.archive.is_file() else None

    def _known(self, what: str) -> Mapping[str, Any]:
        return (self._records.get(self.stack, self.site) or {}).get(what) or {}

    @property
    def _records(self) -> Records:
        return Records(self.hub_root, KIND)


@dataclass(frozen=True, slots=True)
class _Place:
    """A directory of a site that has an archive of its own."""

    home: str
    parts: tuple[str, ...]
    """What of the archive comes back."""
    directories: tuple[str, ...]
    """Where nothing is, if it has to come back."""


@dataclass(frozen=True, slots=True)
class Emptied:
    """A directory of a site that a removal has emptied."""

    machine: str
    place: _Place
    kept: Kept

    @property
    def has_uploads(self) -> bool:
        """Tell whether visitors' and editors' files come back with it."""
        return self.place.parts != ("config",)


def of_site(inputs: SitePlace, hub_root: str) -> Archives:
    """Give the archives of a site."""
    return Archives(hub_root=hub_root, stack=inputs.holder, site=inputs.site)


def emptied(want: SitePlace, owners: Mapping[str, Connection], archives: Archives) -> list[Emptied]:
    """Find the directories of a site that are empty, and whose archive a removal has left.

    Args:
        want: where the site is.
        owners: the machines that should have the files.
        archives: what the hub has.
    """
    found = [
        (Emptied(name, place, kept), conn)
        for place in _places(want)
        for name, conn in owners.items()
        if (kept := archives.of(conn, place.home)) is not None
    ]

    def is_empty(case: tuple[Emptied, Connection]) -> bool:
        empty, conn = case
        lines = site_content.content_items(empty.place.directories)
        try:
            facts = script.execute(conn, "check", lines, what=f"looking for the files of {want.site}").facts
        except HostError:
            return False
        return not getattr(content.counted(facts), "number", 1)

    return [case[0] for case in found if is_empty(case)]


def unpack(want: SitePlace, owners: Mapping[str, Connection], empty: Iterable[Emptied]) -> None:
    """Bring files back from their archives; what is newer on the machine stays.

    Args:
        want: the inputs of the site's configuration, which is there already: the files get its user.
        owners: the machines.
        empty: what ``emptied`` has found.

    Raises:
        HostError: they could not be written whole; the archive stays, and the next run begins again.
    """
    user = layout.system_user(want.site)
    for found in empty:
        kept, place = found.kept, found.place
        keeping.unpack_files(kept.archive, owners[found.machine], place.home, user, place.parts, kept.key)


def _places(want: SitePlace) -> list[_Place]:
    root, site, shared = want.publish_root, want.site, want.uploads
    home = layout.site_directory(root, site)
    directories = site_content.content_directories(root, site, shared)
    if not shared:
        return [_Place(home, PARTS, directories)]
    if shares_config(want.application):
        return [_Place(layout.uploads_directory(shared, site), (*SHARED_PARTS, "config"), directories)]
    # What Drupal has exported is each web server's own.
    return [
        _Place(layout.uploads_directory(shared, site), SHARED_PARTS, directories),
        _Place(home, ("config",), (layout.site_configuration(root, site),)),
    ]


def _key(conn: Connection, path: str) -> str:
    """Know a machine by its address: its entry may get another name."""
    return f"{conn.address}:{conn.port}:{path}"
