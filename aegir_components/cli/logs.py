"""``logs``: what sites have logged, of all their web servers in the order of time; ``slow``: what PHP took long for."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import timezone

import click

from aegir_components.facts import site_logs
from aegir_components.facts.site_logs import Line
from aegir_components.messages.printable import printable
from aegir_components.remote import stream
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import HostError

from . import completion, machines, output, selecting
from .ends import INTERRUPTED, SITES_UNREACHED, tell
from .machines import tell_faults
from .made import Site
from .moments import MOMENT, utc
from .selecting import Selection

TIMEOUT = 60.0
"""Seconds for what is there; a machine that takes longer is told."""
FOLLOWING = 7 * 86_400.0
LONGEST = 2_000
"""Characters of a line that are shown."""


@click.command()
@click.argument("sites", nargs=-1, shell_complete=completion.sites)
@selecting.options
@click.option("--kind", "kinds", multiple=True, type=click.Choice(site_logs.KINDS), help="Only lines of this kind.")
@click.option("--since", type=MOMENT, default=None, help="Not before: an age (15min, 2h, 3d), or a date in UTC.")
@click.option(
    "-n",
    "--lines",
    "count",
    type=click.IntRange(1, 100_000),
    default=200,
    show_default=True,
    metavar="N",
    help="The last N lines; with --since, of each log.",
)
@click.option("-f", "--follow", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each.")
def logs(
    selection: Selection, *, kinds: tuple[str, ...], since: float | None, count: int, follow: bool, as_json: bool
) -> None:
    """Show what SITES have logged, of all their web servers, in the order of time (UTC).

    Kinds are access, error, php and cron. A web server that does not answer is named, and the exit status is 5.

    \b
    aegir logs www.example.com
    aegir logs www.example.com --kind php --kind error --since 2h
    aegir logs '*.example.com' --follow
    """  # noqa: D301  click keeps such lines as they are
    chosen = selecting.choose(selection)
    wanted = kinds or site_logs.KINDS
    show = _Shower(chosen.sites, as_json=as_json)
    if follow:
        _follow(chosen.sites, wanted, show)
        return
    found, faults = gather(chosen.sites, wanted, since=since or 0.0, count=count)
    for site, line in found[-count:] if since is None else found:
        show(site, line)
    if not found and not faults:
        tell(f"no line of {', '.join(wanted)}{'' if since is None else ' in this time'}")
    tell_faults(faults)
    if faults:
        raise click.exceptions.Exit(SITES_UNREACHED)


@click.command()
@click.argument("sites", nargs=-1, shell_complete=completion.sites)
@selecting.options
@click.option("--since", type=MOMENT, default="1d", show_default=True, help="Not before: an age, or a date in UTC.")
@click.option(
    "-n",
    "--lines",
    "count",
    type=click.IntRange(1, 10_000),
    default=20,
    show_default=True,
    metavar="N",
    help="The slowest N requests.",
)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def slow(selection: Selection, *, since: float, count: int, as_json: bool) -> None:  # fmt: skip
    """Show requests to SITES that PHP took longer than five seconds for, and what it was doing then.

    \b
    aegir slow www.example.com
    aegir slow --all --since 2h
    """  # noqa: D301  click keeps such lines as they are
    chosen = selecting.choose(selection)
    found, faults = gather(chosen.sites, ("php", "slow"), since=0.0, count=10_000)
    rows = [
        (site, each)
        for site in chosen.sites
        for each in site_logs.slow(line for owner, line in found if owner is site)
        if each.at >= since
    ]
    rows = sorted(rows, key=lambda row: -row[1].seconds)[:count]
    if as_json:
        click.echo(json.dumps([{"site": site.name, **asdict(each)} for site, each in rows], indent=2))
    for site, each in () if as_json else rows:
        click.echo(
            f"{utc(each.at)} {site.name} on {each.server}: {printable(each.request, keep='')} took {each.seconds:.1f} s"
        )
        for frame in each.stack[:6]:
            click.echo(f"    {printable(frame, keep='')}")
    if not rows and not faults:
        tell("no request was slow in this time")
    tell_faults(faults)
    if faults:
        raise click.exceptions.Exit(SITES_UNREACHED)


def gather(
    sites: Sequence[Site], kinds: Sequence[str], *, since: float, count: int
) -> tuple[list[tuple[Site, Line]], dict[str, str]]:
    """Read what is there, in the order of time; and why machines did not answer.

    Args:
        sites: whose.
        kinds: of lines.
        since: seconds since 1970.
        count: lines of each log.
    """

    def one(name: str, conn: Connection) -> list[tuple[Site, Line]]:
        found: list[tuple[Site, Line]] = []
        reader = _Reader(name, [site for site in sites if name in site.members])
        script = site_logs.wanted(reader.names, kinds, count=count, since=since)
        take = reader.taking(lambda site, line: found.append((site, line)))
        stream.run(conn, script, take, what="reading logs", timeout=TIMEOUT)
        return found

    found, faults = machines.ask(machines.of_sites(sites), one)
    merged = [pair for pairs in found.values() for pair in pairs if pair[1].at >= since or not pair[1].at]
    return sorted(merged, key=lambda pair: pair[1].at), faults


class _Reader:
    """Reads what a machine prints of a site's logs."""

    def __init__(self, server: str, sites: Sequence[Site]) -> None:
        self._server, self._sites, self._rest = server, sites, b""
        self._before: dict[str, float] = {}
        self._zone: timezone | None = None

    @property
    def names(self) -> list[str]:
        """What the sites are known by, in their order."""
        return [site.identity for site in self._sites]

    def taking(self, give: Callable[[Site, Line], object]) -> stream.Line:
        """Give what takes the machine's output, and hands lines on."""

        def take(channel: stream.Channel, piece: bytes) -> None:
            if channel == "err":
                return
            self._rest += piece
            *whole, self._rest = self._rest.split(b"\n")
            for each in whole:
                text = printable(each.decode(errors="replace"), longest=LONGEST)
                if self._zone is None:
                    self._zone = site_logs.offset(text)
                else:
                    self._line(text, self._zone, give)

        return take

    def _line(self, text: str, zone: timezone, give: Callable[[Site, Line], object]) -> None:
        number, _, rest = text.partition(" ")
        if not number.isdigit() or int(number) >= len(self._sites):
            return
        # A line without a time goes on from the one before of its own log.
        log = f"{number} {rest.partition(' ')[0]}"
        line = site_logs.read(self._server, rest, zone, self._before.get(log, 0.0))
        self._before[log] = line.at
        give(self._sites[int(number)], line)


