"""aegir:SiteDatabase: a site's database, with an account for every address that may connect."""

from __future__ import annotations

from typing import Any

import pulumi

from aegir_components import backups
from aegir_components.host.connection import Connection
from aegir_components.mysql import client, databases

from .database import endpoint
from .lifecycle import AegirResource, Lifecycle, State


class Provider(Lifecycle):
    """Made from the hub over MySQL's own protocol; removed only after its dump was loaded and counted."""

    identity_keys = ("server", "database")
    secret_keys = ("password", "site_password")
    delete_first = False

    def identity(self, want: State) -> str:
        """A database on a server."""
        return f"{want['server']}/{want['database']}"

    def problems(self, want: State) -> dict[str, str]:
        """Accounts are for addresses, never for everybody (design.md; Aegir fell back to it)."""
        if "%" in "".join(str(item) for item in want.get("clients", [])):
            return {"clients": "must be addresses; % would let every machine in"}
        return {}

    def observe(self, want: State) -> State | None:
        """Compare accounts and rights with what is declared.

        A database server that does not let the hub in is drift, and never "gone": were it an error, no refresh could
        come to the point where the server itself is mended.
        """
        try:
            drift = databases.drift(endpoint(want, want["server"]), _wanted(want))
        except client.DatabaseError as fault:
            return {"drift": [str(fault)]}
        return None if drift is None else {"drift": drift}

    def converge(self, want: State) -> State:
        """Make database, accounts and rights as declared."""
        databases.ensure(endpoint(want, want["server"]), _wanted(want))
        return {}

    def remove(self, have: State) -> None:
        """Dump it to the hub, prove the dump, and only then drop it."""
        where, what = endpoint(have, have["server"]), _wanted(have)
        if databases.is_ours(where, what):
            backups.save_database(Connection.from_props(have["connection"]), where, what.name, str(have["site"]))
        databases.drop(where, what)


class SiteDatabase(AegirResource, module="aegir", name="SiteDatabase"):
    """A site's database."""

    def __init__(self, name: str, props: dict[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare it.

        Args:
            name: the site's name.
            props: ``site``, ``server``, ``connection`` (of the server), ``address``, ``port``, ``user`` and ``password`` (the
                hub's account, secret), ``database``, ``account``, ``site_password`` (secret), ``clients``, ``owner``,
                ``authority`` (where TLS is required), ``reach``.
            opts: Pulumi's options.
        """
        super().__init__(Provider(), name, props, opts)


def _wanted(props: State) -> databases.SiteDatabase:
    return databases.SiteDatabase(
        name=props["database"],
        user=props["account"],
        password=props["site_password"],
        clients=tuple(props["clients"]),
        owner=props["owner"],
        tls=bool(props.get("authority")),
    )
