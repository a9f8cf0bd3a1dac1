"""Machines, asked now: each within a time limit of its own, side by side; one that does not answer is an answer."""

from __future__ import annotations

import queue
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from aegir_components import layout
from aegir_components.deploy import cron, holding
from aegir_components.deploy.holding import Held
from aegir_components.facts import status
from aegir_components.health import serving
from aegir_components.remote.errors import HostError
from aegir_components.scripts import script

from . import finding, site_closing
from .made import Server, Site
from .state import State

Thing = TypeVar("Thing")

TIME_LIMIT: Final = 20.0
"""Seconds for one machine, when nothing else is said."""
SIDE_BY_SIDE: Final = 8
"""Sites that one machine is asked for at once."""
PATIENCE: Final = 1.0
"""Seconds to go on trying while a machine refuses connections: what is not there now is not well."""


@dataclass(slots=True)
class Seen:
    """What one machine said; filled as it answers."""

    faults: list[str] = field(default_factory=list)
    """Of the machine and its services."""
    sites: dict[str, str] = field(default_factory=dict)
    """Site to what is wrong with its answer; empty for nothing."""
    crons: dict[str, status.Cron] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)
    """Of the machine itself, where they were asked for."""
    closed: dict[str, str] = field(default_factory=dict)
    """Site to who has closed it, and what for."""
    held: dict[str, Held] = field(default_factory=dict)
    """What sites are known by that are not on the live release of their platform."""
    before: list[status.Before] = field(default_factory=list)
    """Databases of before an update that are kept."""
    ended: bool = False


def ask(
    state: State,
    *,
    limit: float,
    tell: Callable[[str], None],
    also: Callable[[str], list[str]] | None = None,
    probe: bool = True,
) -> dict[str, Seen]:
    """Ask all machines of a stack, side by side.

    Args:
        state: the stack.
        limit: seconds for each machine.
        tell: is told of the progress.
        also: gives further lines for a machine, whose facts ``Seen.facts`` has; in the same round trip.
        probe: whether the sites are asked for.
    """
    seen = {name: Seen() for name in state.servers}
    left: queue.SimpleQueue[str] = queue.SimpleQueue()

    def one(name: str) -> None:
        _machine(state, state.servers[name], seen[name], limit, also(name) if also else [], probe=probe)
        seen[name].ended = True
        left.put(name)

    deadline = time.monotonic() + limit
    for name in seen:
        _begin(one, name)
    tell(f"asking {len(seen)} machines, each for at most {limit:g} s")
    for count in range(len(seen)):
        try:
            name = left.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            break
        tell(f"{name} has answered ({count + 1} of {len(seen)})")
    return {name: _settled(state if probe else None, name, found, limit) for name, found in seen.items()}


def keeper(site: Site) -> str:
    """Name the web server that runs a site's cron; empty where none does."""
    if not site.members or not site.enabled or site.configured(lambda made: made.cron, "off") == "off":
        return ""
    return site.master or cron.keeper(site.identity, site.members)


def _settled(state: State | None, name: str, found: Seen, limit: float) -> Seen:
    """Copy what is there at the end of the time, for the machine's thread may go on."""
    kept = replace(
        found, faults=list(found.faults), sites=dict(found.sites), crons=dict(found.crons), facts=dict(found.facts),
        closed=dict(found.closed), held=dict(found.held), before=list(found.before),
    )  # fmt: skip
    if not kept.ended:
        kept.faults.append(f"no answer within {limit:g} s")
        for site in state.sites.values() if state else ():
            if name in site.members and site.asked_for:
                kept.sites.setdefault(site.name, f"no answer within {limit:g} s")
    return kept


def _machine(
    state: State, server: Server, seen: Seen, limit: float, also: Sequence[str] = (), *, probe: bool = True
) -> None:
    sites = [site for site in state.sites.values() if server.name in site.members]
    asking = [site for site in sites if site.asked_for] if probe else []
    # At the same time as the rest: a web server answers or not, whatever its sshd does.
    answers = _spread(lambda site: _site(site, server.name, seen), asking)
    try:
        _services(server, sites, seen, limit, also)
    except HostError as fault:
        seen.faults.append(fault.text)
    except OSError as fault:
        seen.faults.append(f"it could not be asked: {fault}")
    for thread in answers:
        thread.join()


def _services(server: Server, sites: list[Site], seen: Seen, limit: float, also: Sequence[str]) -> None:
    crons = [site for site in sites if keeper(site) == server.name]
    if server.database is not None:
        _listening(server, seen)
    if (reached := server.reached) is None:
        return
    conn = replace(reached, patience=PATIENCE)
    web = server.served(lambda made: status.web_units(made.type, made.php, *made.php_chosen), ())
    databases = status.DATABASE_UNITS if server.database is not None else ()
    users = {site.name: layout.system_user(site.identity) for site in crons}
    lines = [
        *status.items([*web, *databases], users.values()),
        *status.closed_items(site.identity for site in sites),
        *(holding.everywhere_items() if server.web is not None else []),
        *(status.before_items() if server.database is not None else []),
        *also,
    ]
    facts = script.execute(conn, "check", lines, what="inspecting its services", timeout=limit).facts
    seen.faults += status.units_down(facts, web, databases)
    seen.facts.update(facts)
    seen.closed.update({site.name: why for site in sites if (why := status.closed(facts, site.identity))})
    seen.held.update(holding.read(facts.get("held", "")))
    seen.before += status.before(facts)
    seen.crons.update({site: status.cron_of(facts, user) for site, user in users.items()})


def _listening(server: Server, seen: Seen) -> None:
    if server.stored(lambda made: made.reach, "") == "ssh":
        # Its port is closed to the hub; the unit tells.
        return
    where = server.stored(lambda made: (made.address, made.port), ("", 0))
    try:
        socket.create_connection(where, timeout=5).close()
    except OSError as fault:
        seen.faults.append(
            f"the database at {where[0]} port {where[1]} takes no connection ({fault.strerror or fault})"
        )


def _site(site: Site, server: str, seen: Seen) -> None:
    member = site.members[server]
    fault = serving.fault(site_closing.declared(site), member.connection.address, member.port, _unasked())
    seen.sites[site.name] = fault or ""


def _unasked() -> str:
    """Give an address of the front page that no cache knows."""
    return f"/?aegir-health={secrets.token_hex(8)}"


def _spread(work: Callable[[Thing], None], things: Iterable[Thing]) -> list[threading.Thread]:
    """Do the same for all things, some at a time."""
    waiting: queue.SimpleQueue[Thing] = queue.SimpleQueue()
    for thing in things:
        waiting.put(thing)

    def go_on(_: int) -> None:
        while True:
            try:
                thing = waiting.get_nowait()
            except queue.Empty:
                return
            work(thing)

    return [_begin(go_on, number) for number in range(min(SIDE_BY_SIDE, waiting.qsize()))]


def _begin(work: Callable[[Thing], None], thing: Thing) -> threading.Thread:
    # The process does not wait for a daemon's end: what hangs holds up nobody.
    thread = threading.Thread(target=work, args=(thing,), daemon=True)
    thread.start()
    return thread


def faults_of_sites(seen: Mapping[str, Seen]) -> dict[str, list[str]]:
    """Bring what the machines said of sites together, by site."""
    found: dict[str, list[str]] = {}
    for name, machine in seen.items():
        for site, why in machine.closed.items():
            found.setdefault(site, []).append(finding.closed(name, why))
        for site, fault in machine.sites.items():
            if site in machine.closed:
                # It answers 503 as it has to.
                continue
            found.setdefault(site, []).extend([f"{name}: {fault}"] if fault else [])
    return found
