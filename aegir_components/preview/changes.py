"""Which edits of a stack file would lose content or leave a site down: rejected before anything is touched. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from aegir_components import layout, settings
from aegir_components.applications import APPLICATIONS, CodeBase
from aegir_components.inputs.database import DatabaseServer
from aegir_components.messages import around, numbered
from aegir_components.moving.decision import is_other_server, leaves_all
from aegir_components.providers import site_database, site_places
from aegir_components.providers.site_places import Where
from aegir_components.recorded import Outputs, Recorded
from aegir_components.remote.connection import Connection

ALIKE = 0.75
"""From which likeness of two names on a removal may be a mistyped name; `oen.example.com` is 0.93 like `one.example.com`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Declared:
    """What the program is about to declare."""

    settings: settings.Settings
    code: Mapping[str, CodeBase]
    """By platform."""
    placed: Callable[[str], Mapping[str, Any]]
    """Gives ``members`` and ``uploads`` of a platform's sites, as ``SiteConfiguration`` has them."""
    protected: frozenset[str] = frozenset()
    """Sites that the last run has declared as protected, by what they are known by."""


def problems(recorded: Recorded, declared: Declared) -> list[str]:
    """List what an edit would lose, each with its path in the stack file; empty when nothing is lost."""
    now = machines(recorded, declared.settings)
    found = [
        *_protected(recorded, declared),
        *_removals(recorded, declared.settings),
        *_tls(recorded, declared.settings),
        *_packs(recorded, declared.settings, now),
        *_stranded(recorded, declared),
        *_places(recorded, declared.settings),
    ]
    for site in declared.settings.sites.values():
        where = f'aegir:sites["{site.display_name}"]'
        database = recorded.of("aegir:SiteDatabase").get(site.identity)
        files = recorded.of("aegir:SiteConfiguration").get(site.identity)
        if database:
            found += [around(why, f"{where}.database: {why}") for why in _database(database, site, declared, now)]
        if files:
            found += [around(why, f"{where}.platform: {why}") for why in _files(files, site, declared, now)]
            found += [around(why, f"{where}.platform: {why}") for why in _paths(files, site, declared)]
            found += [around(why, f"{where}.platform: {why}") for why in _code(files, site, recorded, declared)]
            found += [around(why, f"{where}.php.version: {why}") for why in _php(files, site, declared.settings)]
    return found


def machines(recorded: Recorded, declared: settings.Settings) -> dict[str, str]:
    """Say which machine of the last run each declared server is: by address, and by name where the address is new.

    Names may be exchanged: then an entry leads to what was another one's machine, with that one's content.
    """
    places = {_place(have): name for name, have in recorded.of("aegir:Machine").items()}
    return {name: places.get(_where(server), name) for name, server in declared.servers.items()}


def _place(have: Outputs) -> tuple[str, int]:
    connection = have.get("connection") or {}
    return str(connection.get("address", "")), int(connection.get("port") or 22)


def _where(server: settings.Server) -> tuple[str, int]:
    return server.address, server.ssh_port


def _database(have: Outputs, site: settings.Site, declared: Declared, now: Mapping[str, str]) -> Iterator[str]:
    service = declared.settings.database_server(site.name).database
    assert service is not None
    server = now[site.database]
    had = DatabaseServer.from_props(have)
    want = DatabaseServer(server=server, address=service.address, port=service.port)
    if site.database == had.server and is_other_server(had, want):
        yield numbered(
            2801,
            f"the database of {site.name} is on {site.database} ({had.address}), and {site.database} is to "
            f"lead to {service.address}, which has none of its content. Nothing was changed. Correct the address; "
            "a site moves to another server when `database` at it names that server",
        )
    yield from site_database.rejected(had, want, site.name, abandoned=()).values()


def _files(have: Outputs, site: settings.Site, declared: Declared, now: Mapping[str, str]) -> Iterator[str]:
    platform = declared.settings.platforms[site.platform]
    root = layout.publish_root(platform.publish_path)
    service = declared.settings.database_server(site.name).database
    assert service is not None
    had, placed = Where.from_props(have), Where.from_props(declared.placed(site.platform))
    want = replace(
        placed,
        site=site.name,
        publish_root=root,
        accounts=DatabaseServer(server=site.database, address=service.address, port=service.port),
        members={
            now.get(name, name): replace(member, connection=replace(member.connection, host=now.get(name, name)))
            for name, member in placed.members.items()
        }
        if placed.members is not None
        else None,
    )
    if not leaves_all(had.connections, placed.connections) and leaves_all(had.connections, want.connections):
        names, now_on = (", ".join(each.connections) for each in (had, want))
        yield numbered(
            2802,
            f"the files of {site.name} are on {names}, whose entry is to lead to {now_on}. Nothing was changed. "
            "Correct the addresses; a site moves when its platform, or the platform's `server`, is another one",
        )
    yield from site_places.rejected(had, want, abandoned=()).values()


