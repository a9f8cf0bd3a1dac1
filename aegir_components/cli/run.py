"""``run``: a command for many sites side by side, as each site's own user."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from aegir_components.deploy import site_command
from aegir_components.deploy.site_command import Command
from aegir_components.hub.records import Records
from aegir_components.messages import around, numbered, shown
from aegir_components.process import Turns
from aegir_components.remote import stream
from aegir_components.remote.bounded import LONGEST
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import ConnectionRefused, HostUnreachable

from . import audit, completion, fleet, output, places, selecting, site_lock, stack_lock, wp_cli
from .ends import OK, Refusal, WrongUsage, tell
from .fleet import Job, Verdict
from .made import Site
from .selecting import Chosen, Selection

WORDS = "aegir.command"
"""Where click's context has what follows ``--``."""
INPUT_MOST = 16_000_000
"""Bytes of a command's input."""


class Dashed(click.Command):
    """A command whose own words end at ``--``; what follows belongs to another program."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Set what follows aside."""
        at = args.index("--") if "--" in args else len(args)
        ctx.meta[WORDS] = tuple(args[at + 1 :])
        return super().parse_args(ctx, args[:at])

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Show in the usage that a command follows."""
        return [*super().collect_usage_pieces(ctx), "-- COMMAND…"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Running:
    """What is run, and how."""

    command: Command
    root: Path
    """The hub root."""
    stack: str
    sites: dict[str, Site] = field(repr=False)
    longest: int = LONGEST
    turns: Turns = field(default_factory=Turns)
    """Those of the servers, for what sites of one have in common."""

    def job(self, site: Site, server: str = "") -> Job:
        """Give the job of a site: the site and the server that runs the command."""
        listed = places.servers(site)
        return Job(site=site.name, server=server or (listed[0] if listed else ""))

    def work(self, job: Job, stop: threading.Event, line: stream.Line) -> Verdict:
        """Run it for one site: on the server of its job, or on the next of its web servers when that does not answer."""
        site = self.sites[job.site]
        if why := site.unable(self.stack):
            return Verdict(site=site.name, server="", kind="refused", why=why)
        listed = [job.server, *(name for name in places.servers(site) if name != job.server)]
        for number, server in enumerate(listed):
            begun = time.monotonic()
            try:
                status = self._on(site.connection_of(server), site, server, stop, line)
            except (HostUnreachable, ConnectionRefused):
                if number == len(listed) - 1:
                    raise
                continue
            return self._judged(site, server, status, time.monotonic() - begun)
        raise AssertionError("a site has a web server")

    def _judged(self, site: Site, server: str, status: int, seconds: float) -> Verdict:
        # As coreutils' timeout has it: 124, or 137 for what had to be killed; systemd-run says 255 for the latter.
        if status in {124, 137, 255} and 0 < self.command.seconds <= seconds:
            why = numbered(4060, f"it did not end within {self.command.seconds} s and was ended")
            return Verdict(site=site.name, server=server, kind="late", status=status, why=why)
        return Verdict(site=site.name, server=server, kind="failed" if status else "ok", status=status)

    def _on(self, conn: Connection, site: Site, server: str, stop: threading.Event, line: stream.Line) -> int:
        place = places.place(site, server)
        if self.command.argv[0] == "wp" and place.application == "wordpress":
            wp_cli.ensure(conn, self.root, self.turns)
        return stream.run(
            conn, site_command.streamed(place, self.command), line,
            what=f"running {audit.words(self.command.argv)} for {site.name}",
            timeout=self.command.seconds or 7 * 86_400, stop=stop, longest=self.longest,
        )  # fmt: skip


@click.command(cls=Dashed)
@click.argument("sites", nargs=-1, shell_complete=completion.sites)
@selecting.options
@click.option(
    "--timeout",
    type=click.IntRange(0),
    default=site_command.TIME_LIMIT,
    show_default=True,
    metavar="SECONDS",
    help="After which the command is ended on a site; 0 for never.",
)
@click.option(
    "--per-server",
    type=click.IntRange(1, 8),
    default=fleet.PER_SERVER,
    show_default=True,
    metavar="N",
    help="Sites at once on one server.",
)
@click.option(
    "--stop-on", type=click.IntRange(0), default=0, metavar="N", help="Begin no further site after N failures."
)
@click.option(
    "--resume", is_flag=True, help="Leave out the sites on which the same command was well when it was interrupted."
)
@click.option("--input", "given", type=click.File("rb"), help="What the command reads; - is standard input.")
@click.option(
    "--output-limit",
    type=click.IntRange(1, 100_000),
    default=64,
    show_default=True,
    metavar="MB",
    help="Output of one site after which its command is ended.",
)
@stack_lock.during_up
@click.option("--dry-run", is_flag=True, help="Only tell on which sites and servers it would run.")
@click.option("--json", "as_json", is_flag=True, help="Print a verdict for each site as JSON.")
def run(selection: Selection, *, timeout: int, per_server: int, stop_on: int, resume: bool, given: Any, output_limit: int,
        during_up: bool, dry_run: bool, as_json: bool) -> None:  # fmt: skip
    """Run COMMAND for each SITE, as the site's own user, in its document root, with its PHP and its address.

    SITE is a name or a pattern. `drush` is that of the site's code base, `wp` is wp-cli; both are told the site's address.

    \b
    aegir run www.example.com -- drush status
    aegir run '*.example.com' --application wordpress -- wp plugin list
    aegir run --platform shop --stop-on 1 -- drush config:get system.site
    aegir run www.example.com -- drush sql:dump > dump.sql
    aegir run www.example.com --input import.php -- php

    With one site the output comes as it is; with many, each line begins with its site. The exit status is 0 when all is
    well, and 4 when the command failed somewhere. It is 5 when the command could not run somewhere, and 130 when it was
    interrupted.
    """  # noqa: D301  click keeps such lines as they are
    argv = click.get_current_context().meta[WORDS]
    if not argv:
        raise WrongUsage(numbered(9006, "say what to run after two dashes: aegir run www.example.com -- drush status"))
    chosen = selecting.choose(selection)
    who = f"{audit.who()}: aegir run {audit.words(argv)}"
    running = Running(
        command=Command(argv=argv, seconds=timeout, who=who, stdin=read_input(given)),
        root=audit.root_of(chosen.state),
        stack=chosen.stack.name,
        sites={site.name: site for site in chosen.sites},
        longest=output_limit * 1_000_000,
    )
    jobs = [running.job(site, _preferred(site, selection)) for site in chosen.sites]
    if dry_run:
        for job in jobs:
            why = running.sites[job.site].unable(chosen.stack.name)
            click.echo(shown(around(why, f"{job.site}: {why or f'on {job.server}'}")))
        return
    stack_lock.refuse_locked(chosen.stack, during_up=during_up)
    with site_lock.held(running.root, chosen.stack, f"run {audit.words(argv)}", chosen.sites):
        verdicts = _run(
            chosen, running, jobs, _Ledger.of(running, chosen, resume=resume), per_server, stop_on, as_json=as_json
        )
    status = fleet.exit_status(verdicts)
    if status != OK:
        raise click.exceptions.Exit(status)


def _run(
    chosen: Chosen,
    running: Running,
    jobs: Sequence[Job],
    ledger: _Ledger,
    per_server: int,
    stop_on: int,
    *,
    as_json: bool,
) -> list[Verdict]:
    jobs = [job for job in jobs if job.site not in ledger.well]
    if ledger.well:
        tell(f"{len(ledger.well)} sites are left out: the same command was well there")
    stopping = threading.Event()
    printer, kept = output.Printer(stopping.set), {job.site: output.Kept() for job in jobs}
    tags = output.tags([job.site for job in jobs])

    def work(job: Job, stop: threading.Event) -> Verdict:
        if stopping.is_set():
            raise stream.Stopped
        sink: Callable[[stream.Channel, bytes], None]
        tagged = None
        if as_json:
            sink = kept[job.site]
        elif len(jobs) == 1:
            sink = printer.raw()
        else:
            sink = tagged = printer.tagged(tags[job.site])
        try:
            return running.work(job, _Either(stop, stopping), sink)
        finally:
            if tagged is not None:
                tagged.flush()

    with audit.noted(running.root, chosen.state.stack, f"run {audit.words(running.command.argv)}",
                     sites=[running.sites[job.site] for job in jobs],
                     servers=sorted({job.server for job in jobs})) as noting:  # fmt: skip
        verdicts = fleet.side_by_side(jobs, work, per_server=per_server, stop_on=stop_on, tell=tell, done=ledger.note)
        noting.result(
            fleet.summary(verdicts)[0] if len(verdicts) > 1 else f"{verdicts[0].kind}" if verdicts else "nothing to do"
        )
    ledger.over(verdicts)
    printer.check()
    if as_json:
        click.echo(json.dumps([{**each.plain(), "stdout": kept[each.site].text("out"), "stderr": kept[each.site].text("err")}
                               for each in verdicts], indent=2))  # fmt: skip
    else:
        for line in fleet.summary(verdicts):
            tell(line)
    return verdicts


class _Either(threading.Event):
    """Is set when one of two events is."""

    def __init__(self, *events: threading.Event) -> None:
        super().__init__()
        self._events = events

    def is_set(self) -> bool:
        """Tell whether one of them is set."""
        return any(event.is_set() for event in self._events)


class _Ledger:
    """On which sites the same command was well, as the hub keeps it until it was well on all."""

    def __init__(self, records: Records, key: str, well: Sequence[str]) -> None:
        self._records, self._key, self.well = records, key, frozenset(well)
        self._found, self._guard = set(well), threading.Lock()

    @classmethod
    def of(cls, running: Running, chosen: Chosen, *, resume: bool) -> _Ledger:
        """Read it where a run goes on, and begin again where it does not."""
        digest = hashlib.sha256(json.dumps([*running.command.argv]).encode() + running.command.stdin).hexdigest()
        records, key = Records(str(running.root), "runs"), f"{chosen.state.stack}/{digest}"
        known = (records.get(key) or {}).get("well", ()) if resume else ()
        return cls(records, key, [str(site) for site in known if site in running.sites])

    def note(self, verdict: Verdict) -> None:
        """Write down that it was well on a site."""
        with self._guard:
            if verdict.kind == "ok":
                self._found.add(verdict.site)
                self._records.put({"well": sorted(self._found)}, self._key)

    def over(self, verdicts: Sequence[Verdict]) -> None:
        """Forget it when it was well everywhere."""
        if all(verdict.kind == "ok" for verdict in verdicts):
            self._records.drop(self._key)


def _preferred(site: Site, selection: Selection) -> str:
    """Choose the web server that was asked for, where it may work for the site."""
    return next((name for name in places.servers(site) if name in selection.servers), "")


def read_input(given: Any) -> bytes:
    """Read what a command is to be fed.

    Raises:
        Refusal: it is too much.
    """
    if given is None:
        return b""
    found = bytes(given.read(INPUT_MOST + 1))
    if len(found) > INPUT_MOST:
        raise Refusal(
            numbered(9032, f"the input has more than {INPUT_MOST // 1_000_000} MB; bring it to the machine as a file")
        )
    # No input at all would be a terminal's to click; an empty one is none to the command either.
    return found


def run_one(running: Running, site: Site, server: str = "") -> Verdict:
    """Run a command for one site, its output to ours; for commands that are about one site."""
    printer_stop = threading.Event()
    printer = output.Printer(printer_stop.set)

    def work(job: Job, stop: threading.Event) -> Verdict:
        return running.work(job, _Either(stop, printer_stop), printer.raw())

    [verdict] = fleet.side_by_side([running.job(site, server)], work, tell=lambda _text: None)
    printer.check()
    return verdict
