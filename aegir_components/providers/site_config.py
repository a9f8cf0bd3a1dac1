"""aegir:SiteConfiguration: a site's user, directories, settings, PHP pool and vhost, on every web server that has it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pulumi

from aegir_components import layout
from aegir_components.deploy import cron, holding, site
from aegir_components.deploy import former as kept
from aegir_components.facts import site_content
from aegir_components.inputs import limits, quotas
from aegir_components.inputs.props import Known
from aegir_components.inputs.site import SiteConfigurationInputs, SiteConfigurationState
from aegir_components.messages import numbered
from aegir_components.messages.printable import one_line
from aegir_components.moving import place as moving_place
from aegir_components.moving import safety
from aegir_components.moving import site as moving
from aegir_components.process import Process
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import HostError
from aegir_components.remote.parallel import attempt, each, settle
from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions
from aegir_components.services import web, web_types

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
)
from .lifecycle import AegirResource, Lifecycle, remaining
from .site_places import Where
from .warned import Warned

PATH = 200
"""Characters of a path that a machine says, in a warning."""


class SiteConfigurationProvider(Lifecycle[SiteConfigurationInputs, SiteConfigurationState]):
    """Makes a site servable; the web server's own test decides whether its vhost stays."""

    # Not the publish root: a replacement would archive and remove the site's files.
    identity_keys = ("site",)
    waits = True
    secret_keys = ("password", "salt", "key", "hub_password", "values", "backups")
    once_keys = ("backups",)

    def identity(self, want: SiteConfigurationInputs) -> str:
        """A site is known by its name."""
        return want.site

    def rejected(self, have: SiteConfigurationState, want: Known[SiteConfigurationInputs]) -> dict[str, str]:
        """Reject changes that would leave uploads, private files and configuration behind."""
        return site_places.rejected(Where.from_props(have.to_props()), Where.of(want), self.process.abandoned)

    def observe(self, have: SiteConfigurationState) -> dict[str, Any]:
        """Inspect every item on every web server."""
        plan, owners, counting = (
            site.SitePlan(inputs=have),
            have.owners,
            site_content.content_items(site_files.directories(have)),
        )
        what = f"inspecting the site {plan.site}"

        def look(conn: Connection) -> script.Report:
            lines = [*_items(plan, have, conn), *(counting if conn.host in owners else ())]
            return script.execute(conn, "check", lines, what=what)

        reports = each(have.connections, look)
        drift = [f"{name}: {text}" for name, report in reports.items() for text in report.drift]
        warned = Warned()
        for name, conn in owners.items():
            _warn_of_forbidden(warned, name, plan.site, reports[name].facts)
            place, now = content.of_files(have, conn), content.counted(reports[name].facts)
            if had := place.lost(now):
                drift.append(numbered(6556, f"{name}: the site had {had}, and has no files there now"))
            else:
                place.note(now)
        warned.tell()
        return {"drift": drift}

    def converge(self, want: SiteConfigurationInputs, was: SiteConfigurationState | None) -> dict[str, Any]:
        """Make it so on every web server, side by side; one that joins gets the uploads, one that leaves is cleaned.

        Raises:
            Refused: a web server that had the site's files does not have them any more, or the site does not answer on the
                platform that it was moved to.
        """
        # No record of the hub has how the site is backed up.
        want, saved, process = replace(want, backups=""), want.backups, self.process
        plan, members = site.SitePlan(inputs=want), want.connections
        what = f"configuring the site {plan.site}"
        recorded = remaining(was, process.abandoned)
        former = _moved(process, want, recorded, saved)
        had = former.connections if former else {}
        owners, counting = want.owners, site_content.content_items(site_files.directories(want))
        hub_root = want.hub_root
        before = site_move.look(want, former, hub_root)
        # A site that is not health-checked, such as a disabled one, needs its database updated as well before it has the code.
        if former and members.keys() <= had.keys():
            holds.arriving(hub_root, want, former, members)
        url = plan.url(want.members[next(iter(members))].port)
        caches.expect(want, hub_root, url, touched=former is not recorded or caches.are_touched(want, former))
        unproven = before.answering if former and restoring.can_be_restored(want, former) else ()
        # By machine, not by name: a renamed entry of the stack file is the same web server.
        staying = {name: conn for name, conn in owners.items() if name not in process.replaced and conn.twin(had)}
        archives = archived.of_site(want, hub_root)
        empty = archived.emptied(want, owners, archives)
        emptied = {found.machine for found in empty if found.has_uploads}
        staying = site_files.with_files(want, {name: conn for name, conn in staying.items() if name not in emptied})
        made: set[str] = set()
        warned = Warned()
        site_removal.note_joining(want, had)

        def configure(conn: Connection) -> None:
            lines = [
                *(
                    _kept(plan, want, former, conn)
                    if former and conn.host in unproven
                    else kept.drop_items([plan.site])
                ),
                *_items(plan, want, conn),
                *_leave_platform(plan, former),
                *site_content.registered_once(plan, want.holder),
            ]
            counted = counting if conn.host in owners else []
            report = script.execute(conn, "apply", [*lines, *counted], what=what, holder=want.holder)
            if not former and site_removal.is_new(want, report):
                made.add(conn.host)
            if "open" in report.facts:
                warned.say(conn.host, site_content.opened(plan.site, one_line(report.facts["open"], longest=PATH)))
            _warn_of_forbidden(warned, conn.host, plan.site, report.facts)
            if former and _shows_another_file(plan, want, former, report):
                caches.expect(want, hub_root, url, touched=True)
                settling.written(process, plan.site)
            if conn.host in staying:
                # What joins is counted when its files are there: noted as none, a copy that fails would never be missed.
                content.of_files(want, conn).note(content.counted(report.facts))

        results = _master_first(want, configure)
        if any(results.values()):
            # Activation does not come after a failure; the web servers that are well go on without the others.
            well = {name: conn for name, conn in members.items() if results[name] is None and name not in made}
            attempt(well, lambda conn: _activate(conn, want))
            # The state does not have a site that could not be made: whoever undoes it would leave this for good.
            attempt(
                {name: members[name] for name in made},
                lambda conn: site_removal.leave(process, want, {conn.host: conn}),
            )
        warned.tell()
        settle(results)
        both = {name: conn for name, conn in members.items() if name in had}
        if former and any(_settings(want, name) != _settings(former, name) for name in both):
            settling.written(process, plan.site)
        joining = {name: conn for name, conn in owners.items() if name not in staying}
        archived.unpack(want, owners, empty)
        site_files.seed(
            want,
            [*staying.values(), *(owners[name] for name in emptied)],
            [conn for name, conn in joining.items() if name not in emptied],
        )
        for name, report in each(joining, lambda conn: script.execute(conn, "check", counting, what=what)).items():
            content.of_files(want, joining[name]).note(content.counted(report.facts))
        if former and before.places:
            each(members, lambda conn: _activate(conn, want))
            site_move.keep_if_well(process, before, want, former, both, lambda conn: _put_back(conn, want, former))
        if former:
            holds.left(want, former, both)
            site_removal.leave(process, former, {name: conn for name, conn in had.items() if not conn.twin(members)})
        archives.forget()
        site_removal.leave_tried(process, want, had)
        site_database.settled(want)
        return {"made": _made(want, recorded)}

    def remove(self, have: SiteConfigurationState) -> None:
        """Keep its files and its database on the hub while it serves, then stop serving it, and then remove the files."""
        site_removal.remove(self.process, have)
        caches.forget(have.hub_root, have.holder, have.site)


