"""What a backup is made of: the site's database and files, on which machines, and what is written down with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from aegir_components import layout
from aegir_components.applications import shares_config
from aegir_components.inputs.site import SitePlace
from aegir_components.mysql.client import Endpoint
from aegir_components.remote.connection import Connection

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
        return cls.of_site(SitePlace.from_props(props), str(props["hub_password"]), about)

    @classmethod
    def of_site(cls, site: SitePlace, hub_password: str, about: Mapping[str, Any]) -> Self:
        """Read a site with its database.

        Args:
            site: where it is.
            hub_password: of the hub's account on its database server.
            about: what is written down with the backup.
        """
        accounts = site.accounts
        assert accounts is not None
        return cls(
            site=site.site,
            name=site.host,
            server=accounts.server,
            conn=accounts.connection,
            database=accounts.database,
            endpoint=accounts.endpoint(accounts.server, hub_password),
            account=accounts.account,
            other=accounts.other,
            clients=accounts.clients,
            places=_places(site),
            holder=site.holder,
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


def _places(site: SitePlace) -> tuple[Place, ...]:
    """List where a site's files are: on each web server that has its own, or once on shared storage."""
    conns = site.owners
    first = site.master or next(iter(conns))
    home = layout.site_directory(site.publish_root, site.site)
    if site.uploads:
        whole = shares_config(site.application)
        one = Place(
            label=SHARED, conn=conns.get(first, next(iter(conns.values()))),
            home=layout.uploads_directory(site.uploads, site.site),
            parts=("files", "private", "config") if whole else ("files", "private"),
        )  # fmt: skip
        own = (
            () if whole else tuple(Place(label=n, conn=conn, home=home, parts=("config",)) for n, conn in conns.items())
        )
        return (one, *own)
    return tuple(Place(label=name, conn=conn, home=home, parts=PARTS) for name, conn in conns.items())
