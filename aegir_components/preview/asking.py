"""What machines and databases are asked before anything is declared: whether the code fits them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import pulumi

from aegir_components import settings, summary, unknowns
from aegir_components.components.server import connection_of
from aegir_components.messages import numbered, telling
from aegir_components.messages.printable import first_of
from aegir_components.providers import holds, unfinished
from aegir_components.recorded import Recorded
from aegir_components.remote.connection import Connection
from aegir_components.rollout import database_updates
from aegir_components.sources.resolve import Resolved

from . import going_back, moves, php_fit, php_offers


def misfits(before: Recorded, declared: settings.Settings, sources: Mapping[str, Resolved], *, ask: bool) -> list[str]:
    """List the platforms whose code does not run on their web servers' PHP, with what it needs and what there is.

    Args:
        before: the state.
        declared: the stack.
        sources: the platforms' code.
        ask: whether machines may be asked for what nobody else knows.
    """

    def machines(names: Iterable[str]) -> dict[str, Connection]:
        found = {name: connection_of(declared.servers[name], declared.hub) for name in names if ask}
        return {name: conn for name, conn in found.items() if not unknowns.has_stand_in(conn.to_props())}

    def distributions(names: Iterable[str]) -> dict[str, str]:
        return php_fit.ask_machines(machines(names))

    telling.warn(*_perhaps_replaced(before, declared))
    telling.warn(*php_offers.warnings(before, declared, lambda names: php_offers.ask_machines(machines(names))))
    found = php_fit.judge(before, declared, sources, distributions)
    telling.warn(*found.warnings)
    return found.problems


def updates(before: Recorded, declared: settings.Settings, sources: Mapping[str, Resolved]) -> list[str]:
    """List the code that no update of a site's database leads to, and tell of the updates that it brings."""
    code = database_updates.of_sources(before, declared, sources, keep=not pulumi.runtime.is_dry_run())
    found = database_updates.judge(before, declared, sources, code, database_updates.ask_databases)
    found.problems.extend(moves.unready(before, declared, found.waits, found.lacks))
    waits = {
        name: {**sites, **moves.waiting(before, declared, found.unknown.get(name, {}))}
        for name, sites in found.waits.items()
    }
    if not pulumi.runtime.is_dry_run() and not found.problems:
        holder = f"{pulumi.get_project()}/{pulumi.get_stack()}"
        for name, sites in waits.items():
            holds.note(declared.hub.root, holder, name, sources[name].tree.digest, sites)
    telling.warn(*found.warnings)
    if not found.problems:
        back = going_back.judge(before, declared, sources, waits, going_back.ask_databases)
        # At pulumi up the last step of a platform knows it, from the machines.
        telling.warn(*back.losses, *(back.undone if pulumi.runtime.is_dry_run() else ()))
    return found.problems


def tell_unfinished(declared: settings.Settings, before: Recorded, holder: str) -> None:
    """Warn of what earlier runs have not ended; then what they have left for a summary is forgotten."""
    telling.warn(*unfinished.told(declared.hub.root, holder, before.of, forget=not pulumi.runtime.is_dry_run()))
    if not pulumi.runtime.is_dry_run():
        summary.begin(declared.hub.root, holder)


def _perhaps_replaced(before: Recorded, declared: settings.Settings) -> Iterator[str]:
    """Say what is on servers whose address is not known yet: their machines may be replaced in the run, and come back empty."""
    new = {name for name, server in declared.servers.items() if unknowns.is_stand_in(server.address)}
    sites = before.of("aegir:SiteConfiguration")
    for name, have in before.of("aegir:Machine").items():
        if name not in new:
            continue
        databases = [key for key, had in before.of("aegir:SiteDatabase").items() if had.get("server") == name]
        files = [
            key for key, had in sites.items() if name in (members := had.get("members") or {}) and members.keys() <= new
        ]
        there = [
            f"{what} of {first_of(sorted(str(sites.get(key, {}).get('name') or key) for key in keys), 5)}"
            for what, keys in (("the databases", databases), ("the files", files))
            if keys
        ]
        if there:
            yield numbered(
                2552,
                f'aegir:servers["{name}"].address: is not known before pulumi up, so the machine may be another '
                "one then. "
                f"{(have.get('connection') or {}).get('address') or name} has {' and '.join(there)}. If it is "
                "replaced, they go with it: move these sites first (docs/howto/move-a-site.md)",
            )
