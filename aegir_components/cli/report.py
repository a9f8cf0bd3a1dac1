"""``report``: one HTML file about a stack or a client's sites; ``metrics``: the same for Prometheus."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

import click

from aegir_components.hub import files
from aegir_components.hub.records import Records
from aegir_components.messages import numbered

from . import completion, needs, page, selecting, survey
from .audit import root_of
from .ends import Refusal, tell
from .metrics import text as metrics_text
from .needs import Need
from .page import Page
from .survey import Survey

KIND: Final = "report"
"""The hub's records of what the last report said."""
_STACK = click.option(
    "--stack", default="", metavar="STACK", shell_complete=completion.stacks, help="May be left out where there is one."
)
_NO_PROBE = click.option("--no-probe", is_flag=True, help="Do not ask for the sites themselves.")
_UPDATES = click.option(
    "--database-updates", is_flag=True, help="Also ask each site's database which updates it lacks."
)
_TIMEOUT = click.option(
    "--timeout",
    type=click.FloatRange(1, 600),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="The most time for one machine.",
)


@click.command()
@_STACK
@click.option(
    "-o",
    "--output",
    "target",
    type=click.Path(dir_okay=False),
    default="",
    metavar="FILE",
    help="Where the page goes; - or nothing is standard output.",
)
@click.option(
    "--client",
    default="",
    metavar="NAME",
    shell_complete=completion.clients,
    help="Only this client's sites, as a page for the client.",
)
@_NO_PROBE
@_UPDATES
@_TIMEOUT
@click.option("--json", "as_json", is_flag=True, help="Print the same as JSON.")
def report(
    stack: str, target: str, client: str, *, no_probe: bool, database_updates: bool, timeout: float, as_json: bool
) -> None:
    """Write one HTML file about a stack: what needs a person, sites, platforms, servers, and what changed since the last report.

    The file needs no script and nothing from elsewhere. It exits with 0 also when something is not well.

    \b
    aegir report -o report.html
    aegir report --client acme -o acme.html
    """  # noqa: D301  click keeps such lines as they are
    known = selecting.the_stack(stack)
    found = survey.take(known, probe=not no_probe, limit=timeout, database_updates=database_updates)
    listed, before, changed = needs.of(found), None, list[str]()
    if client:
        found, listed = for_client(found, client)
    else:
        records = Records(str(root_of(known.state())), KIND)
        last, now = records.get(found.stack), needs.remembered(found, listed)
        changed, before = needs.changes(last, now), float(last["reported"]) if last else None
        records.put(now, found.stack)
    if as_json:
        _write(target, json.dumps(plain(found, listed, changed), indent=2, default=str))
        return
    _write(target, page.render(Page(found=found, needs=listed, changes=changed, before=before, client=client)))


@click.command()
@_STACK
@click.option(
    "-o",
    "--output",
    "target",
    type=click.Path(dir_okay=False),
    default="",
    metavar="FILE",
    help="Where it goes, such as a file of node_exporter's textfile collector.",
)
@_NO_PROBE
@_UPDATES
@_TIMEOUT
def metrics(stack: str, target: str, *, no_probe: bool, database_updates: bool, timeout: float) -> None:
    """Print what `report` says for Prometheus.

    \b
    aegir metrics -o /var/lib/prometheus/node-exporter/aegir.prom
    """  # noqa: D301  click keeps such lines as they are
    known = selecting.the_stack(stack)
    found = survey.take(known, probe=not no_probe, limit=timeout, database_updates=database_updates)
    _write(target, metrics_text(found, needs.of(found)).rstrip("\n"))


def for_client(found: Survey, client: str) -> tuple[Survey, list[Need]]:
    """Leave out what is not a client's: other clients' sites, platforms and servers.

    Raises:
        Refusal: no site has this client.
    """
    sites = tuple(survey.of_client(found, client))
    if not sites:
        known = sorted({site.client for site in found.sites if site.client})
        raise Refusal(
            numbered(
                9120, f"no site of {found.stack} has the client {client}; clients are: {', '.join(known) or 'none'}"
            )
        )
    names = {site.name for site in sites}
    # What others did, and on which machines, is the operator's.
    shown = tuple(replace(site, changed="", drift=()) for site in sites)
    reduced = replace(found, sites=shown, servers=(), platforms=(), groups=(), pending=())
    return reduced, [replace(need, advice="") for need in needs.of(reduced) if need.subject in names]


def plain(found: Survey, listed: list[Need], changed: list[str]) -> dict[str, object]:
    """Give it for JSON."""
    return {"needs": [asdict(need) for need in listed], "changes": changed, **asdict(found)}


def _write(target: str, text: str) -> None:
    if target in {"", "-"}:
        click.echo(text)
        return
    path = Path(target)
    try:
        # A device, a pipe or a link such as /dev/stdout stays what it is.
        if path.is_symlink() or (path.exists() and not path.is_file()):
            path.write_text(text + "\n", encoding="utf-8")
        else:
            # In one step: a collector, or a browser, never reads half of it.
            files.replace(path, text + "\n")
    except OSError as fault:
        raise Refusal(numbered(9021, f"{path} cannot be written: {fault.strerror}")) from None
    tell(f"{path} is written")