def _follow(sites: Sequence[Site], kinds: Sequence[str], show: Callable[[Site, Line], None]) -> None:
    coming: queue.SimpleQueue[tuple[Site, Line] | HostError] = queue.SimpleQueue()
    stop = threading.Event()

    def one(name: str, conn: Connection) -> None:
        reader = _Reader(name, [site for site in sites if name in site.members])
        script = site_logs.wanted(reader.names, kinds, count=0, follow=True)
        try:
            take = reader.taking(lambda site, line: coming.put((site, line)))
            stream.run(conn, script, take, what="following logs", timeout=FOLLOWING, stop=stop)
        except stream.Stopped:
            return
        except HostError as fault:
            coming.put(fault)

    threads = [threading.Thread(target=one, args=each, daemon=True) for each in machines.of_sites(sites).items()]
    for thread in threads:
        thread.start()
    try:
        while any(thread.is_alive() for thread in threads) or not coming.empty():
            try:
                found = coming.get(timeout=0.2)
            except queue.Empty:
                output.check_reader()
                continue
            if isinstance(found, HostError):
                tell(str(found))
            else:
                show(*found)
    except KeyboardInterrupt:
        raise click.exceptions.Exit(INTERRUPTED) from None
    finally:
        stop.set()
        for thread in threads:
            thread.join(2.0)
    raise click.exceptions.Exit(SITES_UNREACHED)


class _Shower:
    """Writes a line, with what is needed to tell it from others."""

    def __init__(self, sites: Sequence[Site], *, as_json: bool) -> None:
        self._sites, self._json = len(sites) > 1, as_json
        self._servers = len({name for site in sites for name in site.members}) > 1

    def __call__(self, site: Site, line: Line) -> None:
        """Write it."""
        if self._json:
            click.echo(json.dumps({"site": site.name, **asdict(line)}))
            return
        where = " ".join([*([site.name] if self._sites else []), *([line.server] if self._servers else [])])
        click.echo(f"{site_logs.shown(line)} {line.kind:6} {f'{where} ' if where else ''}{line.text}")
