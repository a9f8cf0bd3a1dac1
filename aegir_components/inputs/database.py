"""How a database server is reached, and the accounts of a site there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

from aegir_components.mysql import client, databases
from aegir_components.remote.connection import Connection

from . import quotas
from .props import Props, left_out


@dataclass(frozen=True, kw_only=True, slots=True)
class DatabaseWay(Props):
    """The way to a database server with the hub's account, without its password."""

    connection: Connection
    """The machine; of kind ``none`` where somebody else runs the server."""
    address: str
    port: int
    user: str
    """The hub's account."""
    authority: str = left_out("")
    """The PEM of the CA, where TLS is required."""
    reach: str = left_out("")
    """``ssh`` where the hub comes through the machine itself."""

    def endpoint(self, server: str, password: str) -> client.Endpoint:
        """Give what a client connects to.

        Args:
            server: its declared name.
            password: of the hub's account.
        """
        return client.Endpoint(
            server=server,
            address=self.address,
            port=self.port,
            user=self.user,
            password=password,
            authority=self.authority,
            tunnel=self.connection if self.reach == "ssh" else None,
            machine=self.connection if self.connection.kind != "none" else None,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class DatabaseLogin(DatabaseWay):
    """The way to a database server with the hub's account."""

    password: str = field(repr=False)

    @property
    def login(self) -> DatabaseLogin:
        """The way alone, of a resource that has more inputs."""
        return self.narrowed(DatabaseLogin)


@dataclass(frozen=True, kw_only=True, slots=True)
class DatabaseServerState(DatabaseWay):
    """A database server as the state has it, whoever runs it."""

    version: str = ""
    """What the server says of itself, such as ``10.11.6-MariaDB``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DatabaseServer(Props):
    """Which database server is meant: a server may get another name, or another address."""

    server: str = ""
    """The declared name."""
    address: str
    port: int


@dataclass(frozen=True, kw_only=True, slots=True)
class SiteAccounts(DatabaseWay):
    """A site's database on a server with its accounts, without secrets."""

    server: str
    """The declared name of the database server."""
    database: str
    account: str
    """The account that the site uses."""
    other: str = ""
    """The account of the site's next or former password."""
    clients: tuple[str, ...]
    """The addresses that the accounts may log in from."""
    owner: str
    """``<project>/<stack>/<site>``."""

    @property
    def machine(self) -> DatabaseServer:
        """Which server it is."""
        return DatabaseServer(server=self.server, address=self.address, port=self.port)

    @property
    def stack(self) -> str:
        """``<project>/<stack>``."""
        return self.owner.rpartition("/")[0]

    def to_props(self) -> dict[str, Any]:
        """Give the mapping that is declared."""
        # Inside another input Pulumi keeps what is nothing, and states have it.
        return {"authority": None, **DatabaseWay.to_props(self)}


@dataclass(frozen=True, kw_only=True, slots=True)
class SiteDatabaseInputs(SiteAccounts):
    """A site's database on a server, with its accounts and the hub's account there."""

    site: str
    """What the site is known by."""
    password: str = field(repr=False)
    """Of the hub's account."""
    site_password: str = field(repr=False)
    """Of the account that the site uses."""
    rights: tuple[str, ...] = left_out(())
    """On the database, besides every site's."""
    connections: int = left_out(0)
    """Of one account at once; 0 for the default."""

    @classmethod
    def of_accounts(cls, accounts: SiteAccounts, *, site: str, password: str, site_password: str) -> Self:
        """Give a site's database with its secrets.

        Args:
            accounts: the database and its accounts.
            site: what the site is known by.
            password: of the hub's account.
            site_password: of the account that the site uses.
        """
        secrets = {"site": site, "password": password, "site_password": site_password}
        return cls.from_props({**accounts.to_props(), **secrets})

    @property
    def accounts(self) -> SiteAccounts:
        """The database and its accounts without secrets."""
        return self.narrowed(SiteAccounts)

    @property
    def where(self) -> client.Endpoint:
        """The server, as the hub logs in there."""
        return self.endpoint(self.server, self.password)

    @property
    def wanted(self) -> databases.SiteDatabase:
        """The database and its accounts."""
        return databases.SiteDatabase(
            name=self.database,
            user=self.account,
            password=self.site_password,
            clients=self.clients,
            owner=self.owner,
            other=self.other,
            tls=bool(self.authority),
            rights=self.rights,
            connections=self.connections or quotas.CONNECTIONS,
        )