def _master_first(
    want: SiteConfigurationInputs, configure: Callable[[Connection], None]
) -> dict[str, HostError | None]:
    """Configure the master of a pack before the others: what they see over NFS is made there first."""
    members = want.connections
    first = {name: conn for name, conn in members.items() if name == want.master}
    rest = {name: conn for name, conn in members.items() if name not in first}
    results = attempt(first, configure)
    return results | (attempt(rest, configure) if not any(results.values()) else dict.fromkeys(rest))


def _kept(
    plan: site.SitePlan, want: SiteConfigurationInputs, was: SiteConfigurationInputs, conn: Connection
) -> list[str]:
    """List what keeps how a site is configured, until a web server has proven the change."""
    versions = [inputs.php.get(conn.host, limits.NO_PHP).version for inputs in (was, want)]
    keys, member = restoring.changed(want, was), want.members[conn.host]
    server = web_types.program(member.type)
    return kept.keep_items(plan, server, keys, versions=versions, slave=member.is_slave)


def _shows_another_file(
    plan: site.SitePlan, want: SiteConfigurationInputs, was: SiteConfigurationInputs, report: script.Report
) -> bool:
    """Return whether pages may show that the settings file was another one: after our update, or somebody's edit."""
    before, now = ((each.password, each.database, each.salt, each.authority) for each in (was, want))
    return before == now and report.has_changed("file", site.settings_path(plan))


