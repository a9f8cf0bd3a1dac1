"""aegir:SiteConfiguration: a site's user, directories, settings, PHP pool and vhost, on every web server that has it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pulumi

from aegir_components import applications, layout
from aegir_components.host import script
from aegir_components.host.connection import Connection
from aegir_components.host.errors import HostError
from aegir_components.host.parallel import attempt, each, settle
from aegir_components.inputs.untyped import Untyped
from aegir_components.moving import place as moving_place
from aegir_components.moving import safety
from aegir_components.moving import site as moving
from aegir_components.printable import one_line
from aegir_components.services import (
    cron,
    former,
    functions,
    holding,
    limits,
    quotas,
    site,
    site_content,
    web,
    web_types,
)

from . import (
    archived,
    caches,
    content,
    holds,
    restoring,
    settling,
    site_database,
    site_files,
    site_move,
    site_places,
    site_removal,
    staging,
)
from .lifecycle import AegirResource, Lifecycle, State, forgotten, replaced
from .raw import normal, without
from .site_places import members_of, owners_of, sees
from .warned import Warned

PATH = 200
"""Characters of a path that a machine says, in a warning."""


class Provider(Lifecycle[Untyped, Untyped]):
    """Makes a site servable; the web server's own test decides whether its vhost stays."""

    # Not the publish root: a replacement would archive and remove the site's files.
    identity_keys = ("site",)
    waits = True
    secret_keys = ("password", "salt", "key", "hub_password", "values", "backups")
    computed_keys = ("made",)
    once_keys = ("backups",)

    def identity(self, want: State) -> str:
        """A site is known by its name."""
        return str(want["site"])

    def rejected(self, have: State, want: State) -> dict[str, str]:
        """Reject changes that would leave uploads, private files and configuration behind."""
        return site_places.rejected(have, want.ask(dict, None))

    def observe(self, want: State) -> State:
        """Look at every item on every web server."""
        plan, owners, counting = _plan(want), owners_of(want), site_content.content_items(site_files.directories(want))
        what = f"looking at the site {plan.site}"

        def look(conn: Connection) -> script.Report:
            lines = [*_items(plan, want, conn), *(counting if conn.host in owners else ())]
            return script.execute(conn, "check", lines, what=what)

        reports = each(members_of(want), look)
        drift = [f"{name}: {text}" for name, report in reports.items() for text in report.drift]
        warned = Warned()
        for name, conn in owners.items():
            _warn_of_forbidden(warned, name, plan.site, reports[name].facts)
            place, now = content.of_files(want, conn), content.counted(reports[name].facts)
            if had := place.lost(now):
                drift.append(f"{name}: the site had {had}, and has no files there now")
            else:
                place.note(now)
        warned.tell()
        return {"drift": drift}

    def converge(self, want: State, _was: State) -> State:
        """Make it so on every web server, side by side; one that joins gets the uploads, one that leaves is cleaned.

        Raises:
            Refused: a web server that had the site's files does not have them any more, or the site does not answer on the
                platform that it was moved to.
        """
        want, saved = _without_backups(want)
        plan = _plan(want)
        members = members_of(want)
        what = f"configuring the site {plan.site}"
        recorded = without(want.get("was", {}), forgotten()) or {}
        was = _moved(want, recorded, saved)
        had = members_of(was) if was.get("members") else {}
        owners, counting = owners_of(want), site_content.content_items(site_files.directories(want))
        hub_root = staging.hub_root(members)
        before = site_move.look(want, was, hub_root)
        # One that nobody asks, such as a disabled one, needs its database updated as well before it has the code.
        if was and members.keys() <= had.keys():
            holds.arriving(hub_root, want, was, members)
        url = plan.url(_port(want, next(iter(members.values()))))
        caches.expect(want, hub_root, url, touched=was is not recorded or caches.are_touched(want, was))
        unproven = before.answering if restoring.can_be_restored(want, was) else ()
        # By machine, not by name: a renamed entry of the stack file is the same web server.
        staying = {name: conn for name, conn in owners.items() if name not in replaced() and conn.twin(had)}
        archives = archived.of_site(want, hub_root)
        empty = archived.emptied(want, owners, archives)
        emptied = {found.machine for found in empty if found.has_uploads}
        staying = site_files.with_files(want, {name: conn for name, conn in staying.items() if name not in emptied})
        made: set[str] = set()
        warned = Warned()
        site_removal.note_joining(want, had)

        def configure(conn: Connection) -> None:
            lines = [
                *(_kept(plan, want, was, conn) if conn.host in unproven else former.drop_items([plan.site])),
                *_items(plan, want, conn),
                *_leave_platform(plan, was),
                *site_content.registered_once(plan, want["holder"]),
            ]
            counted = counting if conn.host in owners else []
            report = script.execute(conn, "apply", [*lines, *counted], what=what, holder=want["holder"])
            if not was and site_removal.is_new(want, report.changed):
                made.add(conn.host)
            if "open" in report.facts:
                warned.say(conn.host, site_content.opened(plan.site, one_line(report.facts["open"], longest=PATH)))
            _warn_of_forbidden(warned, conn.host, plan.site, report.facts)
            if _shows_another_file(plan, want, was, report.changed):
                caches.expect(want, hub_root, url, touched=True)
                settling.written(plan.site)
            if conn.host in staying:
                # What joins is counted when its files are there: noted as none, a copy that fails would never be missed.
                content.of_files(want, conn).note(content.counted(report.facts))

        results = _master_first(want, configure)
        if any(results.values()):
            # Activation does not come after a failure; the web servers that are well go on without the others.
            well = {name: conn for name, conn in members.items() if results[name] is None and name not in made}
            attempt(well, lambda conn: _activate(conn, want))
            # The state does not have a site that could not be made: whoever takes it back would leave this for good.
            attempt(
                {name: members[name] for name in made},
                lambda conn: site_removal.leave(want, {conn.host: conn}, lambda name: sees(want, name)),
            )
        warned.tell()
        settle(results)
        if was and any(_settings(want, conn) != _settings(was, conn) for name, conn in members.items() if name in had):
            settling.written(plan.site)
        joining = {name: conn for name, conn in owners.items() if name not in staying}
        archived.unpack(want, owners, empty)
        site_files.seed(
            want,
            [*staying.values(), *(owners[name] for name in emptied)],
            [conn for name, conn in joining.items() if name not in emptied],
        )
        for name, report in each(joining, lambda conn: script.execute(conn, "check", counting, what=what)).items():
            content.of_files(want, joining[name]).note(content.counted(report.facts))
        if before.places:
            each(members, lambda conn: _activate(conn, want))
            both = {name: conn for name, conn in members.items() if name in had}
            site_move.keep_if_well(before, want, was, both, lambda conn: _put_back(conn, want, was))
        holds.left(want, was, {name: conn for name, conn in members.items() if name in had})
        site_removal.leave(
            was, {name: conn for name, conn in had.items() if not conn.twin(members)}, lambda name: sees(was, name)
        )
        archives.forget()
        site_removal.leave_tried(want, had)
        site_database.settled(want)
        return {"made": _made(want, recorded)}

    def remove(self, have: State) -> None:
        """Keep its files and its database on the hub while it serves, then stop serving it, and then remove the files."""
        site_removal.remove(have, members_of(have), lambda name: sees(have, name))
        caches.forget(staging.hub_root(members_of(have)), str(have["holder"]), str(have["site"]))


