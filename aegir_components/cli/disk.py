"""``disk``: what sites and platforms take; ``prune``: what is ours and nobody needs any more goes, after it was named."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import click

from aegir_components.facts import disk as on_machine
from aegir_components.facts.disk import Spare
from aegir_components.hub.records import place
from aegir_components.messages import numbered
from aegir_components.messages.printable import count, size
from aegir_components.remote.connection import Connection
from aegir_components.scripts import script

from . import audit, journal, machines, options, selecting, site_lock, usage
from .ends import SITES_UNREACHED, Refusal, tell
from .machines import tell_faults
from .rows import table
from .stack import Stack, holder_of
from .stack_lock import refuse_locked
from .state import State

TIMEOUT: Final = 300.0
OLD_RUNS: Final = 30 * usage.DAY
"""Seconds after which the record of an interrupted `run` is of no use."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """Something that may go."""

    where: str
    path: str
    size: int
    """Bytes."""


@click.command()
@options.the_stack(required=False)
@click.option(
    "--days", type=click.IntRange(1, 365), default=30, show_default=True, help="How far back growth is counted."
)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def disk(stack: str, *, days: int, as_json: bool) -> None:
    """Show what the sites and platforms of STACK take: files, database, logs, archives, releases, builds, growth.

    Archives are the dumps and archives on the hub. Repositories are not counted: `aegir backups` shows what each backup added.

    Growth is known from earlier calls of this command and of `report`; a call a day is enough.

    \b
    aegir disk prod
    """  # noqa: D301  click keeps such lines as they are
    known = selecting.the_stack(stack)
    state = known.state()
    tell(f"asking {count(len(state.servers), 'machine', 'machines')}")
    found = usage.gather(state)
    samples = usage.Samples(audit.root_of(state), state.stack)
    grown = {
        name: usage.growth(samples.known(), name, each.total, found.at, days) for name, each in found.sites.items()
    }
    samples.note(found)
    if as_json:
        click.echo(json.dumps({**asdict(found), "growth": grown}, indent=2))
    else:
        for line in _tables(found, grown, days):
            click.echo(line)
    tell_faults(found.faults)
    if found.faults:
        raise click.exceptions.Exit(SITES_UNREACHED)


def _tables(found: usage.Usage, grown: Mapping[str, int | None], days: int) -> Iterator[str]:
    sites = sorted(found.sites.items(), key=lambda item: -item[1].total)
    head = ("SITE", "FILES", "DATABASE", "LOGS", "ARCHIVES", "TOTAL", f"GROWTH IN {days} DAYS")
    rows = [
        (name, size(each.files), "-" if each.database is None else size(each.database), size(each.logs), size(each.backups),
         size(each.total), _growth(grown[name]))
        for name, each in sites
    ]  # fmt: skip
    yield from (*table(head, rows), "")
    platforms = [(name, size(each.releases), size(each.builds)) for name, each in found.platforms.items()]
    yield from (*table(("PLATFORM", "RELEASES", "BUILDS"), platforms), "")
    rooms = [
        (server, room.mount, size(room.free), f"{100 * room.free / room.size:.0f} %" if room.size else "-")
        for server, listed in found.rooms.items()
        for room in listed
    ]
    yield from table(("SERVER", "FILE SYSTEM", "FREE", "OF ALL"), rooms)


def _growth(bytes_: int | None) -> str:
    if bytes_ is None:
        return "not known yet"
    return f"{'+' if bytes_ > 0 else '-' if bytes_ < 0 else ''}{size(abs(bytes_))}"


@click.command()
@options.the_stack(required=False)
@click.option("--dry-run", is_flag=True, help="Only tell what would go.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def prune(stack: str, *, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Remove what is ours and nobody needs any more, after naming it.

    It removes releases that are not live, hold no site and are beyond `keep_releases`. It also removes stages that a
    killed run left, and records of interrupted runs that are older than a month. Content, backups and builds stay.

    \b
    aegir prune prod --dry-run
    """  # noqa: D301  click keeps such lines as they are
    known = selecting.the_stack(stack)
    state = known.state()
    root = audit.root_of(state)
    found, faults = _spare(known, state, "check")
    found = [*found, *_old_runs(root)]
    if as_json and (dry_run or not found):
        click.echo(json.dumps([asdict(each) for each in found], indent=2))
    for each in () if as_json else found:
        click.echo(f"{each.where}: {each.path} ({size(each.size)})")
    tell_faults(faults)
    total = sum(each.size for each in found)
    if not found:
        tell("nothing to remove")
    elif dry_run:
        tell(f"{size(total)} would be free again; nothing was removed")
    else:
        if not yes and not click.confirm(f"Remove these, {size(total)} in all?", err=True):
            raise Refusal(numbered(9020, "nothing was removed"))
        _remove(known, state, root, as_json=as_json)
    if faults:
        raise click.exceptions.Exit(SITES_UNREACHED)


def _remove(known: Stack, state: State, root: Path, *, as_json: bool) -> None:
    refuse_locked(known)
    write = journal.of_machines(machines.of_servers(state.servers))
    with (
        site_lock.held(root, known, "prune"),
        audit.noted(root, state.stack, "prune", servers=sorted(state.servers), journal=write) as noting,
    ):
        # Looked for again, under the machine's lock: what is needed by now stays.
        gone, faults = _spare(known, state, "apply")
        for each in _old_runs(root):
            Path(each.path).unlink(missing_ok=True)
            gone.append(each)
        noting.result(f"{size(sum(each.size for each in gone))} removed")
    tell_faults(faults)
    if as_json:
        click.echo(json.dumps([asdict(each) for each in gone], indent=2))
    tell(f"{len(gone)} things are removed, {size(sum(each.size for each in gone))}")


def _spare(known: Stack, state: State, mode: script.Mode) -> tuple[list[Found], Mapping[str, str]]:
    holder = holder_of(known)

    def one(name: str, conn: Connection) -> list[tuple[str, Spare]]:
        listed = [
            (release.publish_path, release.platform, release.recorded(lambda inputs: inputs.keep))
            for release in state.releases.values()
            # A pack's code is the master's to look after.
            if release.is_kept_on(name)
        ]
        lines = [line for each in listed for line in on_machine.spare_items(*each)]
        what = "looking for what nobody needs" if mode == "check" else "removing what nobody needs"
        facts = script.execute(conn, mode, lines, what=what, holder=holder, timeout=TIMEOUT).facts
        return [(name, spare) for path, _, _ in listed for spare in on_machine.spare(facts, path)]

    found, faults = machines.ask(machines.of_servers(state.servers), one)
    listed = [Found(where=name, path=spare.path, size=spare.size) for pairs in found.values() for name, spare in pairs]
    return listed, faults


def _old_runs(root: Path) -> Iterator[Found]:
    directory = place(str(root)) / "runs"
    for path in sorted(directory.glob("*.json")) if directory.is_dir() else ():
        facts = path.stat()
        if time.time() - facts.st_mtime > OLD_RUNS:
            yield Found(where="hub", path=str(path), size=facts.st_size)
