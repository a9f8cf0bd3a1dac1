"""``cron``, ``cache clear``, ``close`` and ``open``: what happens to sites once, without a change of what is declared."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from importlib import resources
from typing import Final

import click

from aegir_components import layout
from aegir_components.applications import APPLICATIONS
from aegir_components.deploy import installation, site_command
from aegir_components.deploy.site_closing import By, Closable, Reason
from aegir_components.deploy.site_command import Command
from aegir_components.messages import around, numbered, shown
from aegir_components.remote import stream
from aegir_components.remote.connection import Connection
from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions

from . import audit, completion, fleet, live, places, selecting, site_lock, stack_lock
from .commands import Commands
from .ends import OK, Refusal, tell
from .fleet import Job, Verdict
from .made import Site
from .selecting import Chosen, Selection
from .stack import holder_of

DONE: Final = {
    "cache clear": "its caches are cleared", "close": "closed: visitors get 503 until aegir open {site}",
    "cron": "cron is done", "open": "open",
}  # fmt: skip
"""What a command says when it went well for its one site."""
CRON: Final = 3600
"""Seconds for a site's cron, as its unit has it."""
CACHE: Final = 300.0
PATIENCE: Final = 60
"""Seconds to wait for an installer or an update that works on the site."""
Each = Callable[[Site, str], Verdict]


@click.command()
@click.argument("sites", nargs=-1, shell_complete=completion.sites)
@selecting.options
@click.option("--now", is_flag=True, required=True, help="Run it now; when it runs by itself stands in the stack file.")
@stack_lock.during_up
@click.option("--dry-run", is_flag=True, help="Only tell for which sites and where.")
@click.option("--json", "as_json", is_flag=True, help="Print a verdict for each site as JSON.")
def cron(selection: Selection, *, during_up: bool, dry_run: bool, now: bool, as_json: bool) -> None:
    """Run the cron of SITES, by the unit of their timers; for sites with `cron: off` too.

    \b
    aegir cron www.example.com --now
    """  # noqa: D301  click keeps such lines as they are
    del now
    chosen = selecting.choose(selection)

    def one(site: Site, server: str) -> Verdict:
        keeper = live.keeper(site)
        return _by_unit(site, keeper) if keeper else _by_program(site, server)

    _do(
        chosen,
        "cron",
        one,
        as_json=as_json,
        dry_run=dry_run,
        during_up=during_up,
        on=lambda site: live.keeper(site) or _first(site),
    )


@click.group(cls=Commands, for_a_word="aegir cache clear")
def cache() -> None:
    """What sites keep of their pages and configuration."""


@cache.command("clear")
@click.argument("sites", nargs=-1, shell_complete=completion.sites)
@selecting.options
@stack_lock.during_up
@click.option("--dry-run", is_flag=True, help="Only tell for which sites and where.")
@click.option("--json", "as_json", is_flag=True, help="Print a verdict for each site as JSON.")
def clear(selection: Selection, *, during_up: bool, dry_run: bool, as_json: bool) -> None:
    """Clear the caches of SITES, by each application's own function.

    \b
    aegir cache clear www.example.com
    aegir cache clear --platform shop
    """  # noqa: D301  click keeps such lines as they are
    chosen = selecting.choose(selection)

    def one(site: Site, server: str) -> Verdict:
        clear_caches(site, server, "cache clear")
        return Verdict(site=site.name, server=server, kind="ok")

    _do(chosen, "cache clear", one, as_json=as_json, dry_run=dry_run, during_up=during_up)


def clear_caches(site: Site, server: str, command: str) -> None:
    """Clear a site's caches by its application's own function.

    Args:
        site: the site.
        server: one of its web servers.
        command: for the machine's journal.

    Raises:
        HostError: the web server does not answer, or the application could not.
    """
    lines = [
        functions("command"),
        *installation.items(
            APPLICATIONS[site.application].caches, site=site.identity, publish_path=site.publish_path,
            docroot=site.docroot, values={"host": site.name, "url": site.url}, patience=PATIENCE,
            seconds=int(CACHE),
        ),
        script.call("journal", f"{audit.who()}: aegir {command} on {site.name}"),
    ]  # fmt: skip
    what = f"clearing the caches of {site.name}"
    script.execute(site.connection_of(server), "apply", lines, what=what, timeout=CACHE + PATIENCE, lock=False)


@click.command()
@click.argument("sites", nargs=-1, shell_complete=completion.sites)
@selecting.options
@click.option("--why", default="", metavar="TEXT", help="What for; status shows it.")
@stack_lock.during_up
@click.option("--dry-run", is_flag=True, help="Only tell for which sites and where.")
@click.option("--json", "as_json", is_flag=True, help="Print a verdict for each site as JSON.")
def close(selection: Selection, *, during_up: bool, dry_run: bool, why: str, as_json: bool) -> None:
    """Close SITES: visitors get 503 on every web server, which is verified; `aegir open` opens them.

    The stack file and the next `pulumi up` leave a closed site closed, and `aegir status --live` shows it.

    \b
    aegir close www.example.com --why 'the bank moves'
    """  # noqa: D301  click keeps such lines as they are
    chosen = selecting.choose(selection)
    _do(chosen, "close", _closing(chosen, "close", why), as_json=as_json, dry_run=dry_run, during_up=during_up)


