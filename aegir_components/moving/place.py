"""A site in one of its places: asked, closed and opened there, taken out of it, or let in again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from aegir_components import layout
from aegir_components.applications import APPLICATIONS, Application
from aegir_components.backups.source import SHARED, Place, Source
from aegir_components.deploy import closing as doors
from aegir_components.deploy import site, site_closing
from aegir_components.deploy.site_closing import Closable
from aegir_components.inputs.database import SiteDatabaseInputs
from aegir_components.inputs.site import SiteConfigurationInputs
from aegir_components.messages import shown
from aegir_components.mysql import arriving, copies
from aegir_components.mysql.client import DatabaseError, Endpoint
from aegir_components.mysql.databases import SiteDatabase
from aegir_components.process import Process
from aegir_components.providers import answering, site_database, site_removal
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import HostError
from aegir_components.remote.parallel import each
from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions
from aegir_components.services.web_types import program

from . import files
from .decision import Change

WHY: Final = site_closing.Reason.of(site_closing.By.MOVE)
"""What a site that is closed by a move says of why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """What the provider of a site's configuration can do."""

    process: Process
    """What this process remembers."""
    configure: Callable[[SiteConfigurationInputs, SiteConfigurationInputs | None, Connection], None]
    """Configures a site on a web server by its inputs; of the second ones it leaves the platform."""
    reload: Callable[[SiteConfigurationInputs, Connection], None]
    """Lets a web server read its configuration."""
    with_files: Callable[[SiteConfigurationInputs], dict[str, Connection]]
    """Gives the web servers that have a site's files, the fullest first."""
    save: Callable[[Site], str]
    """Backs a site up, and says which backup it is; empty where no backups are declared. Raises ``BackupError``."""


@dataclass(frozen=True, slots=True)
class Site:
    """A site by the inputs of its configuration, with secrets."""

    inputs: SiteConfigurationInputs
    rights: tuple[str, ...] = ()
    """What its accounts may do on its database besides what every site's may."""

    @property
    def key(self) -> str:
        """What it is known by."""
        return self.inputs.site

    @property
    def name(self) -> str:
        """Its host name."""
        return self.inputs.host

    @property
    def members(self) -> dict[str, Connection]:
        """Its web servers."""
        return self.inputs.connections

    @property
    def owners(self) -> dict[str, Connection]:
        """Its web servers that have its files themselves."""
        return self.inputs.owners

    @property
    def listed(self) -> str:
        """Its web servers, for a message."""
        return ", ".join(sorted(self.members))

    @property
    def is_open(self) -> bool:
        """Whether it is declared to be served."""
        return self.inputs.enabled

    @property
    def application(self) -> Application:
        """Its application."""
        return APPLICATIONS[self.inputs.application]

    @property
    def source(self) -> Source:
        """Its content."""
        return Source.of_site(self.inputs, self.inputs.hub_password, {})

    @property
    def accounts(self) -> SiteDatabaseInputs:
        """The inputs of its database."""
        return replace(self.inputs.site_database, rights=self.rights)

    @property
    def server(self) -> str:
        """Its database server."""
        return self.accounts.server

    @property
    def endpoint(self) -> Endpoint:
        """Its database server, as the hub logs in there."""
        return self.accounts.where

    @property
    def database(self) -> SiteDatabase:
        """Its database with its accounts."""
        return self.accounts.wanted

    def closable(self, door: str) -> Closable:
        """Give it with a door, to be closed and opened."""
        return Closable(
            site=self.key, name=self.name, holder=self.inputs.holder, members=self.members, ports=self._ports, door=door
        )

    def asked(self, door: str = "") -> dict[answering.Place, str]:
        """Ask it on each web server, and say what is wrong with the answers."""
        ports = self._ports
        places = [answering.Place(self.name, name, conn.address, ports[name]) for name, conn in self.members.items()]
        return answering.broken(places, self.application, door)

    @property
    def _ports(self) -> dict[str, int]:
        return {name: member.port for name, member in self.inputs.members.items()}

    def everywhere(self, lines: list[str], doing: str) -> None:
        """Run a script on all of its web servers.

        Raises:
            HostError: one of them failed, or is not reached.
        """
        what, holder = f"{doing} {self.name}", self.inputs.holder
        each(self.members, lambda conn: script.execute(conn, "apply", lines, what=what, holder=holder))

    def shut(self, door: str) -> None:
        """Close it on web servers that may not have it yet, with its programs at rest.

        Raises:
            HostError: one of them failed, or is not reached.
        """
        self.everywhere([*doors.close_items(self.key, WHY, door=door), *doors.wait_items(self.key, door)], "closing")

    def configure(self, other: SiteConfigurationInputs | None, work: Work) -> None:
        """Configure it on all of its web servers, and let them read that.

        Raises:
            HostError: one of them failed, or is not reached.
        """
        master = self.inputs.master
        # What the others of a pack see over NFS has to be there first.
        first = {name: conn for name, conn in self.members.items() if name == master}
        for group in (first, {name: conn for name, conn in self.members.items() if name not in first}):
            each(group, lambda conn: work.configure(self.inputs, other, conn))
        each(self.members, lambda conn: work.reload(self.inputs, conn))


