"""aegir:DatabaseAccess: the proof that web servers reach a database, as Aegir's own verification does it.

A scratch database, an account for each web server's address, a login *from that web server* with its mysql client; then all
of it goes. Each step that fails has its own message.
"""

from __future__ import annotations

import secrets
from typing import Any

import pulumi

from aegir_components.host.connection import Connection
from aegir_components.host.errors import Refused
from aegir_components.host.parallel import attempt, settle
from aegir_components.hub_records import Records, hub_root
from aegir_components.mysql import client, statements
from aegir_components.services import access

from .credentials import generate
from .database import endpoint
from .lifecycle import AegirResource, Lifecycle, State, Untyped

UNPROVEN = "unproven"
"""The hub's records of web servers that did not reach a database when that was last proven."""


class Provider(Lifecycle[Untyped, Untyped]):
    """Proves it when something about it changes, and at each refresh."""

    identity_keys = ("server",)
    secret_keys = ("password",)

    def identity(self, want: State) -> str:
        """A database server has one proof."""
        return str(want["server"])

    def observe(self, want: State) -> State:
        """Prove it again; a failing proof is drift."""
        try:
            _prove(want)
        except (client.DatabaseError, Refused) as fault:
            return {"drift": [str(fault)]}
        return {"drift": []}

    def converge(self, want: State, _was: State) -> State:
        """Prove it."""
        _prove(want)
        return {}

    def remove(self, have: State) -> None:
        """A proof leaves nothing."""


class DatabaseAccess(AegirResource, module="aegir", name="DatabaseAccess"):
    """Web servers reach a database."""

    def __init__(self, name: str, props: dict[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare it.

        Args:
            name: the database server's name.
            props: ``server``, ``connection``, ``address``, ``port``, ``user``, ``password`` (secret), ``authority``, ``reach``,
                ``clients`` (name to ``connection`` and ``address``).
            opts: Pulumi's options.
        """
        super().__init__(Provider(), name, props, opts)


def unproven_clients(hub_root: str, server: str, user: str) -> frozenset[str] | None:
    """Name the web servers from which the last proof of a database failed; ``None`` where it failed before it came to them."""
    found = Records(hub_root, UNPROVEN).get(server, user)
    return frozenset(map(str, found["clients"])) if found else None


def _prove(want: State) -> None:
    """Log in from each web server, also where another one fails.

    Raises:
        HostError: it fails from some; the hub has a record of which.
        DatabaseError: the hub itself does not reach the database.
    """
    where = endpoint(want, str(want["server"]))
    token = secrets.token_hex(6)
    database, user, password = f"aegir_proof_{token}", f"aegir_proof_{token}", generate(24)
    members = Connection.of_members(want["clients"])
    addresses = {name: str(entry["address"]) for name, entry in want["clients"].items()}
    root = hub_root({"members": want["clients"]})
    records = Records(root, UNPROVEN) if root is not None else None
    if records is not None:
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
    if failed and records is not None:
        records.put({"clients": failed}, where.server, where.user)
    settle(results)
