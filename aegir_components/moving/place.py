"""A site in one of its places: asked, closed and opened there, taken out of it, or let in again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from aegir_components import closing, layout
from aegir_components.applications import APPLICATIONS, Application
from aegir_components.closing import Closable
from aegir_components.host import script
from aegir_components.host.connection import Connection
from aegir_components.host.errors import HostError
from aegir_components.host.parallel import each
from aegir_components.messages import shown
from aegir_components.mysql import arriving, copies
from aegir_components.mysql.client import DatabaseError, Endpoint
from aegir_components.mysql.databases import SiteDatabase
from aegir_components.providers import answering, site_database, site_removal
from aegir_components.providers.database import endpoint
from aegir_components.providers.lifecycle import forgotten
from aegir_components.services import closing as doors
from aegir_components.services import functions, site
from aegir_components.services.web_types import program
from aegir_components.snapshots.source import SHARED, Place, Source

from . import files
from .decision import Change

State = dict[str, Any]
WHY: Final = closing.MOVE
"""What a site that is closed by a move says of why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """What the provider of a site's configuration can do."""

    configure: Callable[[State, State, Connection], None]
    """Configures a site on a web server by its inputs; of the second ones it leaves the platform."""
    reload: Callable[[State, Connection], None]
    """Lets a web server read its configuration."""
    with_files: Callable[[State], dict[str, Connection]]
    """Gives the web servers that have a site's files, the fullest first."""
    save: Callable[[Site], str]
    """Backs a site up, and says which backup it is; empty where no backups are declared. Raises ``BackupError``."""


@dataclass(frozen=True, slots=True)
class Site:
    """A site by the inputs of its configuration, with secrets."""

    props: State
    rights: tuple[str, ...] = ()
    """What its accounts may do on its database besides what every site's may."""

    @property
    def key(self) -> str:
        """What it is known by."""
        return str(self.props["site"])

    @property
    def name(self) -> str:
        """Its host name."""
        return str(self.props.get("name") or self.key)

    @property
    def members(self) -> dict[str, Connection]:
        """Its web servers."""
        return Connection.of_members(self.props["members"])

    @property
    def owners(self) -> dict[str, Connection]:
        """Its web servers that have its files themselves."""
        return {name: conn for name, conn in self.members.items() if not self.sees(name)}

    @property
    def listed(self) -> str:
        """Its web servers, for a message."""
        return ", ".join(sorted(self.members))

    @property
    def is_open(self) -> bool:
        """Whether it is declared to be served."""
        return bool(self.props.get("enabled", True))

    @property
    def application(self) -> Application:
        """Its application."""
        return APPLICATIONS[str(self.props["application"])]

    @property
    def source(self) -> Source:
        """Its content."""
        return Source.of_state(self.props, {})

    @property
    def server(self) -> str:
        """Its database server."""
        return str(self.props["accounts"]["server"])

    @property
    def endpoint(self) -> Endpoint:
        """Its database server, as the hub logs in there."""
        return endpoint(site_database.of_site(self.props), self.server)

    @property
    def database(self) -> SiteDatabase:
        """Its database with its accounts."""
        return site_database.wanted({**site_database.of_site(self.props), "rights": self.rights})

    def closable(self, door: str) -> Closable:
        """Give it with a door, to be closed and opened."""
        ports = {name: int(member["port"]) for name, member in self.props["members"].items()}
        holder = str(self.props["holder"])
        return Closable(site=self.key, name=self.name, holder=holder, members=self.members, ports=ports, door=door)

    def asked(self, door: str = "") -> dict[answering.Place, str]:
        """Ask it on each web server, and say what is wrong with the answers."""
        ports = {name: int(member["port"]) for name, member in self.props["members"].items()}
        places = [answering.Place(self.name, name, conn.address, ports[name]) for name, conn in self.members.items()]
        return answering.broken(places, self.application, door)

    def sees(self, name: str) -> bool:
        """Return whether one of its web servers has its data over NFS."""
        return bool(self.props["members"][name].get("role") == "slave")

    def everywhere(self, lines: list[str], doing: str) -> None:
        """Run a script on all of its web servers.

        Raises:
            HostError: one of them failed, or is not reached.
        """
        what, holder = f"{doing} {self.name}", str(self.props["holder"])
        each(self.members, lambda conn: script.execute(conn, "apply", lines, what=what, holder=holder))

    def shut(self, door: str) -> None:
        """Close it on web servers that may not have it yet, with its programs at rest.

        Raises:
            HostError: one of them failed, or is not reached.
        """
        self.everywhere([*doors.close_items(self.key, WHY, door=door), *doors.wait_items(self.key, door)], "closing")

    def configure(self, other: State, work: Work) -> None:
        """Configure it on all of its web servers, and let them read that.

        Raises:
            HostError: one of them failed, or is not reached.
        """
        master = str(self.props.get("master") or "")
        # What the others of a pack see over NFS has to be there first.
        first = {name: conn for name, conn in self.members.items() if name == master}
        for group in (first, {name: conn for name, conn in self.members.items() if name not in first}):
            each(group, lambda conn: work.configure(self.props, other, conn))
        each(self.members, lambda conn: work.reload(self.props, conn))


