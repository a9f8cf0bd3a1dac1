"""``check-stack``: what machines have and the stack does not, and the other way round."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import click

from aegir_components import layout
from aegir_components.facts import inventory
from aegir_components.hub.records import hub_root
from aegir_components.providers import unfinished
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import HostError
from aegir_components.scripts import script

from . import leftovers, options
from .ends import UNHEALTHY, tell
from .leftovers import Finding
from .made import Server
from .stack import Stack, here, holder_of
from .state import State

TIME_LIMIT = 60.0
"""Seconds for one machine: files are counted."""


@click.command("check-stack")
@options.the_stack(required=True)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def check_stack(stack: str, *, as_json: bool) -> None:
    """Compare what the machines carry by their own records with what the stack's state says.

    It lists platforms, entries of sites, directories with data and databases that nobody declares, and declared ones
    that are missing. It also lists what an earlier run has begun and not ended. Each comes with what to do about it.
    The command changes nothing. The exit status is 3 when there is a difference.

    \b
    aegir check-stack prod
    """  # noqa: D301  click keeps such lines as they are
    known = Stack(name=stack, engine=here())
    found = differences(known.state(), holder_of(known))
    if as_json:
        click.echo(json.dumps([finding.plain() for finding in found], indent=2))
    else:
        for finding in found:
            click.echo(f"{finding.server}: {finding.what}.\n    {finding.advice}")
        if not found:
            tell("no differences: the machines carry what the stack's state has, and nothing more")
    if found:
        raise click.exceptions.Exit(UNHEALTHY)


def differences(state: State, holder: str) -> list[Finding]:
    """Ask all machines of a stack side by side, and compare.

    Args:
        state: the stack.
        holder: the name by which machines know it.
    """
    machines = [(server, conn) for server in state.servers.values() if (conn := server.reached) is not None]
    roots = {release.publish_root for release in state.releases.values()} | {layout.PLATFORMS_ROOT}
    tell(f"inspecting {len(machines)} machines")
    with ThreadPoolExecutor(max_workers=max(1, len(machines))) as pool:
        answers = dict(
            zip(
                (server.name for server, _ in machines),
                pool.map(lambda each: _look(each[0], each[1], roots), machines),
                strict=True,
            )
        )
    seen = {name: answer for name, answer in answers.items() if isinstance(answer, inventory.Inventory)}
    silent = [answer for answer in answers.values() if isinstance(answer, Finding)]
    return [*_unfinished(state, holder), *silent, *leftovers.compare(state, holder, seen)]


def _look(server: Server, conn: Connection, roots: set[str]) -> inventory.Inventory | Finding:
    lines = inventory.items(roots, database=server.database is not None)
    try:
        facts = script.execute(conn, "check", lines, what="inspecting what it has", timeout=TIME_LIMIT).facts
    except HostError as fault:
        return Finding(
            server=server.name,
            what=f"it could not be inspected: {fault.text}",
            advice="repair that, and run `aegir check-stack` again",
        )
    return inventory.read(facts)


def _unfinished(state: State, holder: str) -> list[Finding]:
    roots = {
        hub_root({"connection": server.connection}) or "" for server in state.servers.values() if server.connection
    }
    return [
        Finding(
            server="hub",
            what=f"a run began to work on {kind} {what} and did not end well",
            advice="run pulumi up: what is declared of it is made as declared",
        )
        for root in sorted(roots)
        for kind, what in unfinished.left(root, holder)
    ]
