"""What machines and databases are asked before anything is declared: whether the code fits them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pulumi

from . import database_updates, moves, php_fit, php_offers, settings, unknowns
from .components.server import connection
from .host.connection import Connection
from .providers import holds
from .recorded import Recorded
from .sources.resolve import Resolved


def misfits(before: Recorded, declared: settings.Settings, sources: Mapping[str, Resolved], *, ask: bool) -> list[str]:
    """List the platforms whose code does not run on their web servers' PHP, with what it needs and what there is.

    Args:
        before: the state.
        declared: the stack.
        sources: the platforms' code.
        ask: whether machines may be asked for what nobody else knows.
    """

    def machines(names: Iterable[str]) -> dict[str, Connection]:
        known = [
            declared.servers[name] for name in names if ask and not unknowns.is_stand_in(declared.servers[name].address)
        ]
        return {server.name: connection(server, declared.hub) for server in known}

    def distributions(names: Iterable[str]) -> dict[str, str]:
        return php_fit.ask_machines(machines(names))

    for text in php_offers.warnings(before, declared, lambda names: php_offers.ask_machines(machines(names))):
        pulumi.log.warn(text)
    found = php_fit.judge(before, declared, sources, distributions)
    for text in found.warnings:
        pulumi.log.warn(text)
    return found.problems


def updates(before: Recorded, declared: settings.Settings, sources: Mapping[str, Resolved]) -> list[str]:
    """List the code that no update of a site's database leads to, and tell of the updates that it brings."""
    code = database_updates.of_sources(before, declared, sources, keep=not pulumi.runtime.is_dry_run())
    found = database_updates.judge(before, declared, sources, code, database_updates.ask_databases)
    found.problems.extend(moves.unready(before, declared, found.waits, found.lacks))
    if not pulumi.runtime.is_dry_run() and not found.problems:
        holder = f"{pulumi.get_project()}/{pulumi.get_stack()}"
        for name, sites in found.waits.items():
            waiting = {**sites, **moves.waiting(before, declared, found.unknown.get(name, {}))}
            holds.note(declared.hub.root, holder, name, sources[name].tree.digest, waiting)
    for text in found.warnings:
        pulumi.log.warn(text)
    return found.problems