def reopen(had: Site, want: Site, change: Change, work: Work) -> list[str]:
    """Let a site be served where it is, after a move that was not completed; say what could not be done for that."""
    left: list[str] = []
    if not change.files:
        _try(left, "its configuration", lambda: had.configure(want.props, work))
    _try(left, "its database accounts", lambda: copies.open_again(had.endpoint, had.database))
    _try(left, "its door", had.closable("").open)
    return left


def clear(had: Site, want: Site, change: Change) -> list[str]:
    """Remove what a move has made in a new place that was never opened; say what could not be removed."""
    left: list[str] = []
    if change.files:
        _try(left, f"removing it from {want.listed}", lambda: _take_out(had, want))
    if change.database:
        _try(left, f"removing its copy on {want.server}", lambda: arriving.clear(want.endpoint, want.database))
    return left


def leave(had: Site, now: Site, change: Change, *, returns: bool = False) -> None:
    """Remove a site from the place that it has left, after archives of its files and a dump of its database are proven.

    What is on machines that are given up (``aegir:forget``) stays there.

    Args:
        had: the site in its former place.
        now: the site where it is.
        change: what was carried.
        returns: whether its database is about to come back to the former server, where its accounts are declared again.

    Raises:
        HostError: something could not be kept or removed.
        DatabaseError: likewise.
    """
    if change.files:
        there = {name: conn for name, conn in had.members.items() if name not in forgotten()}
        shared = bool(there and had.props.get("uploads")) and not _is_common(had, now)
        site_removal.leave(had.props, there, had.sees, shared=shared)
    if change.database and had.server not in forgotten():
        accounts = site_database.of_site(had.props)
        site_database.keep(accounts)
        if returns:
            site_database.empty(accounts)
        else:
            site_database.drop_all(accounts)


def _is_common(had: Site, now: Site) -> bool:
    """Return whether the shared uploads of two places are one directory."""
    shared = [unit for unit in files.units(had.source.places, now.source.places, "") if unit.place.label == SHARED]
    return any(files.is_same_storage(unit) for unit in shared[:1])


def _take_out(had: Site, want: Site) -> None:
    props = want.props

    def go(conn: Connection) -> None:
        lines = site.removal_items(
            want.key, program(props["members"][conn.host]["type"]), str(props["platform"]), str(props["publish_path"]),
            str(props["docroot"]), host=want.name,
        )  # fmt: skip
        root = str(props["publish_root"])
        data = site.user_removal(want.key) if want.sees(conn.host) else site.data_removal(want.key, root)
        what = f"removing what was made of {want.name}"
        script.execute(conn, "apply", [*lines, *data], what=what, holder=str(props["holder"]))

    there = {name: conn for name, conn in want.members.items() if name not in forgotten()}
    shared = _shared(want) if there else None
    common = shared is not None and _is_common(had, want)
    each(there, go)
    if shared is not None and not common:
        gone = site.shared_removal(shared.home)
        script.execute(shared.conn, "apply", gone, what=f"removing uploads of {want.name}", holder=str(props["holder"]))


def _shared(site_: Site) -> Place | None:
    return next((place for place in site_.source.places if place.label == SHARED), None)


def _try(left: list[str], what: str, step: Callable[[], object]) -> None:
    try:
        step()
    except (HostError, DatabaseError) as fault:
        left.append(f"{what} ({shown(fault)})")


def end_processes(had: Site) -> None:
    """End all that is at work as a site's user on its web servers.

    Raises:
        HostError: a web server is not reached.
    """
    end = [functions("site"), script.call("interrupt_processes", layout.system_user(had.key))]
    had.everywhere(end, "ending the processes of")