@click.command("open")
@click.argument("sites", nargs=-1, shell_complete=completion.sites)
@selecting.options
@stack_lock.during_up
@click.option("--dry-run", is_flag=True, help="Only tell for which sites and where.")
@click.option("--json", "as_json", is_flag=True, help="Print a verdict for each site as JSON.")
def open_(selection: Selection, *, during_up: bool, dry_run: bool, as_json: bool) -> None:
    """Open SITES that `aegir close` has closed.

    \b
    aegir open www.example.com
    """  # noqa: D301  click keeps such lines as they are
    chosen = selecting.choose(selection)
    _do(chosen, "open", _closing(chosen, "open", ""), as_json=as_json, dry_run=dry_run, during_up=during_up)


def _closing(chosen: Chosen, what: str, why: str) -> Each:
    holder = holder_of(chosen.stack)

    def one(site: Site, server: str) -> Verdict:
        members = site.connections
        closable = Closable(
            site=site.identity, name=site.name, holder=holder, members=members,
            ports=site.ports,
        )  # fmt: skip
        line = f"{audit.who()}{f': {why}' if why else ''}"
        if what == "close":
            closable.close(Reason(By.PERSON, line))
        else:
            closable.open()
        for conn in members.values():
            _journal(conn, f"{audit.who()}: aegir {what} {site.name}")
        return Verdict(site=site.name, server=server, kind="ok")

    return one


def _journal(conn: Connection, text: str) -> None:
    lines = [functions("command"), script.call("journal", text)]
    script.execute(conn, "apply", lines, what="writing into the journal", lock=False)


def _by_unit(site: Site, server: str) -> Verdict:
    unit = f"aegir-cron@{layout.system_user(site.identity)}.service"
    lines = [
        functions("command"),
        script.call("journal", f"{audit.who()}: aegir cron on {site.name}"),
        script.call("run_unit", unit),
    ]
    what = f"running the cron of {site.name}"
    facts = script.execute(site.connection_of(server), "apply", lines, what=what, timeout=CRON, lock=False).facts
    kind: fleet.Kind = "ok" if facts.get("result") == "success" else "failed"
    return Verdict(site=site.name, server=server, kind=kind, why=facts.get("said", "").strip() if kind != "ok" else "")


def _by_program(site: Site, server: str) -> Verdict:
    place = places.place(site, server)
    application = APPLICATIONS[place.application]
    if not application.cron:
        raise Refusal(numbered(9090, f"site {site.name}: {application.title} has no cron"))
    program = resources.files("aegir_components.applications").joinpath(application.cron).read_bytes()
    said: list[bytes] = []
    # Its child processes run the file again.
    command = Command(
        argv=["sh", "-c", 'cat >"$TMPDIR/cron.$$.php" && php -d memory_limit=512M "$TMPDIR/cron.$$.php"; s=$?; '
              'rm -f "$TMPDIR/cron.$$.php"; exit $s'],
        seconds=CRON, who=f"{audit.who()}: aegir cron", stdin=program,
    )  # fmt: skip
    status = stream.run(
        site.connection_of(server), site_command.streamed(place, command), lambda _channel, piece: said.append(piece),
        what=f"running the cron of {site.name}", timeout=CRON, longest=1_000_000,
    )  # fmt: skip
    why = b"".join(said)[-600:].decode(errors="replace").strip() if status else ""
    return Verdict(site=site.name, server=server, kind="failed" if status else "ok", status=status, why=why)


def _first(site: Site) -> str:
    return next(iter(places.servers(site)), "")


def _do(
    chosen: Chosen,
    what: str,
    one: Each,
    *,
    as_json: bool,
    dry_run: bool,
    during_up: bool,
    on: Callable[[Site], str] = _first,
    per_server: int = fleet.PER_SERVER,
) -> None:
    """Do it for all sites, and end with what came of it."""
    by_name = {site.name: site for site in chosen.sites}

    def work(job: Job, _stop: threading.Event) -> Verdict:
        site = by_name[job.site]
        if why := site.unable(chosen.stack.name):
            return Verdict(site=site.name, server="", kind="refused", why=why)
        return one(site, job.server)

    jobs = [Job(site=site.name, server=on(site)) for site in chosen.sites]
    if dry_run:
        for job in jobs:
            why = by_name[job.site].unable(chosen.stack.name)
            click.echo(shown(around(why, f"{job.site}: {why or f'{what} on {job.server}'}")))
        return
    stack_lock.refuse_locked(chosen.stack, during_up=during_up)
    root, servers = audit.root_of(chosen.state), sorted({job.server for job in jobs})
    with (
        site_lock.held(root, chosen.stack, what, chosen.sites),
        audit.noted(root, chosen.state.stack, what, sites=chosen.sites, servers=servers) as noting,
    ):
        verdicts = fleet.side_by_side(jobs, work, per_server=per_server, tell=tell)
        summary = fleet.summary(verdicts)
        noting.result(summary[0] if len(verdicts) > 1 else verdicts[0].kind)
    if as_json:
        click.echo(json.dumps([verdict.plain() for verdict in verdicts], indent=2))
    for line in summary or [f"{verdicts[0].site}: {DONE[what].format(site=verdicts[0].site)}"]:
        tell(line)
    status = fleet.exit_status(verdicts)
    if status != OK:
        raise click.exceptions.Exit(status)
