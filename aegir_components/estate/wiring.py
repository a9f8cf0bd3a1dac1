"""The one place that wires components together, from settings."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi

from aegir_components import recorded, settings, summary, unknowns
from aegir_components.archives import names as archive_names
from aegir_components.components import certificates, making
from aegir_components.components import pack as pack_component
from aegir_components.components.platform import Member, Platform, PlatformParts, site_members
from aegir_components.components.server import Server, ServerParts, connection_of
from aegir_components.components.site import Begin, Site, SiteParts
from aegir_components.components.web_cluster import WebCluster, WebClusterParts, uploads_path
from aegir_components.hub import at_work, audited, numeric_ids
from aegir_components.hub.keys import public_key
from aegir_components.hub.records import Protected
from aegir_components.messages import numbered, telling
from aegir_components.preview import announcing, asking, beginnings, changes, php_fit
from aegir_components.preview.addresses import address_of
from aegir_components.preview.unread import Unread
from aegir_components.providers import entries
from aegir_components.providers.authority import DatabaseAuthority
from aegir_components.providers.environment import Environment
from aegir_components.pulumi_workarounds import failures, program
from aegir_components.sources.resolve import Resolved, resolve

from . import order, rollouts, saved_before

Also = Callable[[pulumi.Resource], object]


@dataclass(frozen=True, kw_only=True, slots=True)
class Estate:
    """All that a stack declares."""

    servers: Mapping[str, Server]
    clusters: Mapping[str, WebCluster]
    packs: Mapping[str, pack_component.Pack]
    platforms: Mapping[str, Platform]
    sites: Mapping[str, Site]

    def export(self) -> None:
        """Give the stack its outputs: what each platform is, where each site is and how to log in."""
        pulumi.export("platforms", {name: platform.facts for name, platform in self.platforms.items()})
        pulumi.export("sites", {name: site.access for name, site in self.sites.items()})


@dataclass(frozen=True, kw_only=True, slots=True)
class Machines:
    """What platforms are put on."""

    servers: Mapping[str, Server]
    clusters: Mapping[str, WebCluster]
    packs: Mapping[str, pack_component.Pack]

    def ready(self, declared: settings.Settings, platform: str) -> list[pulumi.Resource]:
        """List what must be done before a platform is put where it belongs."""
        found = [resource for server in declared.web_servers(platform) for resource in self.servers[server.name].ready]
        target = declared.platforms[platform].server
        group = self.clusters.get(target) or self.packs.get(target)
        return [*found, *(group.ready if group else ())]


async def build(declared: settings.Settings, made: making.Made | None = None, also: Also = lambda _: None) -> Estate:
    """Declare every resource of a stack.

    Args:
        declared: the stack.
        made: the components that a program has made; all others are made here.
        also: declares what else there is, when nothing is wrong; it comes after the given resource.

    Raises:
        settings.SettingsError: sources, certificates or keys on the hub are not what the stack file says, or an edit would lose
            content; all of it in one, and nothing that is on a machine is declared then.
    """
    failures.carry_on()
    made = made or {}
    faults: list[str] = []
    holder = f"{pulumi.get_project()}/{pulumi.get_stack()}"
    # Everything that is put on machines comes after it: another environment's stack file ends here.
    environment = Environment.of(declared.environment, declared.environment_formerly)
    # In a thread, so that the engine hears of the environment now and starts the providers' process for it, a third of a
    # second, while the sources are read.
    before = await recorded.read()
    expired: dict[str, str] = {}
    given = certificates.given(declared, faults, before.of("aegir:Certificate"), expired)
    unread = Unread(declared, before, holder)
    sources = await asyncio.to_thread(
        resolve,
        declared,
        php=php_fit.versions(before, declared),
        installed=before.of("aegir:Installation"),
        live={name: str(outputs.get("digest", "")) for name, outputs in before.of("aegir:Release").items()},
        faults=faults,
        instead=unread.instead,
        info=pulumi.log.info,
        warn=telling.warn,
    )
    begin = beginnings.read(declared, before, holder, await beginnings.others(declared, before))
    faults += begin.faults
    protected = Protected(declared.hub.root, holder)
    faults += [*_losses(before, declared, sources, protected.known()), *making.moved(before, declared, made)]
    # No machine is asked while something is wrong that needs none.
    ask = not faults
    faults += await asyncio.to_thread(asking.misfits, before, declared, sources, ask=ask)
    faults += await asyncio.to_thread(asking.updates, before, declared, sources) if ask else []
    if faults:
        raise settings.SettingsError(faults)
    also(environment)
    telling.warn(*unread.found.values(), *at_work.warnings(declared.hub.root, holder))
    telling.warn(*announcing.announcements(before, declared, archive_names.newest(declared.hub.root)))
    for text in begin.said:
        pulumi.log.info(text)
    hosts = (
        {
            address_of(server, declared.hub.root): name
            for name, server in declared.servers.items()
            if server.connection != "none"
        }
        if any(server.dns == "manage" for server in declared.servers.values())
        else {}
    )
    if not pulumi.runtime.is_dry_run():
        # A machine that was not made in this run has no address to be noted.
        now = {
            name: _entry(server)
            for name, server in declared.servers.items()
            if not unknowns.is_stand_in(server.address)
        }
        entries.note(declared.hub.root, holder, now)
        telling.warn(*audited.note_run(declared.hub.root, pulumi.get_stack()))
        unread.note()
        if numeric_ids.restore(_numbers(declared), _known_numbers(before)):
            telling.warn(
                numbered(
                    2752,
                    f"{_numbers(declared)} is damaged and is made again from the state; the former one lies beside it",
                )
            )
        protected.note(site.identity for site in declared.sites.values() if site.protect)
    asking.tell_unfinished(declared, before, holder)
    keys = beginnings.backup_keys(declared, before, holder)
    servers = _servers(declared, environment, hosts, holder, made)
    clusters = {name: _cluster(declared, name, servers, holder, made) for name in declared.clusters}
    packs = {name: _pack(declared, name, servers, holder, made) for name in declared.packs}
    virtual = Machines(servers=servers, clusters=clusters, packs=packs)
    platforms = {
        name: _platform(declared, name, sources[name], virtual, holder, unread.found, made)
        for name in declared.platforms
    }
    sites: dict[str, Site] = {}

    async def on_database(database: str) -> None:
        proof = await order.prove(declared, database, servers)
        for name in _new_first(declared):
            if declared.sites[name].database == database:
                begins = begin.of(
                    name, sources, _uploads(declared, declared.sites[name].platform), keys.keys if keys else None
                )
                sites[name] = _site(
                    declared, name, sources, servers, platforms, proof.before(declared, name), given, expired, holder,
                    unread.found, begins, saved_before.move(before, declared, declared.sites[name], keys), made,
                )  # fmt: skip
                await program.said()

    # Side by side: sites of one database server do not wait for the proof of another.
    await asyncio.gather(*(on_database(name) for name, server in declared.servers.items() if server.database))
    sites = {name: sites[name] for name in declared.sites}
    await order.finish(declared, servers, sites, before, holder)
    await rollouts.come(declared, before, platforms, sites, holder, keys)
    if not pulumi.runtime.is_dry_run():
        await failures.hold_removals(before)
        summary.tell(declared, before, holder)
    return Estate(servers=servers, clusters=clusters, packs=packs, platforms=platforms, sites=sites)


def _losses(
    before: recorded.Recorded, declared: settings.Settings, sources: Mapping[str, Resolved], protected: frozenset[str]
) -> list[str]:
    """List the edits that would lose content, each with its path in the stack file and what to do instead."""

    def placed(platform: str) -> dict[str, Any]:
        pack = declared.pack_of(platform)
        return {
            "members": {name: each.to_props() for name, each in site_members(_members(declared, platform)).items()},
            "uploads": _uploads(declared, platform),
            "master": pack.master if pack else "",
        }

    code = {name: source.code for name, source in sources.items()}
    return changes.problems(before, changes.Declared(settings=declared, code=code, placed=placed, protected=protected))


def _entry(server: settings.Server) -> entries.Entry:
    services = {"web": server.web, "database": server.database}
    return entries.Entry(server.address, server.ssh_port, tuple(name for name, service in services.items() if service))


def _servers(
    declared: settings.Settings, environment: Environment, hosts: Mapping[str, str], holder: str, made: making.Made
) -> dict[str, Server]:
    certified = any(
        server.database and server.database.tls == "required" and server.connection != "none"
        for server in declared.servers.values()
    )
    authority = DatabaseAuthority.of(declared.hub.root, holder) if certified else None
    follow, spread = settings.numbers.follow(declared), settings.numbers.spread(declared)
    # Without a server there is nobody to have it, and none is made. Once: it asks a program.
    hub_key = public_key(declared.hub) if declared.servers else ""
    found: dict[str, Server] = {}
    for name in sorted(declared.servers, key=lambda name: name in follow):
        args = ServerParts(
            server=spread[name],
            hub=declared.hub,
            public_key=hub_key,
            entries=hosts,
            mounted=any(pack_component.mounts_code(pack, name) for pack in declared.packs.values()),
            follows=found[follow[name]].numbers if name in follow else None,
            holder=holder,
            authority=authority,
            rights=frozenset(
                right for site in declared.sites.values() if site.database == name for right in site.database_rights
            ),
        )
        found[name] = making.component(Server, made.get("servers"), name, args, [environment])
    return {name: found[name] for name in declared.servers}


def _members(declared: settings.Settings, platform: str) -> dict[str, Member]:
    found, pack = {}, declared.pack_of(platform)
    for server in declared.web_servers(platform):
        assert server.web is not None
        found[server.name] = Member(
            connection=connection_of(server, declared.hub),
            type=server.web.type,
            port=server.web.port,
            php=server.php,
            limits=server.limits,
            slave=pack is not None and pack.shares_code and server.name != pack.master,
        )
    return found


def _cluster(
    declared: settings.Settings, name: str, servers: Mapping[str, Server], holder: str, made: making.Made
) -> WebCluster:
    cluster = declared.clusters[name]
    members = {member: connection_of(declared.servers[member], declared.hub) for member in cluster.servers}
    ready = [resource for member in cluster.servers for resource in servers[member].ready]
    args = WebClusterParts(cluster=cluster, members=members, holder=holder)
    return making.component(WebCluster, made.get("clusters"), name, args, ready)


def _pack(
    declared: settings.Settings, name: str, servers: Mapping[str, Server], holder: str, made: making.Made
) -> pack_component.Pack:
    pack = declared.packs[name]
    names = sorted({*pack.servers, *(name for name in (pack.exporter, pack.standby) if name)})
    reached = {each: connection_of(declared.servers[each], declared.hub) for each in names}
    args = pack_component.PackParts(
        pack=pack,
        members={member: reached[member] for member in pack.servers},
        exporter=reached.get(pack.exporter),
        standby=reached.get(pack.standby),
        addresses={each: address_of(declared.servers[each], declared.hub.root) for each in names},
        holder=holder,
    )
    ready = [resource for member in names for resource in servers[member].ready]
    return making.component(pack_component.Pack, made.get("packs"), name, args, ready)


def _uploads(declared: settings.Settings, platform: str) -> str:
    """Say where the web servers of a platform have uploads in common beside its code; empty for nowhere."""
    pack = declared.pack_of(platform)
    if pack is not None and not pack.shares_code:
        return pack_component.shared_path(pack)
    return uploads_path(declared.cluster_of(platform))


def _platform(
    declared: settings.Settings,
    name: str,
    source: Resolved,
    machines: Machines,
    holder: str,
    unread: Mapping[str, str],
    made: making.Made,
) -> Platform:
    ready = machines.ready(declared, name)
    args = PlatformParts(
        platform=declared.platforms[name],
        code=source.code,
        tree=source.tree,
        directory=source.directory,
        revision=source.revision,
        members=_members(declared, name),
        holder=holder,
        pins={
            site.identity: site.release for site in declared.sites.values() if site.platform == name and site.release
        },
        master=pack.master if (pack := declared.pack_of(name)) else "",
        uploads=_uploads(declared, name),
        unread=unread.get(name, ""),
    )
    return making.component(Platform, made.get("platforms"), name, args, ready)


def _site(
    declared: settings.Settings,
    name: str,
    sources: Mapping[str, Resolved],
    servers: Mapping[str, Server],
    platforms: Mapping[str, Platform],
    proofs: Sequence[pulumi.Resource],
    given: Mapping[str, str],
    expired: Mapping[str, str],
    holder: str,
    unread: Mapping[str, str],
    begin: Begin,
    saved: pulumi.Output[str] | None,
    made: making.Made,
) -> Site:
    site = declared.sites[name]
    database = servers[site.database]
    assert database.database is not None
    addresses = {address_of(server, declared.hub.root) for server in declared.site_servers(name)}
    if declared.servers[site.database].connection != "none":
        # For the hub's own tasks; through ssh it comes from the machine itself.
        reach = declared.database_server(name).database
        addresses.add("127.0.0.1" if reach and reach.reach == "ssh" else declared.hub.address)
    else:
        addresses.add(declared.hub.address)
    args = SiteParts(
        site=site,
        platform=declared.platforms[site.platform],
        code=sources[site.platform].code,
        members=_members(declared, site.platform),
        database_server=site.database,
        database=database.database,
        clients=tuple(sorted(addresses)),
        connections=declared.servers[site.database].limits.connections,
        holder=holder,
        numbers=str(_numbers(declared)),
        hub_root=declared.hub.root,
        certificate=given.get(name, ""),
        certificate_unread=expired.get(name, ""),
        certificate_error_days=declared.certificate_error_days,
        acme=declared.acme,
        uploads=_uploads(declared, site.platform),
        master=pack.master if (pack := declared.pack_of(site.platform)) else "",
        proxies=declared.reverse_proxies,
        begin=begin,
        backups=saved,
    )
    depends = [*database.ready, *database.before_sites, *proofs]
    if site.platform not in unread:
        depends.append(platforms[site.platform].release)
    for server in declared.site_servers(name):
        depends += servers[server.name].before_sites
    return making.component(Site, made.get("sites"), site.identity, args, depends)


def _known_numbers(before: recorded.Recorded) -> dict[str, int]:
    found = before.of("aegir:Credentials").values()
    return {str(outputs["owner"]): int(outputs["number"]) for outputs in found if outputs.get("number") is not None}


def _numbers(declared: settings.Settings) -> Path:
    return Path(declared.hub.root, "numbers.json")


def _new_first(declared: settings.Settings) -> list[str]:
    """List the sites in the order in which they are declared, new ones first.

    The engine compares resources one by one, and takes a hundredth of a second for each. With this order, machines work
    on what is new while the engine compares the rest.
    """
    known = numeric_ids.owners(_numbers(declared))
    return sorted(declared.sites, key=lambda name: declared.sites[name].identity in known)
