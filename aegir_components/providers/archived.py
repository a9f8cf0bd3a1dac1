"""The files of a site whose removal was begun: their archives on the hub, until its database is removed as well.

Who takes such a removal back has the database still, and gets the files from the archives.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from aegir_components import backups, layout
from aegir_components.host import script
from aegir_components.host.connection import Connection
from aegir_components.host.parallel import attempt
from aegir_components.hub_records import Records
from aegir_components.services import site_content

from . import content

KIND: Final = "removed"
PARTS: Final = ("site/files", "private", "config")
"""What a site's directory has of visitors and editors."""
SHARED_PARTS: Final = ("files", "private")


@dataclass(frozen=True, kw_only=True, slots=True)
class Archives:
    """The archives of one site's files."""

    hub_root: str
    stack: str
    """``<project>/<stack>``."""
    site: str

    def note(self, archives: Iterable[tuple[Connection, str, Path]]) -> None:
        """Write down where the archives are, before anything of what they hold is removed."""
        found = {_key(conn, path): str(archive) for conn, path, archive in archives}
        if found:
            # A second attempt finds nothing to archive where the first one has removed the files.
            self._records.put({"archives": {**self._known(), **found}}, self.stack, self.site)

    def forget(self) -> None:
        """The site is gone, or its files are back."""
        self._records.drop(self.stack, self.site)

    def of(self, conn: Connection, path: str) -> Path | None:
        """Give the archive of a directory of a machine, if the hub has it still."""
        found = Path(self._known().get(_key(conn, path)) or "/nowhere")
        return found if found.is_file() else None

    def _known(self) -> Mapping[str, Any]:
        return (self._records.get(self.stack, self.site) or {}).get("archives") or {}

    @property
    def _records(self) -> Records:
        return Records(self.hub_root, KIND)


def of_site(props: Mapping[str, Any], hub_root: str) -> Archives:
    """Give the archives of a site, from the inputs of its configuration."""
    return Archives(hub_root=hub_root, stack=str(props["holder"]), site=str(props["site"]))


def emptied(want: Mapping[str, Any], owners: Mapping[str, Connection], archives: Archives) -> dict[str, Path]:
    """Find the machines without a site's files whose archive a removal has left.

    Args:
        want: the inputs of the site's configuration.
        owners: the machines that should have the files.
        archives: what the hub has.
    """
    home, _ = _home(want)
    found = {name: archive for name, conn in owners.items() if (archive := archives.of(conn, home)) is not None}
    if not found:
        return {}
    lines = site_content.content_items(
        site_content.content_directories(want["publish_root"], want["site"], str(want.get("uploads") or ""))
    )
    facts: dict[str, Mapping[str, str]] = {}

    def look(conn: Connection) -> None:
        what = f"looking for the files of {want['site']}"
        facts[conn.host] = script.execute(conn, "check", lines, what=what).facts

    attempt({name: owners[name] for name in found}, look)
    return {name: found[name] for name, seen in facts.items() if not getattr(content.counted(seen), "number", 1)}


def unpack(want: Mapping[str, Any], owners: Mapping[str, Connection], archives: Mapping[str, Path]) -> None:
    """Bring files back from their archives; what is newer on the machine stays.

    Args:
        want: the inputs of the site's configuration, which is there already: the files get its user.
        owners: the machines.
        archives: by machine.

    Raises:
        HostError: they could not be written whole; the archive stays, and the next run begins again.
    """
    home, parts = _home(want)
    for name, archive in archives.items():
        backups.unpack_files(archive, owners[name], home, layout.system_user(str(want["site"])), parts)


def _home(want: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    if shared := str(want.get("uploads") or ""):
        return layout.uploads_directory(shared, str(want["site"])), SHARED_PARTS
    return layout.site_directory(str(want["publish_root"]), str(want["site"])), PARTS


def _key(conn: Connection, path: str) -> str:
    """Know a machine by its address: its entry may get another name."""
    return f"{conn.address}:{conn.port}:{path}"
