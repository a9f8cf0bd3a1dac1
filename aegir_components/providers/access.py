"""aegir:DatabaseAccess: the proof that web servers reach a database, as Aegir's own verification does it.

A scratch database, an account for each web server's address, a login *from that web server* with its mysql client; then all
of it goes. Each step that fails has its own message.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import pulumi

from aegir_components.deploy import access
from aegir_components.hub.records import Records
from aegir_components.inputs.database import DatabaseLogin
from aegir_components.inputs.props import Props
from aegir_components.messages import text_of
from aegir_components.mysql import client, statements
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import Refused
from aegir_components.remote.parallel import attempt, settle

from .credentials import generate
from .lifecycle import AegirResource, Lifecycle

UNPROVEN = "unproven"
"""The hub's records of web servers that did not reach a database when that was last proven."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Client(Props):
    """A web server that has to reach a database."""

    connection: Connection
    address: str
    """That the database server sees."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DatabaseAccessInputs(DatabaseLogin):
    """A database server, and who has to reach it."""

    server: str
    """The declared name of the database server."""
    clients: Mapping[str, Client]
    """Web servers by name."""

    @classmethod
    def of(cls, server: str, login: DatabaseLogin, clients: Mapping[str, Client]) -> Self:
        """Give the inputs of a database server.

        Args:
            server: its declared name.
            login: the way there.
            clients: the web servers that its sites are on.
        """
        return cls(
            server=server, clients=clients, connection=login.connection, address=login.address, port=login.port,
            user=login.user, password=login.password, authority=login.authority, reach=login.reach,
        )  # fmt: skip


class DatabaseAccessProvider(Lifecycle[DatabaseAccessInputs, DatabaseAccessInputs]):
    """Proves it when something about it changes, and at each refresh."""

    identity_keys = ("server",)
    secret_keys = ("password",)

    def identity(self, want: DatabaseAccessInputs) -> str:
        """A database server has one proof."""
        return want.server

    def observe(self, have: DatabaseAccessInputs) -> dict[str, Any]:
        """Prove it again; a failing proof is drift."""
        try:
            _prove(have)
        except (client.DatabaseError, Refused) as fault:
            return {"drift": [text_of(fault)]}
        return {"drift": []}

    def converge(self, want: DatabaseAccessInputs, was: DatabaseAccessInputs | None) -> dict[str, Any]:
        """Prove it."""
        del was
        _prove(want)
        return {}

    def remove(self, have: DatabaseAccessInputs) -> None:
        """A proof leaves nothing."""


class DatabaseAccess(AegirResource, module="aegir", name="DatabaseAccess"):
    """Web servers reach a database."""

    def __init__(self, name: str, inputs: DatabaseAccessInputs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare it by the database server's name."""
        super().__init__(DatabaseAccessProvider(), name, inputs, opts)


def unproven_clients(hub_root: str, server: str, user: str) -> frozenset[str] | None:
    """Name the web servers from which the last proof of a database failed; ``None`` where it failed before it came to them."""
    found = Records(hub_root, UNPROVEN).get(server, user)
    return frozenset(map(str, found["clients"])) if found else None


def _prove(inputs: DatabaseAccessInputs) -> None:
    """Log in from each web server, also where another one fails.

    Raises:
        HostError: it fails from some; the hub has a record of which.
        DatabaseError: the hub itself does not reach the database.
    """
    where = inputs.endpoint(inputs.server, inputs.password)
    token = secrets.token_hex(6)
    database, user, password = f"aegir_proof_{token}", f"aegir_proof_{token}", generate(24)
    members = {name: entry.connection for name, entry in sorted(inputs.clients.items())}
    addresses = {name: entry.address for name, entry in inputs.clients.items()}
    records = Records(inputs.connection.hub_root, UNPROVEN)
    records.drop(where.server, where.user)
    with client.connect(where) as session:
        try:
            session.rows(f"CREATE DATABASE {statements.name(database)}")
            for address in sorted(set(addresses.values())):
                session.run(statements.ensure_account(user, address, password, tls=bool(where.authority)))
                session.run(statements.site_grants(database, user, address, frozenset()))
            results = attempt(
                members,
                lambda conn: access.log_in(
                    conn, where, database=database, user=user, password=password, address=addresses[conn.host]
                ),
            )
        finally:
            for address in sorted(set(addresses.values())):
                session.rows(f"DROP USER IF EXISTS {statements.account(user, address)}")
            session.rows(f"DROP DATABASE IF EXISTS {statements.name(database)}")
    failed = sorted(name for name, fault in results.items() if fault is not None)
    if failed:
        records.put({"clients": failed}, where.server, where.user)
    settle(results)


Provider = DatabaseAccessProvider
"""Its name in states."""
