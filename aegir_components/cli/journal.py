"""A line in the journals of machines for a command that has ended there: who, what, on which sites, how, and how long."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from aegir_components.hub.audited import Entry
from aegir_components.messages import numbered, shown
from aegir_components.messages.printable import first_of, printable
from aegir_components.remote.connection import Connection
from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions

from . import machines
from .ends import tell
from .made import Site

Journal = Callable[[Entry], None]
"""Writes the line of a command that has ended."""
MOST_SITES: Final = 10
"""Sites that a line names."""
TIMEOUT: Final = 30.0


def of_sites(sites: Iterable[Site]) -> Journal:
    """Write into the journals of sites' web servers; each machine's line names its own sites."""
    found = list(sites)

    def write(entry: Entry) -> None:
        here = {name: [site.name for site in found if name in site.members] for name in machines.of_sites(found)}
        _write(entry, machines.of_sites(found), here)

    return write


def of_machines(connections: Mapping[str, Connection]) -> Journal:
    """Write into the journals of machines, for a command that is about them."""
    return lambda entry: _write(entry, connections, {})


def text(entry: Entry, sites: Iterable[str]) -> str:
    """Say what a command has done: ``ann@hub: aegir update on www.example.com: done after 12 s``."""
    names = sorted(sites)
    where = f" on {first_of(names, MOST_SITES)}" if names else ""
    said = f"{entry.who}: aegir {entry.command}{where}: {entry.result} after {entry.seconds:.0f} s"
    return printable(said, keep="", longest=1000)


def _write(entry: Entry, connections: Mapping[str, Connection], here: Mapping[str, list[str]]) -> None:
    def one(name: str, conn: Connection) -> None:
        lines = [functions("command"), script.call("journal", text(entry, here.get(name, ())))]
        script.execute(conn, "apply", lines, what="writing into the journal", lock=False, timeout=TIMEOUT)

    _, faults = machines.ask(connections, one)
    for why in dict.fromkeys(faults.values()):
        names = ", ".join(name for name, said in faults.items() if said == why)
        tell(numbered(9046, f"{names}: the journal has no line of this command: {shown(why)}"))
