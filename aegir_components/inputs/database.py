"""How a database server is reached, and the accounts of a site there."""

from __future__ import annotations

from dataclasses import dataclass, field

from aegir_components.host.connection import Connection
from aegir_components.mysql import client

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
        return DatabaseLogin(
            connection=self.connection, address=self.address, port=self.port, user=self.user, authority=self.authority,
            reach=self.reach, password=self.password,
        )  # fmt: skip