def _master_first(want: State, configure: Callable[[Connection], None]) -> dict[str, HostError | None]:
    """Configure the master of a pack before the others: what they see over NFS is made there first."""
    members = members_of(want)
    first = {name: conn for name, conn in members.items() if name == want.get("master")}
    rest = {name: conn for name, conn in members.items() if name not in first}
    results = attempt(first, configure)
    return results | (attempt(rest, configure) if not any(results.values()) else dict.fromkeys(rest))


def _kept(plan: site.SitePlan, want: State, was: State, conn: Connection) -> list[str]:
    """List what keeps how a site is configured, until a web server has proven the change."""
    versions = [limits.of_props((props.get("php") or {}).get(conn.host)).version for props in (was, want)]
    keys, slave = restoring.changed(want, was), sees(want, conn.host)
    return former.keep_items(
        plan, web_types.program(want["members"][conn.host]["type"]), keys, versions=versions, slave=slave
    )


def _shows_another_file(plan: site.SitePlan, want: State, was: State, changed: Iterable[str]) -> bool:
    """Return whether pages may show that the settings file was another one: after an update of ours, or somebody's edit."""
    same = all(normal(was.get(key)) == normal(want.get(key)) for key in ("password", "database", "salt", "authority"))
    place = f"file {site.settings_path(plan)}: "
    return bool(was) and same and any(text.startswith(place) for text in changed)


def _made(want: State, was: State) -> str:
    """Give another word than before; the same one for a first time that is tried again."""
    known = [want["site"], want["templates"], was.get("made", "")]
    return hashlib.sha256("\0".join(str(word) for word in known).encode()).hexdigest()[:8]


def _without_backups(want: State) -> tuple[State, str]:
    """Take out how the site is backed up before a move: no record of the hub has that."""
    return {key: value for key, value in want.items() if key != "backups"}, str(want.get("backups") or "")


def _moved(want: State, was: State, saved: str) -> State:
    """Carry a site to where it is to be, if that is elsewhere; give the inputs that say where it is then."""
    if not was or not want.get("accounts") or not was.get("accounts"):
        return was
    work = moving_place.Work(
        configure=_configured, reload=_reload, with_files=_still_with_files, save=safety.saver(saved)
    )
    return moving.carried(want, was, work)


def _reload(props: State, conn: Connection) -> None:
    _activate(conn, props)


def _configured(props: State, other: State, conn: Connection) -> None:
    plan = _plan(props)
    lines = [
        *former.drop_items([plan.site]),
        *_items(plan, props, conn),
        *_leave_platform(plan, other),
        *site_content.registered_once(plan, props["holder"]),
    ]
    if other and other["platform"] != plan.platform:
        lines += holding.removal_items(plan.site, layout.platform_registry(other["platform"]))
    script.execute(conn, "apply", lines, what=f"configuring the site {plan.site}", holder=props["holder"])


