"""What a backup is made of: the site's database and files, on which machines, and what is written down with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from aegir_components import layout
from aegir_components.applications import shares_config
from aegir_components.host.connection import Connection
from aegir_components.mysql.client import Endpoint

PARTS = ("site/files", "private", "config")
"""What a site's directory has of visitors and editors."""
SHARED = "shared"
"""The label of files that are on storage which all web servers share."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A directory of a site on a machine."""

    label: str
    """Its name in the backup: the web server, or ``shared``."""
    conn: Connection
    home: str
    parts: tuple[str, ...]
    """What of it is backed up, by paths below ``home``."""

    def to_props(self) -> dict[str, Any]:
        """Give it for JSON."""
        return {"label": self.label, "conn": self.conn.to_props(), "home": self.home, "parts": list(self.parts)}

    @classmethod
    def from_props(cls, props: Mapping[str, Any]) -> Self:
        """Read back what ``to_props`` gave."""
        return cls(
            label=str(props["label"]), conn=Connection.from_props(props["conn"]), home=str(props["home"]),
            parts=tuple(props["parts"]),
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """One site, as it is on the machines."""

    site: str
    """What it is known by."""
    name: str
    """Its host name."""
    server: str
    """Its database server."""
    conn: Connection
    """The database server's machine."""
    database: str
    endpoint: Endpoint = field(repr=False)
    account: str
    """Its database account."""
    other: str = ""
    """The account that takes its turn when the password changes."""
    clients: tuple[str, ...]
    """The addresses that the account may connect from."""
    places: tuple[Place, ...]
    holder: str
    """``<project>/<stack>``."""
    about: Mapping[str, Any] = field(default_factory=dict)
    """What is written down with it: release, declaration, versions. No secrets."""

    @classmethod
    def of_state(cls, props: Mapping[str, Any], about: Mapping[str, Any]) -> Self:
        """Read a site's configuration from the state, with its secrets decrypted.

        Args:
            props: the outputs of its ``SiteConfiguration``.
            about: what is written down with the backup.
        """
        accounts = props["accounts"]
        conn = Connection.from_props(accounts["connection"])
        machine = conn if conn.kind != "none" else None
        return cls(
            site=str(props["site"]),
            name=str(props.get("name") or props["site"]),
            server=str(accounts["server"]),
            conn=conn,
            database=str(accounts["database"]),
            endpoint=Endpoint(
                server=str(accounts["server"]),
                address=str(accounts["address"]),
                port=int(accounts["port"]),
                user=str(accounts["user"]),
                password=str(props["hub_password"]),
                authority=str(accounts.get("authority") or ""),
                tunnel=conn if accounts.get("reach") == "ssh" else None,
                machine=machine,
            ),
            account=str(accounts["account"]),
            other=str(accounts.get("other") or ""),
            clients=tuple(map(str, accounts["clients"])),
            places=_places(props),
            holder=str(props["holder"]),
            about=about,
        )

    @property
    def accounts(self) -> tuple[str, ...]:
        """All of its database accounts."""
        return tuple(filter(None, (self.account, self.other)))

    @property
    def definer(self) -> tuple[str, str]:
        """The account that the site's views and routines have: name and address."""
        return self.account, min(self.clients)

    def to_props(self) -> dict[str, Any]:
        """Give it for JSON; it holds the hub's database password."""
        endpoint = {
            name: getattr(self.endpoint, name)
            for name in ("server", "address", "port", "user", "password", "authority")
        }
        return {
            "site": self.site, "name": self.name, "server": self.server, "conn": self.conn.to_props(),
            "database": self.database, "endpoint": {**endpoint, "tunnel": self.endpoint.tunnel is not None},
            "account": self.account, "other": self.other, "clients": list(self.clients),
            "places": [place.to_props() for place in self.places], "holder": self.holder, "about": dict(self.about),
        }  # fmt: skip

    @classmethod
    def from_props(cls, props: Mapping[str, Any]) -> Self:
        """Read back what ``to_props`` gave."""
        conn = Connection.from_props(props["conn"])
        given = dict(props["endpoint"])
        tunnel = conn if given.pop("tunnel") else None
        endpoint = Endpoint(**given, tunnel=tunnel, machine=conn if conn.kind != "none" else None)
        return cls(
            site=str(props["site"]), name=str(props["name"]), server=str(props["server"]), conn=conn,
            database=str(props["database"]), endpoint=endpoint, account=str(props["account"]), other=str(props["other"]),
            clients=tuple(props["clients"]), places=tuple(map(Place.from_props, props["places"])),
            holder=str(props["holder"]), about=props["about"],
        )  # fmt: skip


def _places(props: Mapping[str, Any]) -> tuple[Place, ...]:
    """List where a site's files are: on each web server that has its own, or once on shared storage."""
    members, site = props["members"], str(props["site"])
    owners = [name for name in sorted(members) if members[name].get("role") != "slave"]
    first = str(props.get("master") or owners[0])
    home = layout.site_directory(str(props["publish_root"]), site)
    conns = {name: Connection.from_props(members[name]["connection"]) for name in owners}
    if shared := str(props.get("uploads") or ""):
        whole = shares_config(str(props.get("application") or ""))
        one = Place(
            label=SHARED, conn=conns.get(first, conns[owners[0]]), home=layout.uploads_directory(shared, site),
            parts=("files", "private", "config") if whole else ("files", "private"),
        )  # fmt: skip
        own = (
            () if whole else tuple(Place(label=n, conn=conn, home=home, parts=("config",)) for n, conn in conns.items())
        )
        return (one, *own)
    return tuple(Place(label=name, conn=conn, home=home, parts=PARTS) for name, conn in conns.items())
