"""A site that does not answer after a change of its configuration gets the former one back, if that cannot lock it out.

What is restored is the settings file, the PHP pool and the vhost. An edit of the database, its password, the place of
the files or the code changes more than these. Former files would not fit, so such an edit is not rolled back.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from aegir_components.deploy import former
from aegir_components.hub.records import Records
from aegir_components.inputs import limits
from aegir_components.inputs.site import SiteConfigurationInputs
from aegir_components.messages import numbered
from aegir_components.process import Process
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import HostError, Refused
from aegir_components.scripts import script
from aegir_components.services.web import WebServer

from . import answered, settling
from .answering import Place
from .lifecycle import UNFINISHED
from .raw import normal

CONFIGURATION: Final = "site_config"
"""The module of a site's configuration, by which the hub knows unfinished work on it."""


def can_be_restored(want: SiteConfigurationInputs, was: SiteConfigurationInputs) -> bool:
    """Return whether the former files fit what a change leaves behind. Pure."""
    # What differs besides ends in the files that are restored, in none that a visitor meets, or in no file of the site.
    former = replace(
        was, values=want.values, php=want.php, aliases=want.aliases, redirect_aliases=want.redirect_aliases,
        proxies=want.proxies, templates=want.templates, isolation=want.isolation, cron=want.cron, health=want.health,
        limits=want.limits, accounts=want.accounts, hub_password=want.hub_password,
    )  # fmt: skip
    return SiteConfigurationInputs.from_props(former.to_props()) == SiteConfigurationInputs.from_props(want.to_props())


def changed(want: SiteConfigurationInputs, was: SiteConfigurationInputs) -> list[str]:
    """Name what changes in a site's configuration, as the stack file calls it. Pure."""
    had, has = _named(was), _named(want)
    found = [name for name, value in has.items() if had[name] != value]
    before, now = (json.loads(inputs.values or "{}") for inputs in (was, want))
    for kind in ("settings", "config"):
        found += [f"{kind}.{key}" for key in _differing(before.get(kind), now.get(kind))]
    for server in was.php.keys() | want.php.keys():
        found += [f"php.{key}" for key in _php(was.php.get(server, limits.NO_PHP), want.php.get(server, limits.NO_PHP))]
    return sorted(set(found))


def _named(inputs: SiteConfigurationInputs) -> dict[str, object]:
    """Give what ends in the files that are restored, by what the stack file calls it."""
    return {
        "aliases": inputs.aliases,
        "redirect_aliases": inputs.redirect_aliases,
        "reverse_proxies": inputs.proxies,
        "aegir-templates": inputs.templates,
        "isolation": inputs.isolation,
        "cron": inputs.cron,
        "limits": inputs.limits,
    }


def _php(had: limits.PhpInputs, has: limits.PhpInputs) -> Iterator[str]:
    for key in _differing(had.to_props(), has.to_props()):
        if key == "values":
            yield from (f"values.{name}" for name in _differing(had.values, has.values))
        else:
            yield key


def _differing(had: Mapping[str, Any] | None, has: Mapping[str, Any] | None) -> list[str]:
    had, has = had or {}, has or {}
    return [key for key in had.keys() | has.keys() if normal(had.get(key)) != normal(has.get(key))]


def refuse_broken(
    process: Process, conn: Connection, server: WebServer, asked: Mapping[answered.Site, Collection[Place]], holder: str
) -> tuple[list[answered.Site], list[answered.Site], Refused | None]:
    """Ask sites after a change of their configuration, and restore the former one where a site does not answer.

    Args:
        process: what this process remembers.
        conn: the web server.
        server: its program.
        asked: the sites, with the places there at which they answered before.
        holder: who works on the machine.

    Returns:
        The sites that answer as they are configured now, those that answer as they were before, and the error to raise,
        where there is one.
    """
    failing = answered.broken(asked)
    broken = [site for site in asked if any(place in failing for place in asked[site])]
    if not failing:
        return list(asked), [], None
    restored, why = _restore(process, conn, server, broken, holder)
    settling.wait(process, [site.site for site in restored])
    # A master of a pack restores the settings of its slaves, at the same time.
    still = answered.broken({site: asked[site] for site in restored}) if restored else {}
    well = [site for site in restored if not any(place in still for place in asked[site])]
    said = [f"{answered.table(failing, 'this change of their configuration')}"]
    for site, keys in restored.items():
        what = f" Changed since it answered: {', '.join(keys.split())}." if keys.strip() else ""
        ends = "and the site answers again" if site in well else "and the site does not answer with that either"
        said.append(f"The former configuration of {_host(asked[site])} is back on {conn.host}, {ends}.{what}")
    if why:
        said.append(f"Their former configuration could not be restored: {why}")
    unrestored = [_host(asked[site]) for site in broken if site not in restored]
    if unrestored and not why:
        said.append(f"This change cannot be rolled back on {conn.host}: {', '.join(unrestored)}.")
    advice = (
        "docs/reference/messages.md says where each site's errors are; repair them or undo the edit, and run pulumi up"
    )
    text = " ".join(part if part.endswith(".") else f"{part}." for part in said)
    return [site for site in asked if site not in broken], well, Refused(conn.host, numbered(8554, f"{text} {advice}"))


def _host(places: Collection[Place]) -> str:
    return next(iter(places)).site


def _restore(
    process: Process, conn: Connection, server: WebServer, broken: Collection[answered.Site], holder: str
) -> tuple[dict[answered.Site, str], str]:
    """Restore what is kept of sites; give those that were restored with what had changed, and why it failed."""
    what = "restoring the former configuration of sites"
    # Known before it is done: the state has the new configuration, and the next run makes that again.
    for site in broken:
        Records(site.hub_root, UNFINISHED).put({"machine": []}, site.stack, CONFIGURATION, site.site)
    try:
        lines = former.restore_items([site.site for site in broken], server)
        facts = script.execute(conn, "apply", lines, what=what, holder=holder).facts
    except HostError as fault:
        return {}, str(fault)
    names = {site: former.fact_name(site.site) for site in broken}
    restored = {site: facts[name] for site, name in names.items() if name in facts}
    for site in (site for site in broken if site not in restored):
        Records(site.hub_root, UNFINISHED).drop(site.stack, CONFIGURATION, site.site)
    for site in restored:
        settling.written(process, site.site)
    return restored, ""


def proven(conn: Connection, sites: Collection[str], holder: str) -> None:
    """Forget how sites were configured before, on a web server where they answer as they are configured."""
    if sites:
        lines = former.drop_items(sites)
        script.execute(conn, "apply", lines, what="keeping the proven configuration of sites", holder=holder)