def reopen(had: Site, want: Site, change: Change, work: Work) -> list[str]:
    """Let a site be served where it is, after a move that was not completed; say what could not be done for that."""
    left: list[str] = []
    if not change.files:
        _try(left, "its configuration", lambda: had.configure(want.inputs, work))
    _try(left, "its database accounts", lambda: copies.open_again(had.endpoint, had.database))
    _try(left, "its door", had.closable("").open)
    return left


def clear(process: Process, had: Site, want: Site, change: Change) -> list[str]:
    """Remove what a move has made in a new place that was never opened; say what could not be removed."""
    left: list[str] = []
    if change.files:
        _try(left, f"removing it from {want.listed}", lambda: _take_out(process, had, want))
    if change.database:
        _try(left, f"removing its copy on {want.server}", lambda: arriving.clear(want.endpoint, want.database))
    return left


def leave(process: Process, had: Site, now: Site, change: Change, *, returns: bool = False) -> None:
    """Remove a site from the place that it has left, after archives of its files and a dump of its database are proven.

    What is on machines that are abandoned (``aegir:forget``) stays there.

    Args:
        process: what this process remembers.
        had: the site in its former place.
        now: the site where it is.
        change: what was carried.
        returns: whether its database is about to come back to the former server, where its accounts are declared again.

    Raises:
        HostError: something could not be kept or removed.
        DatabaseError: likewise.
    """
    if change.files:
        there = {name: conn for name, conn in had.members.items() if name not in process.abandoned}
        shared = bool(there and had.inputs.uploads) and not _is_common(had, now)
        site_removal.leave(process, had.inputs, there, shared=shared)
    if change.database and had.server not in process.abandoned:
        accounts = had.inputs.site_database
        site_database.keep(accounts)
        if returns:
            site_database.empty(accounts)
        else:
            site_database.drop_all(accounts)


def _is_common(had: Site, now: Site) -> bool:
    """Return whether the shared uploads of two places are one directory."""
    shared = [unit for unit in files.units(had.source.places, now.source.places, "") if unit.place.label == SHARED]
    return any(files.is_same_storage(unit) for unit in shared[:1])


def _take_out(process: Process, had: Site, want: Site) -> None:
    inputs = want.inputs

    def go(conn: Connection) -> None:
        member = inputs.members[conn.host]
        lines = site.removal_items(
            want.key, program(member.type), inputs.platform, inputs.publish_path, inputs.docroot, host=want.name
        )
        data = site.user_removal(want.key) if member.is_slave else site.data_removal(want.key, inputs.publish_root)
        what = f"removing what was made of {want.name}"
        script.execute(conn, "apply", [*lines, *data], what=what, holder=inputs.holder)

    there = {name: conn for name, conn in want.members.items() if name not in process.abandoned}
    shared = _shared(want) if there else None
    common = shared is not None and _is_common(had, want)
    each(there, go)
    if shared is not None and not common:
        gone = site.shared_removal(shared.home)
        script.execute(shared.conn, "apply", gone, what=f"removing uploads of {want.name}", holder=inputs.holder)


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
