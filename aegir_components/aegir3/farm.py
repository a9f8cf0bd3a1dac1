"""What a farm of Aegir 3 becomes: servers, clusters, packs, platforms and sites of a stack file. Pure.

Machines are new ones: this program touches no server that the former farm serves from. So each of its servers is given the
name of the machine that takes its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from aegir_components.messages import numbered

from .contexts import HUB, WEB, Contexts, Platform, Server, Site

FRONT_END: Final = "hostmaster"
"""The install profile of Aegir's own front end, which has no place in the new farm."""
CANARY: Final = 1
"""Sites of the first wave."""
SHARE: Final = 10
"""Of how many sites the second wave has one."""


@dataclass(slots=True)
class Farm:
    """Parts of a stack file, and what a person has to know."""

    servers: dict[str, dict[str, Any]] = field(default_factory=dict)
    clusters: dict[str, dict[str, Any]] = field(default_factory=dict)
    packs: dict[str, dict[str, Any]] = field(default_factory=dict)
    platforms: dict[str, dict[str, Any]] = field(default_factory=dict)
    waves: list[dict[str, dict[str, Any]]] = field(default_factory=list)
    """Sites by name, in the order in which they are brought in."""
    former: dict[str, Site] = field(default_factory=dict)
    code: dict[str, str] = field(default_factory=dict)
    """The names of the platforms, by their contexts."""
    notes: list[str] = field(default_factory=list)


def made(found: Contexts, place: str, instead: Mapping[str, str]) -> Farm:
    """Make a stack of a farm.

    Args:
        found: the farm.
        place: the directory on the hub where code, dumps and files are brought.
        instead: the names of the new machines, by those of the former ones.
    """
    farm = Farm(notes=list(found.faults))
    used = _used(found)
    names = _machines(found, used, instead, farm)
    for platform in (found.platforms[name] for name in sorted({site.platform for site in used})):
        _platform(farm, platform, place, names)
    databases = {names[site.database] for site in used if site.database in names}
    blocks = {site.uri: _site(farm, site, place, names, alone=len(databases) == 1) for site in used}
    farm.former = {site.uri: site for site in used}
    farm.waves = [{name: blocks[name] for name in wave} for wave in _waves(used)]
    return farm


def _used(found: Contexts) -> list[Site]:
    """List the sites that come along."""
    return [
        site
        for _, site in sorted(found.sites.items())
        if site.profile != FRONT_END and site.platform in found.platforms
    ]


def _machines(found: Contexts, used: Iterable[Site], instead: Mapping[str, str], farm: Farm) -> dict[str, str]:
    """Declare the machines that the sites need; give the names of servers, clusters and packs by their contexts."""
    webs = {found.platforms[site.platform].web_server for site in used}
    names: dict[str, str] = {}
    for context in sorted(webs):
        server = found.servers.get(context)
        if server is None:
            farm.notes.append(numbered(3540, f"the web server {context} is not among the contexts"))
        elif server.web in WEB:
            names[context] = _machine(farm, server, instead, web=True)
        else:
            names[context] = _group(farm, found, server, instead)
    for context in sorted({site.database for site in used}):
        server = found.servers.get(context)
        if server is None or not server.database:
            farm.notes.append(
                numbered(3540, f"the database server {context or 'of some sites'} is not among the contexts")
            )
        else:
            names[context] = _machine(farm, server, instead, web=False)
    return names


def _machine(farm: Farm, server: Server, instead: Mapping[str, str], *, web: bool) -> str:
    name = instead.get(server.host) or instead.get(server.name.lstrip("@")) or server.host
    if name == "localhost":
        farm.notes.append(
            numbered(
                3541,
                f"{server.name} is `localhost` for Aegir. Say which machine takes its place: --map localhost=web1.example.com",
            )
        )
    services = farm.servers.setdefault(name, {"services": {}})["services"]
    if not web:
        services["database"] = "mysql"
    elif server.port in {80, 443}:
        services["web"] = server.web
    else:
        services["web"] = {"type": server.web, "port": server.port}
    return name


