"""``status``: servers, platforms and sites of a stack as tables."""

from __future__ import annotations

import json

import click

from . import kept, live, options, rows
from .ends import UNHEALTHY, tell
from .stack import Stack, here
from .timers import Timer


@click.command()
@options.the_stack(required=True)
@click.option("--live", "ask", is_flag=True, help="Ask the machines and the sites too.")
@click.option(
    "--timeout", type=click.FloatRange(1, 600), default=live.TIME_LIMIT, show_default=True, metavar="SECONDS",
    help="With --live: the most time for one machine.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def status(stack: str, *, ask: bool, timeout: float, as_json: bool) -> None:
    """Show a stack's servers, platforms and sites: release, health, end of the certificate, last cron.

    Without --live it is what the state says, which the last `up` or refresh has seen; no machine is asked. With it each machine
    is asked for its services, each web server for each of its sites, and the timers for the last cron. The exit status is 3 when
    something is not well.

    \b
    aegir status prod
    aegir status prod --live --json
    """  # noqa: D301  click keeps such lines as they are
    of = Stack(name=stack, engine=here())
    state = of.state()
    seen = live.ask(state, limit=timeout, tell=tell) if ask else None
    saved, unread = kept.of_stack(of, state)
    faults = [why for why in (Timer(project=of.engine.project).fault(), unread) if why]
    found = rows.status(state, seen, rows.today(), saved, faults)
    if as_json:
        click.echo(json.dumps(found.plain(), indent=2))
    else:
        for line in rows.tables(found):
            click.echo(line)
        if not ask:
            tell("this is what the state says; --live asks the machines")
    if not found.well:
        raise click.exceptions.Exit(UNHEALTHY)