def _paths(have: Outputs, site: settings.Site, declared: Declared) -> Iterator[str]:
    """Reject another publish path of a platform with sites, and another name of one that keeps its path: code is in the way."""
    platform = declared.settings.platforms[site.platform]
    former, path = str(have.get("platform")), str(have.get("publish_path") or platform.publish_path)
    if former == platform.name and path != platform.publish_path:
        yield numbered(
            2803,
            f"{site.name} is on the platform {former} at {path}, and the platform is to be published at "
            f"{platform.publish_path}. Nothing was changed. Declare a second platform with that publish_path and "
            f"the same source, and move the sites of {former} to it. Remove {former} with a later pulumi up",
        )
    elif former != platform.name and path == platform.publish_path:
        yield numbered(
            2804,
            f"{site.name} is on the platform {former}, and {platform.name} has the same publish_path {path}. "
            f"Nothing was changed. Give {platform.name} another publish_path (without one it is named after the "
            "platform), so that the sites move from one to the other",
        )


def _code(have: Outputs, site: settings.Site, recorded: Recorded, declared: Declared) -> Iterator[str]:
    """Reject another application, and an older major version of it: the database would not fit."""
    code = declared.code.get(site.platform)
    if code is None:
        # Its source cannot be read, which is told as well.
        return
    release = recorded.of("aegir:Release").get(str(have.get("platform")), {})
    version = str((release.get("facts") or {}).get("version", ""))
    now, was = APPLICATIONS[code.application], APPLICATIONS.get(str(have.get("application")))
    if was is None:
        return
    title = f"{was.title} {version}".strip()
    advice = "Nothing was changed. Put the site on a platform with the code that it was made with, or a newer one"
    if now is not was:
        yield numbered(
            2805,
            f"{site.name} is a site of {title}, and the platform {site.platform} has {now.title} {code.version}. {advice}",
        )
    elif (old := _major(version)) and (new := _major(code.version)) and new < old:
        yield numbered(
            2805, f"{site.name} is a site of {title}, and the platform {site.platform} has {code.version}. {advice}"
        )


def _major(version: str) -> int:
    found = re.match(r"\d+", version)
    return int(found[0]) if found else 0


def _another(name: str, key: str, formerly: str) -> str:
    """Say what is wrong with ``formerly`` of a site that is declared and not known as it was made."""
    where = f'aegir:sites["{name}"].formerly'
    way = f"write `formerly: {key}` at it" if key != name else "remove this key"
    what = f"it was made as {key}, and `formerly` is missing"
    if formerly:
        what = f"it was not made as {formerly}. It was made as {key}, and `formerly` takes only that name"
    return numbered(2806, f"{where}: {name} has content, but {what}. Nothing was changed. To keep its content, {way}")


def _protected(recorded: Recorded, declared: Declared) -> Iterator[str]:
    """Reject the removal of protected sites in our words: Pulumi's own advise a command that ends the protection for good."""
    kept = {site.identity for site in declared.settings.sites.values()}
    for key, have in sorted(recorded.of("aegir:SiteConfiguration").items()):
        if key in declared.protected and key not in kept:
            yield numbered(
                2807,
                f"aegir:sites: {have.get('name') or key} is protected, and is no longer declared. Nothing was "
                "changed. Declare it again; if it is to be removed with its content, write `protect: false` at it "
                "for one pulumi up, and remove it then",
            )


def _tls(recorded: Recorded, declared: settings.Settings) -> Iterator[str]:
    """Reject a web server that loses TLS in the edit in which its sites do: it would not start with what they have still."""
    for name, server in declared.servers.items():
        was = str(recorded.of("aegir:WebService").get(name, {}).get("type", ""))
        if server.web is None or was != f"{server.web.type}_ssl":
            continue
        secure = sorted(
            str(have.get("name") or key)
            for key, have in recorded.of("aegir:SiteConfiguration").items()
            if name in (have.get("members") or {}) and have.get("https", "none") != "none"
        )
        if secure:
            yield numbered(
                2808,
                f'aegir:servers["{name}"].services.web: {name} is to go from {was} to {server.web.type}, and '
                "serves "
                f"{', '.join(secure)} over TLS until now. Nothing was changed. Take `https` away with one pulumi "
                f"up, and TLS from {name} with another",
            )


def _packs(recorded: Recorded, declared: settings.Settings, now: Mapping[str, str]) -> Iterator[str]:
    """Reject another name of a pack, which marks what it shares, and a member that exports what it sees only through a mount."""
    known = recorded.of("aegir:PackExport")
    for name, pack in declared.packs.items():
        shared = known.get(name, {})
        exporter = now.get(pack.exporter, pack.exporter)
        if exporter != shared.get("server") and exporter in (shared.get("members") or {}):
            yield numbered(
                2809,
                f'aegir:packs["{name}"]: {pack.exporter} needs what the pack shares, and mounts it '
                f"from {shared['server']}. Nothing was changed. Take {pack.exporter} out of the pack with one "
                "pulumi up, and copy the files to it before it comes back: "
                "docs/howto/give-a-pack-another-master.md",
            )
        if name in known or not pack.exporter:
            continue
        for former, have in known.items():
            if former not in declared.packs and have.get("server") == now.get(pack.exporter, pack.exporter):
                yield numbered(
                    2810,
                    f'aegir:packs["{name}"]: {pack.exporter} has what the pack {former} shares, which is no longer '
                    "declared. "
                    f"Nothing was changed. A pack keeps its name: write {former} again, also as `server` of its "
                    "platforms",
                )


