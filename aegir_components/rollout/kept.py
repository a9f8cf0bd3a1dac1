"""What database servers say of several sites, each asked over one connection: databases of before, and pending updates."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any, Final

from aegir_components.applications.updates import Pending
from aegir_components.mysql import copies
from aegir_components.mysql.client import Endpoint, connect

from . import database_updates, exchange
from .site import Updated

DAY: Final = 86_400


def records(sites: Iterable[Updated]) -> dict[str, dict[str, Any]]:
    """Give what is known of the sites' databases of before; nothing of those that have none.

    Raises:
        DatabaseError: a database server does not answer.
    """
    found: dict[str, dict[str, Any]] = {}
    for server, of_it in _by_server(sites):
        with connect(server) as session:
            for site in of_it:
                if record := copies.record_in(session, site.database, site.databases.before):
                    found[site.site] = record
    return found


def forget_old(sites: Iterable[Updated], days: int) -> None:
    """Remove databases of before an update that are older than they have to be kept.

    Raises:
        DatabaseError: a database server does not answer.
    """
    known = {site.site: site for site in sites}
    for name, record in records(known.values()).items():
        site = known[name]
        if not record.get(exchange.RUNNING) and record["made"] + days * DAY <= time.time():
            copies.drop(site.endpoint, site.database, site.databases.before)


def pending(sites: Iterable[Updated], hub_root: str, digest: str) -> dict[str, Pending | None]:
    """Compare the sites' databases with a release; ``None`` where nobody knows.

    Args:
        sites: the sites, all of one application.
        hub_root: where the hub has its records.
        digest: of the release.

    Raises:
        DatabaseError: a database server does not answer.
    """
    found: dict[str, Pending | None] = {}
    for server, of_it in _by_server(sites):
        names = {site.database.name: site.site for site in of_it}
        lacking = database_updates.lacking(hub_root, digest, server, of_it[0].application, names)
        found |= {site: lacking.get(name) for name, site in names.items()}
    return found


def _by_server(sites: Iterable[Updated]) -> Iterator[tuple[Endpoint, list[Updated]]]:
    servers: dict[Endpoint, list[Updated]] = {}
    for site in sites:
        servers.setdefault(site.endpoint, []).append(site)
    yield from servers.items()
