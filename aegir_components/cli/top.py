"""``top``: which sites are asked for most now, how long their answers take, and where they fail."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Final

import click

from aegir_components import layout
from aegir_components.facts import site_logs
from aegir_components.facts.site_logs import Traffic
from aegir_components.remote.connection import Connection
from aegir_components.scripts import script

from . import completion, machines, selecting
from .ends import SITES_UNREACHED
from .machines import tell_faults
from .made import Site
from .rows import table
from .selecting import Selection

TIMEOUT: Final = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A site in the last minutes, of all its web servers together."""

    site: str
    requests: int
    per_minute: float
    average: float
    """Seconds of an answer."""
    longest: float
    server_errors: int
    client_errors: int
    megabytes: float
    servers: tuple[str, ...]


@click.command()
@click.argument("sites", nargs=-1, shell_complete=completion.sites)
@selecting.options
@click.option("--minutes", type=click.IntRange(1, 1440), default=5, show_default=True, help="How many minutes back.")
@click.option(
    "--sort",
    type=click.Choice(["requests", "time", "errors"]),
    default="requests",
    show_default=True,
    help="What comes first.",
)
@click.option(
    "-n",
    "--lines",
    "count",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    metavar="N",
    help="At most N sites.",
)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def top(selection: Selection, *, minutes: int, sort: str, count: int, as_json: bool) -> None:  # fmt: skip
    """Show which sites had most requests in the last minutes, by their access logs; all sites when none is named.

    \b
    aegir top
    aegir top --sort errors --minutes 60
    """  # noqa: D301  click keeps such lines as they are
    chosen = selecting.choose(selecting.everything(selection))

    def one(name: str, conn: Connection) -> list[Traffic]:
        here = [site.identity for site in chosen.sites if name in site.members]
        lines = site_logs.traffic_items(here, minutes)
        return site_logs.traffic(script.execute(conn, "check", lines, what="counting requests", timeout=TIMEOUT).facts)

    found, faults = machines.ask(machines.of_sites(chosen.sites), one)
    rows = sorted(added(chosen.sites, found, minutes), key=lambda row: _rank(row, sort))[:count]
    if as_json:
        click.echo(json.dumps([asdict(row) for row in rows], indent=2))
    else:
        for line in table(HEAD, [_cells(row) for row in rows]):
            click.echo(line)
    tell_faults(faults)
    if faults:
        raise click.exceptions.Exit(SITES_UNREACHED)


HEAD: Final = ("SITE", "REQUESTS", "A MINUTE", "AVERAGE", "LONGEST", "5XX", "4XX", "MB")


def added(sites: Iterable[Site], found: Mapping[str, Iterable[Traffic]], minutes: int) -> list[Row]:
    """Add up what the web servers of each site counted."""
    rows = []
    # Of a site none of whose servers has answered nobody knows that it had no requests.
    for site in (site for site in sites if not found.keys().isdisjoint(site.members)):
        name = layout.file_name(site.identity)
        parts = {server: each for server, counted in found.items() for each in counted if each.site == name}
        requests = sum(each.requests for each in parts.values())
        rows.append(
            Row(
                site=site.name,
                requests=requests,
                per_minute=round(requests / minutes, 1),
                average=round(sum(each.seconds for each in parts.values()) / requests, 3) if requests else 0.0,
                longest=round(max((each.longest for each in parts.values()), default=0.0), 3),
                server_errors=sum(each.server_errors for each in parts.values()),
                client_errors=sum(each.client_errors for each in parts.values()),
                megabytes=round(sum(each.bytes for each in parts.values()) / 1e6, 1),
                servers=tuple(parts),
            )
        )
    return rows


def _rank(row: Row, sort: str) -> tuple[float, str]:
    by = {"requests": row.requests, "time": row.average * row.requests, "errors": row.server_errors}
    return -by[sort], row.site


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.site, str(row.requests), f"{row.per_minute:g}", f"{row.average:.3f} s", f"{row.longest:.1f} s",
        str(row.server_errors), str(row.client_errors), f"{row.megabytes:g}",
    )  # fmt: skip