def _php(have: Outputs, site: settings.Site, declared: settings.Settings) -> Iterator[str]:
    """Reject that a site and its web server forget a version of PHP at once: the server would drop the pool that still serves."""
    had = {str(each["version"]) for each in (have.get("php") or {}).values() if each.get("version")}
    servers = [
        server.name for server in declared.web_servers(site.platform) if server.web and not server.web.php_versions
    ]
    if had and not site.php.version and servers:
        yield numbered(
            2811,
            f"{site.name} has PHP {', '.join(sorted(had))} by name, and {', '.join(servers)} declares no version "
            "any more. Nothing was changed. Remove `version` from the site with one pulumi up, and `php` from the "
            "server with the next",
        )


def _places(recorded: Recorded, declared: settings.Settings) -> Iterator[str]:
    """Reject a new platform in a place that is the system's or others'; one that is there already stays."""
    there = {str(have.get("publish_path")) for have in recorded.of("aegir:Release").values()}
    for name, platform in declared.platforms.items():
        if platform.publish_path not in there and (why := settings.taken(platform.publish_path)):
            yield around(why, f'aegir:platforms["{name}"].publish_path: {why}. Nothing was changed')


def _stranded(recorded: Recorded, declared: Declared) -> Iterator[str]:
    """Reject that a site goes while its platform leaves one of its web servers: removals come last, when that has left."""
    kept = {site.identity for site in declared.settings.sites.values()}
    for key, have in sorted(recorded.of("aegir:SiteConfiguration").items()):
        platform = str(have.get("platform"))
        if key in kept or platform not in declared.settings.platforms:
            continue
        now = Connection.of_members(declared.placed(platform).get("members") or {})
        was = Connection.of_members(have.get("members") or {})
        shown, leaving = (
            str(have.get("name") or key),
            ", ".join(name for name, conn in was.items() if not conn.twin(now)),
        )
        # An older state may name a site that is gone: that it is, somebody has to say.
        if leaving and shown not in declared.settings.confirm_removals:
            yield numbered(
                2813,
                f"aegir:sites: {shown} is no longer declared, and {leaving} leaves its platform {platform} in the "
                f"same edit. Nothing was changed. Remove the site with one pulumi up, and take {leaving} out with "
                f"the next. If nothing of the site is there any more, confirm it: aegir:confirm_removals: [{shown}]",
            )


def _removals(recorded: Recorded, declared: settings.Settings) -> Iterator[str]:
    """Reject removals that nobody confirmed: of several sites, or of one whose name was most likely mistyped."""
    kept = {site.identity for site in declared.sites.values()}
    known = recorded.of("aegir:SiteConfiguration")
    shown = {key: str(have.get("name") or key) for key, have in known.items()}
    gone = {key: shown[key] for key in sorted(known) if key not in kept}
    added = [site.name for site in declared.sites.values() if site.identity not in known]
    unconfirmed = [name for name in gone.values() if name not in declared.confirm_removals]
    typed = {name: difflib.get_close_matches(name, added, 1, ALIKE) for name in unconfirmed}
    advice = f"aegir:confirm_removals: [{', '.join(sorted(gone.values()))}]"
    for key, name in gone.items():
        if name in declared.sites and declared.sites[name].identity not in known:
            # It is declared, as another site than the one that it is.
            yield _another(name, key, declared.sites[name].formerly)
            typed[name] = [name]
        elif again := [
            site for site in declared.sites.values() if site.formerly == name and site.identity not in known
        ]:
            # A second rename, whose `formerly` is the name of between; the content has the first one.
            yield _another(again[0].name, key, name)
            typed[name] = [name]
    unconfirmed = [name for name in unconfirmed if typed[name] != [name]]
    for name in unconfirmed:
        if typed[name]:
            new, made = typed[name][0], next(key for key, shown_name in gone.items() if shown_name == name)
            yield numbered(
                2814,
                f"aegir:sites: {name} is no longer declared, and {new} is new. Nothing was changed. If {name} got "
                f"another name, declare {new} with `formerly: {made}`; if it is to be removed with its content, "
                f"confirm it: {advice}",
            )
    if len(gone) > 1 and (rest := [name for name in unconfirmed if not typed[name]]):
        yield numbered(
            2815,
            f"aegir:sites: {len(gone)} sites with content are no longer declared: {', '.join(rest)}. Nothing was "
            "changed. Was a part of the stack file lost? If they are to be removed with their databases and "
            f"files, confirm it: {advice}",
        )