def _still_with_files(props: State) -> dict[str, Connection]:
    return site_files.with_files(props, owners_of(props))


def _leave_platform(plan: site.SitePlan, was: State) -> list[str]:
    """List what takes a site that is on another platform now out of the former one, but for the release it is held back on."""
    if not was or was["platform"] == plan.platform:
        return []
    return site.registry_removal(plan.site, was["platform"], was["publish_path"], was["docroot"])


def _put_back(conn: Connection, want: State, was: State) -> None:
    """Configure a web server as it was before a site moved to another platform."""
    lines = _items(_plan(was), was, conn)
    lines += holding.removal_items(want["site"], layout.platform_registry(want["platform"]))
    lines += site.registry_removal(want["site"], want["platform"], want["publish_path"], want["docroot"])
    script.execute(conn, "apply", lines, what=f"putting the site {want['site']} back", holder=want["holder"])
    _activate(conn, was)


def _warn_of_forbidden(warned: Warned, host: str, name: str, facts: Mapping[str, str]) -> None:
    """Warn where nothing of ours can let the web server read new uploads."""
    if "forbidden" in facts:
        warned.say(host, site_content.forbidden(name, one_line(facts["forbidden"], longest=PATH)))


def _settings(props: State, conn: Connection) -> str:
    return site.settings_text(_plan(props), _port(props, conn))


def _activate(conn: Connection, want: State) -> None:
    lines = [functions("web"), *web.activation_items(web_types.program(want["members"][conn.host]["type"]))]
    script.execute(conn, "apply", lines, what="reloading the web server", holder=want["holder"])


class SiteConfiguration(AegirResource, module="aegir", name="SiteConfiguration"):
    """A site on its web servers."""

    made: pulumi.Output[str]
    """Another word each time that it is configured, which tells the web servers to reload."""

    def __init__(self, name: str, props: dict[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare it.

        Args:
            name: the site's name.
            props: ``site``, ``name`` (its host name, where that is another), ``aliases``, ``platform``, ``publish_path``,
                ``publish_root``, ``docroot``, ``application``, ``database`` (``name``, ``user``, ``host``, ``port``),
                ``password`` (secret), ``salt`` (secret), ``authority``, ``number``, ``uploads``, ``isolation``, ``cron``,
                ``https``, ``chain`` and ``key`` (secret), ``redirect_aliases``, ``enabled``, ``accounts`` and ``hub_password``
                (secret), ``templates`` (a digest), ``members`` (with ``type``, ``port``, ``role``), ``master`` (of a pack),
                ``proxies``, ``holder``, ``health`` (``False`` where it is not asked for), ``values`` (secret;
                what the settings file is told, in JSON), ``former`` (other names of its content), ``backups`` (secret; of a
                site that moves, as ``Packed`` gives it).
            opts: Pulumi's options.
        """
        super().__init__(Provider(), name, props, opts)


def _port(props: State, conn: Connection) -> int:
    return int(props["members"][conn.host]["port"])


def _items(plan: site.SitePlan, props: State, conn: Connection) -> list[str]:
    keeps_cron = (props.get("master") or cron.keeper(plan.site, props["members"])) == conn.host
    slave = sees(props, conn.host)
    plan = dataclasses.replace(
        plan,
        php=limits.of_props((props.get("php") or {}).get(conn.host)),
        quotas=quotas.of_props((props.get("limits") or {}).get(conn.host)),
    )
    server = web_types.program(props["members"][conn.host]["type"])
    return site.items(plan, server, _port(props, conn), keeps_cron=keeps_cron, slave=slave)


def _plan(props: State) -> site.SitePlan:
    database = props["database"]
    return site.SitePlan(
        site=props["site"],
        host=str(props.get("name") or ""),
        aliases=tuple(props.get("aliases", ())),
        former=tuple(map(str, props.get("former") or ())),
        platform=props["platform"],
        publish_path=props["publish_path"],
        docroot=props["docroot"],
        application=applications.APPLICATIONS[props["application"]],
        database={
            "name": database["name"],
            "user": database["user"],
            "password": props["password"],
            "host": database["host"],
            "port": int(database["port"]),
        },
        salt=props["salt"],
        authority=str(props.get("authority", "")),
        number=None if props.get("number") is None else int(props["number"]),
        uploads=str(props.get("uploads", "")),
        process=props.get("isolation") == "process",
        cron=str(props.get("cron", "off")),
        https=str(props.get("https", "none")),
        chain=str(props.get("chain") or ""),
        key=str(props.get("key") or ""),
        redirect_aliases=bool(props.get("redirect_aliases")),
        enabled=bool(props.get("enabled", True)),
        mail=str(props.get("mail") or "on"),
        robots=props.get("robots") != "off",
        fallback=str(props.get("fallback") or ""),
        values=json.loads(str(props.get("values") or "{}")),
        proxies=tuple(str(proxy) for proxy in props.get("proxies", ())),
    )