def _made(want: SiteConfigurationInputs, was: SiteConfigurationState | None) -> str:
    """Give another word than before; the same one for a first time that is tried again."""
    known = [want.site, want.templates, was.made if was else ""]
    return hashlib.sha256("\0".join(known).encode()).hexdigest()[:8]


def _moved(
    process: Process, want: SiteConfigurationInputs, was: SiteConfigurationState | None, saved: str
) -> SiteConfigurationInputs | None:
    """Carry a site to where it is to be, if that is elsewhere; give the inputs that say where it is then."""
    if not was or not want.accounts or not was.accounts:
        return was
    work = moving_place.Work(
        process=process, configure=_configured, reload=_reload, with_files=_still_with_files, save=safety.saver(saved)
    )
    return moving.carried(want, was, work)


def _reload(inputs: SiteConfigurationInputs, conn: Connection) -> None:
    _activate(conn, inputs)


def _configured(inputs: SiteConfigurationInputs, other: SiteConfigurationInputs | None, conn: Connection) -> None:
    plan = site.SitePlan(inputs=inputs)
    lines = [
        *kept.drop_items([plan.site]),
        *_items(plan, inputs, conn),
        *_leave_platform(plan, other),
        *site_content.registered_once(plan, inputs.holder),
    ]
    if other and other.platform != plan.inputs.platform:
        lines += holding.removal_items(plan.site, layout.platform_registry(other.platform))
    script.execute(conn, "apply", lines, what=f"configuring the site {plan.site}", holder=inputs.holder)


def _still_with_files(inputs: SiteConfigurationInputs) -> dict[str, Connection]:
    return site_files.with_files(inputs, inputs.owners)


def _leave_platform(plan: site.SitePlan, was: SiteConfigurationInputs | None) -> list[str]:
    """List what takes a site that is on another platform now out of the former one, but for the release it is held back on."""
    if not was or was.platform == plan.inputs.platform:
        return []
    return site.registry_removal(plan.site, was.platform, was.publish_path, was.docroot)


def _put_back(conn: Connection, want: SiteConfigurationInputs, was: SiteConfigurationInputs) -> None:
    """Configure a web server as it was before a site moved to another platform."""
    lines = _items(site.SitePlan(inputs=was), was, conn)
    lines += holding.removal_items(want.site, layout.platform_registry(want.platform))
    lines += site.registry_removal(want.site, want.platform, want.publish_path, want.docroot)
    script.execute(conn, "apply", lines, what=f"putting the site {want.site} back", holder=want.holder)
    _activate(conn, was)


def _warn_of_forbidden(warned: Warned, host: str, name: str, facts: Mapping[str, str]) -> None:
    """Warn where this program cannot let the web server read new uploads."""
    if "forbidden" in facts:
        warned.say(host, site_content.forbidden(name, one_line(facts["forbidden"], longest=PATH)))


def _settings(inputs: SiteConfigurationInputs, name: str) -> str:
    return site.settings_text(site.SitePlan(inputs=inputs), inputs.members[name].port)


def _activate(conn: Connection, want: SiteConfigurationInputs) -> None:
    server = web_types.program(want.members[conn.host].type)
    lines = [functions("web"), *web.activation_items(server)]
    script.execute(conn, "apply", lines, what="reloading the web server", holder=want.holder)


class SiteConfiguration(AegirResource, module="aegir", name="SiteConfiguration"):
    """A site on its web servers."""

    made: pulumi.Output[str]
    """Another word each time that it is configured, which tells the web servers to reload."""

    def __init__(self, name: str, inputs: SiteConfigurationInputs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare it by what the site is known by."""
        super().__init__(SiteConfigurationProvider(), name, inputs, opts)


def _items(plan: site.SitePlan, inputs: SiteConfigurationInputs, conn: Connection) -> list[str]:
    member = inputs.members[conn.host]
    keeps_cron = (inputs.master or cron.keeper(plan.site, inputs.members)) == conn.host
    plan = replace(
        plan,
        php=inputs.php.get(conn.host, limits.NO_PHP).limits,
        quotas=inputs.limits.get(conn.host, quotas.USUAL),
    )
    server = web_types.program(member.type)
    return site.items(plan, server, member.port, keeps_cron=keeps_cron, slave=member.is_slave)


Provider = SiteConfigurationProvider
"""Its name in states."""
