"""What waits for what, and what continues when that fails (docs/explanation/failures.md)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from aegir_components import settings
from aegir_components.components.server import Server, connection_of
from aegir_components.components.site import Site
from aegir_components.preview.addresses import address_of
from aegir_components.providers import answered
from aegir_components.providers.access import Client, DatabaseAccess, DatabaseAccessInputs, unproven_clients
from aegir_components.pulumi_workarounds import failures, program
from aegir_components.recorded import Recorded

from . import forwarding


@dataclass(frozen=True, slots=True)
class Proof:
    """Whether web servers reach a database, as far as it was proven."""

    resource: DatabaseAccess
    unproven: frozenset[str] | None = frozenset()
    """The web servers that do not reach it; ``None`` for all."""

    def before(self, declared: settings.Settings, site: str) -> list[pulumi.Resource]:
        """List what a site waits for: nothing where the proof failed for other web servers than its own."""
        own = {server.name for server in declared.site_servers(site)}
        return [] if self.unproven and not self.unproven & own else [self.resource]


async def prove(declared: settings.Settings, name: str, servers: Mapping[str, Server]) -> Proof:
    """Prove a database from every web server whose sites use it; from all of them while there is no such site."""
    users = {server.name: server for site in declared.sites.values() if site.database == name
             for server in declared.site_servers(site.name)}  # fmt: skip
    web = users or {server.name: server for server in declared.servers.values() if server.web}
    database = servers[name].database
    assert database is not None
    # A web server that could not be prepared is asked all the same, and holds up none of the others.
    prepared = await failures.made(*(resource for member in web for resource in servers[member].ready))
    clients = {
        member: Client(
            connection=connection_of(server, declared.hub),
            address=address_of(server, declared.hub.root),
        )
        for member, server in sorted(web.items())
    }
    inputs = DatabaseAccessInputs.of(name, database, clients)
    waits = pulumi.ResourceOptions(parent=servers[name], depends_on=[*servers[name].ready, *prepared])
    proof = DatabaseAccess(name, inputs, waits)
    ended = await failures.ending(proof)
    if ended == "made":
        return Proof(proof)
    return Proof(proof, unproven_clients(declared.hub.root, name, database.user) if ended == "failed" else None)


async def is_there(site: Site, before: Recorded, hub_root: str, holder: str) -> bool:
    """Tell whether a site is configured and installed; or was installed before, and lacks nothing but an answer.

    For that it may need just what a rollout brings.
    """
    configured, installed = await failures.ending(site.configuration), await failures.ending(site.installation)
    if configured != "made" or installed != "failed":
        return configured == installed == "made"
    known = answered.Site(hub_root=hub_root, stack=holder, site=site.key)
    return site.key in before.of("aegir:Installation") and known.is_down


async def finish(
    declared: settings.Settings, servers: Mapping[str, Server], sites: Mapping[str, Site], before: Recorded, holder: str
) -> None:
    """Let each web server reload once for all its sites, and then install the sites and ask for them.

    A site whose configuration failed holds up no other one: the reload is for those that were configured. A reload that failed,
    perhaps since it broke one site, holds up no installation either: each proves its own site.
    """
    for name, server in declared.servers.items():
        if server.web is None:
            servers[name].end()
    active: dict[str, pulumi.Resource] = {}
    left = forwarding.of_servers(before, declared, holder)
    secure = {site.key: site.certificate for site in sites.values() if site.certificate is not None}

    async def activate(server: settings.Server) -> None:
        on_it = {name: sites[name].configuration for name in sites if server in declared.site_servers(name)}
        ready = await failures.made(*on_it.values())
        on_it = {name: configuration for name, configuration in on_it.items() if configuration in ready}
        renamed = {name: declared.sites[name].formerly for name in on_it if declared.sites[name].formerly}
        active[server.name] = servers[server.name].activate(on_it, renamed, left.get(server.name, {}), secure)
        servers[server.name].end()
        await failures.ending(active[server.name])

    await asyncio.gather(*(activate(server) for server in declared.servers.values() if server.web is not None))
    for name, site in sites.items():
        site.install(await failures.made(*(active[server.name] for server in declared.site_servers(name))))
        await program.said()