def _group(farm: Farm, found: Contexts, server: Server, instead: Mapping[str, str]) -> str:
    """Declare a cluster or a pack."""
    name = _word(server.name.removeprefix("@").removeprefix("server_")) or "web"
    members = {context: _member(farm, found, context, instead) for context in (*server.members, *server.slaves)}
    if server.web == "cluster":
        farm.clusters[name] = {"servers": [members[each] for each in server.members], "uploads": "separate"}
        farm.notes.append(
            numbered(
                3542,
                f"the cluster {name}: Aegir keeps uploads on one member alone. Members have uploads of their own here "
                "(`uploads: separate`); declare shared ones if visitors upload files (docs/reference/stack-file.md, "
                "aegir:clusters)",
            )
        )
    elif server.web == "pack" and server.members:
        master, *others = server.members
        farm.packs[name] = {"master": members[master], "slaves": [members[each] for each in (*others, *server.slaves)]}
        if others:
            farm.notes.append(
                numbered(
                    3543,
                    f"the pack {name} had {len(server.members)} masters; the first is the master now, the others are slaves",
                )
            )
    else:
        farm.notes.append(numbered(3544, f"{server.name} has no web service that is known here"))
    return name


def _word(text: str) -> str:
    """Make a name as this program takes it."""
    return re.sub(r"[^a-z0-9._-]", "-", text.lower()).strip("-._")


def _member(farm: Farm, found: Contexts, context: str, instead: Mapping[str, str]) -> str:
    server = found.servers.get(context)
    if server is None or server.web not in WEB:
        farm.notes.append(numbered(3544, f"{context}, a member of a group, has no web service that is known here"))
        return context.lstrip("@")
    return _machine(farm, server, instead, web=True)


def _platform(farm: Farm, platform: Platform, place: str, names: Mapping[str, str]) -> None:
    base = _word(platform.name.removeprefix("@").removeprefix("platform_")) or "platform"
    name = base
    number = 1
    while name in farm.platforms:
        number += 1
        name = f"{base}-{number}"
    farm.platforms[name] = {"server": names.get(platform.web_server, platform.web_server.lstrip("@")),
                            "source": f"{place}/platforms/{name}"}  # fmt: skip
    farm.code[platform.name] = name
    if platform.makefile:
        farm.notes.append(
            numbered(
                3545,
                f"the platform {name} was made from {platform.makefile}. `source: {{makefile: …}}` builds it again; its "
                "code as it is is copied",
            )
        )


def _site(farm: Farm, site: Site, place: str, names: Mapping[str, str], *, alone: bool) -> dict[str, Any]:
    block: dict[str, Any] = {"platform": farm.code[site.platform]}
    if not alone and site.database in names:
        block["database"] = names[site.database]
    if site.aliases:
        block["aliases"] = list(site.aliases)
    if site.redirection == site.uri and site.aliases:
        block["redirect_aliases"] = True
    elif site.redirection:
        farm.notes.append(
            numbered(
                3546,
                f"{site.uri} redirects to {site.redirection}. Here aliases redirect to the site's own name: bring it "
                f"in under this name, then rename it to {site.redirection} (`formerly: {site.uri}`)",
            )
        )
    if site.client:
        block["client"] = site.client
    if not site.enabled:
        block["state"] = "disabled"
    if site.tls:
        block["https"] = "required" if site.tls > 1 else "enabled"
        if site.key:
            block["certificate"] = {key: f"{place}/certificates/{site.key}/{key}.pem" for key in ("chain", "key")}
    block["origin"] = {
        "database": f"{place}/sites/{site.uri}/database.sql.gz",
        "files": f"{place}/sites/{site.uri}/files.tar.gz",
        "private": f"{place}/sites/{site.uri}/private.tar.gz",
    }
    return block


def _waves(sites: list[Site]) -> list[list[str]]:
    """Order the sites: one alone, then a tenth, then the others; disabled ones and such without aliases first."""
    order = [site.uri for site in sorted(sites, key=lambda site: (site.enabled, len(site.aliases), site.uri))]
    second = CANARY + max(1, len(order) // SHARE)
    return [wave for wave in (order[:CANARY], order[CANARY:second], order[second:]) if wave]


def holder_of_files(found: Contexts, platform: Platform) -> str:
    """Give the machine that has the uploads of a platform's sites: its web server; of a group the first member."""
    server = found.servers.get(platform.web_server)
    if server is not None and server.members:
        server = found.servers.get(server.members[0])
    return server.host if server is not None and server.name != HUB else "localhost"
