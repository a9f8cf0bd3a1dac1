"""A site on its web servers, and its installation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from aegir_components.remote.connection import Connection

from .database import SiteAccounts, SiteDatabaseInputs
from .limits import PhpInputs
from .members import SiteMember, connections
from .props import Props, as_declared, left_out
from .quotas import Quotas


@dataclass(frozen=True, kw_only=True, slots=True)
class DatabaseAddress(Props):
    """A database as an application connects to it."""

    name: str
    user: str
    host: str
    port: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ServedSite(Props):
    """What the configuration of a site and its installation have in common, without secrets."""

    site: str
    """What it is known by on the machines: the name that it had when it was made."""
    name: str = left_out("")
    """Its host name, where that is another."""
    platform: str = ""
    """Of its code; the installations of early versions lack it."""
    publish_path: str
    docroot: str
    application: str
    members: Mapping[str, SiteMember]
    master: str = left_out("")
    """The web server of a pack on which work is done."""
    holder: str
    """``<project>/<stack>``."""
    https: str = as_declared("none", always=True)
    """``none``, ``enabled`` or ``required``."""
    enabled: bool = True
    """Whether it is served; otherwise all its names answer 503."""
    accounts: SiteAccounts | None = None
    """Its database on the server; states of before lack it."""

    @property
    def host(self) -> str:
        """Its host name."""
        return self.name or self.site

    @property
    def connections(self) -> dict[str, Connection]:
        """How its web servers are reached."""
        return connections(self.members)

    @property
    def owners(self) -> dict[str, Connection]:
        """The web servers that have its files themselves."""
        return {name: conn for name, conn in self.connections.items() if not self.members[name].is_slave}

    @property
    def hub_root(self) -> str:
        """The hub's own directory."""
        return next(iter(self.connections.values())).hub_root

    def _database(self, password: str, site_password: str) -> SiteDatabaseInputs:
        assert self.accounts is not None
        return SiteDatabaseInputs.of_accounts(
            self.accounts, site=self.site, password=password, site_password=site_password
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class SitePlace(ServedSite):
    """Where a site is, with its files: what the hub's records have of it."""

    publish_root: str
    """The directory that has the data of all sites of its platforms."""
    uploads: str = ""
    """The directory that all its web servers share for uploads; empty where each has its own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SiteConfigurationInputs(SitePlace):
    """A site as it is configured on its web servers."""

    aliases: tuple[str, ...] = as_declared((), always=True)
    """Further host names."""
    former: tuple[str, ...] = left_out(())
    """Other names that its content knows it by."""
    database: DatabaseAddress
    password: str = field(repr=False)
    """Of its database account."""
    hub_password: str = left_out("", secret=True)
    """Of the hub's account on the database server."""
    salt: str = field(repr=False)
    """What it derives its own keys from."""
    authority: str = left_out("")
    """The PEM of the database's CA, where TLS is required."""
    number: int | None = None
    """The number of its Linux account, the same on every machine."""
    isolation: str = as_declared("", always=True)
    """``process`` where it has a PHP-FPM master of its own."""
    cron: str = "off"
    """How often its cron runs: ``off``, ``hourly``, ``daily``, minutes (``5min``), or a calendar expression of systemd's."""
    redirect_aliases: bool = as_declared(False, always=True)
    """Whether its aliases redirect to its name."""
    chain: str = left_out("")
    """Its certificate with what that is signed by, in PEM."""
    key: str = left_out("", secret=True)
    """The private key of its certificate, in PEM."""
    templates: str = ""
    """A digest of the templates that its files are rendered from."""
    proxies: tuple[str, ...] = ()
    """Addresses and networks of the reverse proxies, whose word on a visitor's address is taken."""
    php: Mapping[str, PhpInputs] = left_out({})
    """What is declared of PHP, by web server."""
    limits: Mapping[str, Quotas] = left_out({})
    """What it may take of a machine, by web server."""
    values: str = left_out("", secret=True)
    """What its settings file is told: ``settings`` and ``config`` in JSON."""
    mail: str = left_out("on")
    """``on``, ``off``, or the address that gets all of its mail."""
    robots: Literal["on", "off"] = left_out("on")
    """Whether search engines may read it."""
    health: bool = as_declared(True)
    """Whether it is asked after a change."""
    fallback: str = left_out("")
    """Where uploads are that are not here; empty for nowhere."""
    backups: str = left_out("", secret=True)
    """How it is backed up before it moves, as ``Packed`` gives it; no state has it."""

    @property
    def site_database(self) -> SiteDatabaseInputs:
        """The inputs of its database; only where ``accounts`` are known."""
        return self._database(self.hub_password, self.password)


@dataclass(frozen=True, kw_only=True, slots=True)
class SiteConfigurationState(SiteConfigurationInputs):
    """A site's configuration as the state has it."""

    made: str = ""
    """Another word each time that it is configured, which tells the web servers to reload."""


@dataclass(frozen=True, kw_only=True, slots=True)
class InstallationInputs(ServedSite):
    """An installed site that answers."""

    profile: str
    """The install profile."""
    title: str
    language: str
    admin: str
    """The name of the first account."""
    mail: str
    """The address of the first account and of the site."""
    admin_password: str = field(repr=False)
    database: DatabaseAddress
    password: str = field(repr=False)
    """Of its database account."""
    hub_password: str = left_out("", secret=True)
    """Of the hub's account on the database server."""
    authority: str = left_out("")
    """The PEM of the database's CA, where TLS is required."""
    install: bool = as_declared(True, always=True)
    """Whether it is installed where its database is empty."""
    health: bool = as_declared(True, always=True)
    """Whether it is asked on every web server."""
    fingerprint: str = left_out("")
    """Of its certificate."""
    updated: bool = left_out(True)
    """Whether its database is updated by its platform's rollout."""
    origin: str = left_out("", secret=True)
    """What it begins with, as ``origins.definition`` packs it; it counts only while the site has no content."""

    @property
    def site_database(self) -> SiteDatabaseInputs:
        """The inputs of its database; only where ``accounts`` are known."""
        return self._database(self.hub_password, self.password)


@dataclass(frozen=True, kw_only=True, slots=True)
class InstallationState(InstallationInputs):
    """An installed site as the state has it."""

    content: str = "present"
    """``present``, or ``empty`` where it is not to be installed."""
    loaded: str = ""
    """Whose content was loaded from an origin, with the accounts that are in it: ``own`` or ``clone``."""
