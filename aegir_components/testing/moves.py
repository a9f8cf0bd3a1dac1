"""Sites that move between fake machines: files and databases go from one to the other at once, as the real ones do in streams."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from typing import Any

from aegir_components import layout
from aegir_components.backups.source import Source
from aegir_components.moving import database, files
from aegir_components.mysql import arriving
from aegir_components.mysql.databases import SiteDatabase
from aegir_components.remote.connection import Connection

from .host import FakeHost

StandIn = tuple[Any, str, Any]


def is_closed(host: FakeHost, site: str, door: str) -> bool:
    """Return whether a fake machine answers 503 for a site, to somebody with the key of a door or without."""
    path = layout.closed_file(site)
    if door and host.kind(f"{path}.{door}") == "file":
        return False
    return host.kind(path) == "file"


class Moves:
    """The part of ``FakeFarm`` that carries sites."""

    def _reached(self, conn: Connection) -> FakeHost:
        raise NotImplementedError

    def stand_ins(self) -> Iterator[StandIn]:
        """List what stands in for streams between machines."""
        yield files, "first_pass", self.first_pass
        yield files, "last_pass", self.last_pass
        yield files, "put_in_place", self.put_in_place
        yield files, "is_same_storage", self.is_same_storage
        yield files, "want_room", lambda _units: None
        yield database, "refuse_uncarried", lambda _old, _new: None
        yield database, "carry", self.carry

    def first_pass(self, unit: files.Unit, _site: str) -> None:
        """Reach both machines; what a fake one has comes at once, in ``put_in_place``."""
        self._reached(unit.source)
        self._reached(unit.place.conn)

    def last_pass(self, unit: files.Unit, _site: str) -> int:
        """Reach both machines."""
        self.first_pass(unit, _site)
        return 0

    def put_in_place(self, units: Iterable[files.Unit], site: str) -> None:
        """Copy directories from one machine to the other."""
        for unit in units:
            source, target = self._reached(unit.source), self._reached(unit.place.conn)
            # Its settings say where its database is; that it is installed goes with its content.
            if site in source.installed:
                target.installed[site] = source.installed[site]
            place = target.followed(unit.target)
            for path in target.below(place):
                target.remove(path)
            at = source.followed(unit.directory)
            for path in source.below(at):
                below = path[len(at) :]
                for key in [key for key in source.items if key[1] == path]:
                    target.items[key[0], f"{place}{below}"] = source.items[key]

    def is_same_storage(self, unit: files.Unit) -> bool:
        """Return whether two paths are one directory."""
        source, target = self._reached(unit.source), self._reached(unit.place.conn)
        return source is target and source.followed(unit.directory) == target.followed(unit.target)

    def carry(self, old: Source, new: Source, what: SiteDatabase) -> int:
        """Copy a database from one server to the other."""
        source, target = self._reached(old.conn).mysql, self._reached(new.conn).mysql
        assert source is not None
        assert target is not None
        arriving.mark(new.endpoint, what)
        tables = copy.deepcopy(source.databases[old.database])
        target.databases[new.database] = tables
        return sum(tables.values())
