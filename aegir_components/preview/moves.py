"""Which sites an edit carries to other machines: said at preview, and stopped where their databases would need updates first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from aegir_components import settings
from aegir_components.inputs.database import DatabaseServer
from aegir_components.messages import numbered
from aegir_components.moving.decision import is_other_server
from aegir_components.recorded import Outputs, Recorded


def unready(
    before: Recorded,
    declared: settings.Settings,
    waits: Mapping[str, Mapping[str, str]],
    lacks: Mapping[str, Sequence[str]],
) -> Iterator[str]:
    """List the sites that move to code for which their databases are not ready, each with its path in the stack file. Pure.

    Args:
        before: the state of the last run.
        declared: the stack.
        waits: by platform, the sites that wait for an update with its code, with the reason.
        lacks: by site, the modules that are installed in it and that the code has not.
    """
    for site in declared.sites.values():
        gone = lacks.get(site.identity, ())
        if gone and (way := way_of(before, declared, site)):
            yield numbered(
                2830,
                f'aegir:sites["{site.display_name}"].platform: {site.name} is to move {way}, and '
                f"{site.platform} lacks modules that are installed in it: {', '.join(gone)}. Nothing was changed. "
                "Add them, or uninstall them in the site first",
            )
        why = waits.get(site.platform, {}).get(site.identity)
        if why and (way := way_of(before, declared, site)):
            yield numbered(
                2831,
                f'aegir:sites["{site.display_name}"].platform: {site.name} is to move {way} and to get other code: '
                f"{why}. "
                "Nothing was changed. Move it with the release that it has first (a platform there with the same "
                "source), and update it with another pulumi up",
            )


def waiting(before: Recorded, declared: settings.Settings, unknown: Mapping[str, str]) -> dict[str, str]:
    """Give the sites of a platform that wait for an update because nobody knows what their databases lack. Pure.

    One that leaves its web servers is not among them: the move itself asks, when its database server is as declared again. A
    server that lets the hub in no more, as after a restored state, must not keep a run from repairing it.

    Args:
        before: the state of the last run.
        declared: the stack.
        unknown: what sites are known by, with the reason.
    """
    return {
        site.identity: unknown[site.identity]
        for site in declared.sites.values()
        if site.identity in unknown and not leaving(before, declared, site)
    }


def announcements(before: Recorded, declared: settings.Settings) -> Iterator[str]:
    """Say in words which sites a run is about to carry to other machines, or to another platform on the same ones. Pure."""
    for site in declared.sites.values():
        if way := way_of(before, declared, site):
            yield numbered(
                2824,
                f"the site {site.name} moves {way}, with all its content. It is served until what differs is "
                "copied, and answers 503 for that. Its former place goes when it answers in the new one, and a "
                "copy is proven on the hub",
            )
        files = before.of("aegir:SiteConfiguration").get(site.identity, {})
        former = files.get("platform")
        # With other web servers the way above says it.
        if former and former != site.platform and not leaving(before, declared, site):
            here = ", ".join(sorted(files.get("members") or {})) or "its web servers"
            yield numbered(
                2825,
                f"the site {site.name} moves from the platform {former} to {site.platform}. It gets that platform's "
                f"code, and its files on {here} stay in their place",
            )


def way_of(before: Recorded, declared: settings.Settings, site: settings.Site) -> str:
    """Say from where to where a site moves; empty where it stays."""
    files = before.of("aegir:SiteConfiguration").get(site.identity, {})
    database = before.of("aegir:SiteDatabase").get(site.identity, {})
    pairs = []
    if leaving(before, declared, site):
        now = sorted(server.name for server in declared.web_servers(site.platform))
        pairs.append((", ".join(sorted(files["members"])), ", ".join(now)))
    service = declared.database_server(site.name).database
    if files and database and service:
        had = DatabaseServer.from_props(database)
        if is_other_server(had, DatabaseServer(server=site.database, address=service.address, port=service.port)):
            pairs.append((f"the database server {had.server}", site.database))
    return " and ".join(f"from {former} to {new}" for former, new in pairs)


def leaving(before: Recorded, declared: settings.Settings, site: settings.Site) -> set[tuple[str, int]]:
    """Give the addresses and ssh ports of a site's web servers, if it is to leave all of them. Pure."""
    files = before.of("aegir:SiteConfiguration").get(site.identity, {})
    now = {(server.address, server.ssh_port): server.name for server in declared.web_servers(site.platform)}
    had = {_machine(member): name for name, member in (files.get("members") or {}).items()}
    stays = had.keys() & now.keys() or set(had.values()) & set(now.values())
    return set() if stays else set(had)


def _machine(member: Outputs) -> tuple[str, int]:
    connection = member.get("connection") or {}
    return str(connection.get("address", "")), int(connection.get("port") or 22)
