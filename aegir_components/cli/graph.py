"""``graph``: the estate of a stack as a picture."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from . import drawing, live, options, rows
from .ends import put, tell
from .stack import Stack, here


@click.command()
@options.the_stack(required=True)
@click.option("--live", "ask", is_flag=True, help="Ask the machines, and colour what is well and what is not.")
@click.option(
    "--timeout", type=click.FloatRange(1, 600), default=live.TIME_LIMIT, show_default=True, metavar="SECONDS",
    help="With --live: the most time for one machine.",
)  # fmt: skip
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, writable=True, path_type=Path), metavar="FILE",
    help="Write it there instead of to standard output.",
)  # fmt: skip
@click.option(
    "--format",
    "form",
    type=click.Choice(["svg", "png", "dot"]),
    help="Its form; else the file's ending says it, else svg.",
)
@click.option("--json", "as_json", is_flag=True, help="Print nodes and edges as JSON instead.")
def graph(stack: str, *, ask: bool, timeout: float, output: Path | None, form: str | None, as_json: bool) -> None:
    """Draw a stack's estate: hub, servers with their services, clusters, packs with NFS, platforms, sites.

    It is drawn from the stack file alone, by Graphviz. With --live what is well is green, and what is not is red and says why.

    \b
    aegir graph prod -o prod.svg
    aegir graph prod --live --format png > prod.png
    """  # noqa: D301  click keeps such lines as they are
    known = Stack(name=stack, engine=here())
    declared = known.drawn()
    seen = None
    if ask:
        state = known.state()
        seen = rows.status(state, live.ask(state, limit=timeout, tell=tell), rows.today())
    drawn = drawing.draw(stack, declared, seen)
    if as_json:
        made = (json.dumps(asdict(drawn), indent=2) + "\n").encode()
    else:
        made = drawing.rendered(drawing.dot(drawn), form or _form(output))
    put(made, output)


def _form(output: Path | None) -> str:
    ending = output.suffix.removeprefix(".") if output else ""
    return ending if ending in {"svg", "png", "dot"} else "svg"
