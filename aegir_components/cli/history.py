"""``history``: who did what to a site or a server, and when: commands of `aegir`, and the runs of `pulumi`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

import click

from aegir_components.hub import audited
from aegir_components.messages import numbered
from aegir_components.messages.printable import first_of

from . import audit, completion, selecting
from .ends import Refusal, tell
from .made import Site
from .moments import MOMENT, utc
from .rows import table
from .state import State

PAGE: Final = 100
"""Runs of Pulumi that are read."""
CHANGES: Final = ("create", "update", "delete", "replace")
NEAR: Final = 600
"""Seconds within which a run of Pulumi and the line that its program left are the same."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """Something that was done."""

    at: int
    who: str
    what: str
    on: str
    """Sites, or servers."""
    result: str
    seconds: float


@click.command()
@click.argument("name", required=False, default="", shell_complete=completion.sites_and_servers)
@selecting.STACK
@click.option("--since", type=MOMENT, default="90d", show_default=True, help="Not before: an age, or a date in UTC.")
@click.option(
    "-n",
    "--lines",
    "count",
    type=click.IntRange(1, 100_000),
    default=50,
    show_default=True,
    metavar="N",
    help="The last N.",
)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def history(name: str, stack: str, since: float, count: int, *, as_json: bool) -> None:  # fmt: skip
    """Show who did what to NAME, a site or a server, and when; without NAME to the whole stack.

    These are the commands of `aegir` on this hub, and the runs of `pulumi up` and `pulumi destroy` in the stack's history.

    \b
    aegir history www.example.com
    aegir history web1.example.com --since 7d
    """  # noqa: D301  click keeps such lines as they are
    known = selecting.the_stack(stack)
    state = known.state()
    site, server = _meant(state, name)
    entries = list(audit.entries(audit.root_of(state)))
    runs = known.engine.ask(
        "stack", "history", "--json", "--page-size", str(PAGE), "--page", "1", "--stack", known.name
    )
    events = [*of_commands(entries, state, site, server), *of_runs(runs, entries, state.stack)]
    events = sorted((each for each in events if each.at >= since), key=lambda each: each.at)[-count:]
    if as_json:
        click.echo(json.dumps([asdict(each) for each in events], indent=2))
    elif events:
        rows = [(utc(each.at), each.who, each.what, each.on, f"{each.seconds:.0f} s", each.result) for each in events]
        for line in table(("WHEN (UTC)", "WHO", "WHAT", "ON", "TOOK", "RESULT"), rows):
            click.echo(line)
    else:
        tell("nothing is known in this time")


def _meant(state: State, name: str) -> tuple[Site | None, str]:
    """Find the site or the server of a name; none of both for the whole stack."""
    if not name:
        return None, ""
    if name in state.servers:
        return None, name
    site = state.find(name)
    if site is None:
        raise Refusal(
            numbered(9016, f"{state.stack} has no site and no server {name}; `aegir status {state.stack}` lists them")
        )
    return site, ""


def of_commands(entries: Iterable[audit.Entry], state: State, site: Site | None, server: str) -> Iterator[Event]:
    """Read the commands on a site, under all names that it has had, or on a server, or on all of a stack. Pure."""
    known = state.by_identity
    for entry in entries:
        if entry.stack != state.stack or entry.command == audited.UP:
            continue
        if (site and site not in sites_of(entry, state, known)) or (server and server not in entry.servers):
            continue
        on = (site.name if site else server) or first_of(entry.sites or entry.servers, 2)
        yield Event(at=entry.at, who=entry.who, what=entry.command, on=on, result=entry.result, seconds=entry.seconds)


def sites_of(entry: audit.Entry, state: State, known: Mapping[str, Site]) -> list[Site]:
    """Give the sites that a line is about and that are there, whatever they were called then. Pure.

    Args:
        entry: the line.
        state: the stack.
        known: its sites by identity, which many lines are compared with.
    """
    if entry.identities:
        return [known[identity] for identity in entry.identities if identity in known]
    # A line of an early version, or of a site that the stack had no more.
    return [site for name in entry.sites if (site := state.find(name)) is not None]


def of_runs(runs: Iterable[Mapping[str, Any]], entries: Iterable[audit.Entry], stack: str) -> Iterator[Event]:
    """Read the runs that changed something, with who began them where the program left a line of that."""
    begun = [entry for entry in entries if entry.stack == stack and entry.command == audited.UP]
    for run in runs:
        if run.get("kind") not in {"update", "destroy", "refresh"}:
            continue
        start, end = _time(run.get("startTime")), _time(run.get("endTime"))
        if start is None:
            continue
        near = [entry for entry in begun if 0 <= entry.at - start + 5 <= NEAR and (end is None or entry.at <= end + 5)]
        changes = run.get("resourceChanges") or {}
        said = ", ".join(f"{changes[verb]} {verb}d" for verb in CHANGES if changes.get(verb)) or "nothing changed"
        kind = {"update": "pulumi up", "destroy": "pulumi destroy", "refresh": "pulumi refresh"}[str(run["kind"])]
        yield Event(
            at=start, who=near[0].who if near else "-", what=kind, on=stack,
            result=f"{run.get('result', 'unknown')}: {said}", seconds=float((end or start) - start),
        )  # fmt: skip


def _time(text: Any) -> int | None:
    try:
        return int(datetime.fromisoformat(str(text)).timestamp())
    except ValueError:
        return None
