"""A site that gets another release: all that its update needs to know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from aegir_components import layout
from aegir_components.applications import APPLICATIONS, Application
from aegir_components.deploy.site_closing import Closable
from aegir_components.inputs.database import SiteDatabaseInputs
from aegir_components.inputs.platform import RolloutInputs
from aegir_components.mysql.client import Endpoint
from aegir_components.mysql.databases import SiteDatabase
from aegir_components.providers.answering import Place
from aegir_components.remote.connection import Connection
from aegir_components.settings.updating import Step

from .exchange import Databases


@dataclass(frozen=True, kw_only=True, slots=True)
class Updated:
    """A site of a platform."""

    site: str
    """What it is known by."""
    name: str
    """Its host name."""
    url: str
    application: str
    publish_path: str
    members: Mapping[str, Connection]
    ports: Mapping[str, int]
    """Of plain HTTP."""
    master: str
    """The web server of a pack on which work is done; empty where all are alike."""
    holder: str
    enabled: bool
    blind: bool
    """Whether its PHP cannot see that visitors are to wait (``open_basedir``), so that they get 503."""
    uploads: str
    """The directory of uploads that its web servers share; empty where each has its own."""
    steps: tuple[Step, ...]
    uncounted: tuple[str, ...] = ()
    """Patterns of further tables whose changes are no writes that count."""
    server: str
    """Its database server."""
    machine: Connection
    """Where that is."""
    endpoint: Endpoint = field(repr=False)
    database: SiteDatabase = field(repr=False)

    @property
    def updates_database(self) -> bool:
        """Whether the program itself gives its database the updates that it lacks."""
        return any(step.kind == "database" for step in self.steps)

    @property
    def kind(self) -> Application:
        """Its application."""
        return APPLICATIONS[self.application]

    @property
    def ephemeral(self) -> tuple[str, ...]:
        """Patterns of all tables whose changes are no writes that count."""
        return (*self.kind.ephemeral, *self.uncounted)

    @property
    def worker(self) -> Connection:
        """The web server that its programs run on."""
        return self.members[self.master or min(self.members)]

    @property
    def databases(self) -> Databases:
        """Its database and those beside it."""
        return Databases(
            endpoint=self.endpoint,
            site=self.database,
            copy=layout.copy_name(self.site),
            before=layout.before_name(self.site),
        )

    @property
    def closable(self) -> Closable:
        """It on its web servers, to be closed and opened."""
        return Closable(site=self.site, name=self.name, holder=self.holder, members=self.members, ports=self.ports)

    @property
    def places(self) -> list[Place]:
        """Where it is asked for."""
        return [Place(self.name, name, conn.address, self.ports[name]) for name, conn in self.members.items()]

    @property
    def paired(self) -> tuple[str, ...]:
        """The directories that belong with its database."""
        home = layout.site_directory(layout.publish_root(self.publish_path), self.site)
        return (f"{home}/{self.kind.paired}",) if self.kind.paired else ()

    @property
    def directories(self) -> tuple[str, ...]:
        """The directories that its programs write into."""
        home = layout.site_directory(layout.publish_root(self.publish_path), self.site)
        return (home, layout.uploads_directory(self.uploads, self.site)) if self.uploads else (home,)


def read(want: RolloutInputs, site: str, passwords: Mapping[str, str]) -> Updated:
    """Read a site from the inputs of its platform's ``Rollout``.

    Args:
        want: the inputs.
        site: what it is known by.
        passwords: ``account`` and ``hub``.
    """
    given = want.sites[site]
    database = SiteDatabaseInputs.of_accounts(
        given.accounts, site=site, password=passwords["hub"], site_password=passwords["account"]
    )
    return Updated(
        site=site,
        name=given.name,
        url=given.url,
        application=want.application,
        publish_path=want.publish_path,
        members=want.connections,
        ports={name: member.port for name, member in want.members.items()},
        master=want.master,
        holder=want.holder,
        enabled=given.enabled,
        blind=given.blind,
        uploads=want.uploads,
        steps=tuple(Step(**step.to_props()) for step in given.steps),
        uncounted=given.uncounted,
        server=database.server,
        machine=database.connection,
        endpoint=database.where,
        database=database.wanted,
    )
