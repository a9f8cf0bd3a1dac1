"""A site that does not answer after a change of its configuration gets the former one back, if that cannot lock it out.

What is restored is the settings file, the PHP pool and the vhost. An edit of the database, its password, the place of
the files or the code changes more than these. Former files would not fit, so such an edit is not rolled back.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from aegir_components.host import script
from aegir_components.host.connection import Connection
from aegir_components.host.errors import HostError, Refused
from aegir_components.hub_records import Records
from aegir_components.services import former
from aegir_components.services.web import WebServer

from . import answered, settling
from .answering import Place
from .lifecycle import UNFINISHED, State
from .raw import normal

_FILES: Final = frozenset(
    {"values", "php", "aliases", "redirect_aliases", "proxies", "templates", "isolation", "cron", "health", "limits"}
)
"""Inputs of a site's configuration that end in the files which are restored, or in none that a visitor meets."""
_BESIDE: Final = frozenset({"accounts", "hub_password", "made", "was", "drift", "revision"})
"""Inputs that no file of the site follows."""
_NAMES: Final = {"templates": "aegir-templates", "proxies": "reverse_proxies"}
"""What an input is called where it is not called as in the stack file."""
CONFIGURATION: Final = "site_config"
"""The module of a site's configuration, by which the hub knows unfinished work on it."""


def can_be_restored(want: State, was: State) -> bool:
    """Return whether the former files fit what a change leaves behind. Pure."""
    keys = (want.keys() | was.keys()) - _FILES - _BESIDE
    return bool(was) and all(normal(was.get(key)) == normal(want.get(key)) for key in keys if not key.startswith("__"))


def changed(want: State, was: State) -> list[str]:
    """Name what changes in a site's configuration, as the stack file calls it. Pure."""
    found = [
        _NAMES.get(key, key)
        for key in _FILES - {"values", "php", "health"}
        if normal(was.get(key)) != normal(want.get(key))
    ]
    before, now = (json.loads(str(props.get("values") or "{}")) for props in (was, want))
    for kind in ("settings", "config"):
        found += [f"{kind}.{key}" for key in _differing(before.get(kind), now.get(kind))]
    had, has = was.get("php") or {}, want.get("php") or {}
    for server in had.keys() | has.keys():
        found += [f"php.{key}" for key in _php(had.get(server) or {}, has.get(server) or {})]
    return sorted(set(found))


def _php(had: Mapping[str, Any], has: Mapping[str, Any]) -> Iterator[str]:
    for key in _differing(had, has):
        if key == "values":
            yield from (f"values.{name}" for name in _differing(had.get(key), has.get(key)))
        else:
            yield key


def _differing(had: Any, has: Any) -> list[str]:
    had, has = had or {}, has or {}
    return [key for key in had.keys() | has.keys() if normal(had.get(key)) != normal(has.get(key))]


def refuse_broken(
    conn: Connection, server: WebServer, asked: Mapping[answered.Site, Collection[Place]], holder: str
) -> tuple[list[answered.Site], list[answered.Site], Refused | None]:
    """Ask sites after a change of their configuration, and restore the former one where a site does not answer.

    Args:
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
    restored, why = _restore(conn, server, broken, holder)
    settling.wait(site.site for site in restored)
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
    return [site for site in asked if site not in broken], well, Refused(conn.host, f"{text} {advice}")


def _host(places: Collection[Place]) -> str:
    return next(iter(places)).site


def _restore(
    conn: Connection, server: WebServer, broken: Collection[answered.Site], holder: str
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
        settling.written(site.site)
    return restored, ""


def proven(conn: Connection, sites: Collection[str], holder: str) -> None:
    """Forget how sites were configured before, on a web server where they answer as they are configured."""
    if sites:
        lines = former.drop_items(sites)
        script.execute(conn, "apply", lines, what="keeping the proven configuration of sites", holder=holder)
