"""Which sites get back their database of before an update by `database: restore`: asked at preview, and said in words."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from aegir_components import layout, settings
from aegir_components.inputs.database import SiteDatabaseInputs
from aegir_components.messages import numbered, text_of
from aegir_components.messages.printable import first_of
from aegir_components.mysql import client, copies
from aegir_components.recorded import Outputs, Recorded
from aegir_components.rollout import asked_back, exchange
from aegir_components.rollout.database_updates import steps_of
from aegir_components.sources.resolve import Resolved

NAMED: Final = 8
"""Sites that are named before "and 40 more"."""
Kept = Mapping[str, "Mapping[str, Any] | str | None"]
"""By site: what is known of its database of before, why nobody knows, or ``None`` where there is none."""


@dataclass(frozen=True, slots=True)
class Told:
    """What is said of the platforms that go back with their databases."""

    losses: list[str] = field(default_factory=list)
    """What does not come along."""
    undone: list[str] = field(default_factory=list)
    """Which databases are not restored; at ``pulumi up`` the platform's last step says it."""


def judge(
    before: Recorded,
    declared: settings.Settings,
    sources: Mapping[str, Resolved],
    waits: Mapping[str, Mapping[str, str]],
    ask: Callable[[Iterable[SiteDatabaseInputs]], Kept],
) -> Told:
    """Say which sites get back their database of before, and which do not.

    Args:
        before: the state of the last run.
        declared: the stack.
        sources: the platforms' code.
        waits: by platform, the sites that are held back when its release goes live.
        ask: asks databases.
    """
    told = Told()
    for name, platform in declared.platforms.items():
        had = before.of("aegir:Rollout").get(name, {})
        digest = sources[name].tree.digest if name in sources else ""
        if (
            platform.database != "restore"
            or not had
            or not digest
            or (had.get("restore") and had.get("digest") == digest)
        ):
            continue
        databases = {
            site.identity: SiteDatabaseInputs.from_props(before.of("aegir:SiteDatabase")[site.identity])
            for site in declared.sites_on(name)
            if site.identity in (had.get("sites") or {}) and before.of("aegir:SiteDatabase").get(site.identity)
        }
        kept = ask(databases.values())
        live = str(before.of("aegir:Release").get(name, {}).get("digest", ""))
        restored: list[str] = []
        for site in declared.sites_on(name):
            if site.identity not in databases:
                continue
            found = kept.get(site.identity)
            if isinstance(found, str):
                told.losses.append(
                    numbered(
                        2827,
                        f"{site.name}: nobody knows whether its database of before its update is kept: {found}. If it "
                        "is kept, the site may get it, and loses what was written since",
                    )
                )
                continue
            # Of a run that did not come to its end sites may still wait, which their web servers alone know.
            unsettled = had.get("digest") != live
            asked = asked_back.Asked(
                release=layout.release_path(platform.publish_path, digest),
                switched=live != digest,
                waits=unsettled or site.identity in waits.get(name, {}),
                pinned=site.release,
                enabled=site.state == "enabled",
                updates=bool(steps_of(declared, site)),
                kept=found,
            )
            why = asked_back.why_not(asked)
            if not why and found:
                restored.append(f"{site.name} (of {_when(found)})")
            elif why and not unsettled:
                told.undone.append(asked_back.not_restored(site.name, why, done=False)[0])
        if restored:
            told.losses.append(_loss(name, restored))
    return told


def ask_databases(sites: Iterable[SiteDatabaseInputs]) -> Kept:
    """Ask what is kept of databases of before, each server over one connection; one that is not proven is none."""
    servers: dict[client.Endpoint, list[SiteDatabaseInputs]] = {}
    for site in sites:
        servers.setdefault(site.where, []).append(site)
    found: dict[str, Mapping[str, Any] | str | None] = {}
    for server, of_it in servers.items():
        try:
            with client.connect(server) as session:
                for site in of_it:
                    record = copies.record_in(session, site.wanted, layout.before_name(site.site))
                    found[site.site] = None if record is None or record.get(exchange.RUNNING) else record
        except client.DatabaseError as fault:
            found |= {site.site: text_of(fault) for site in of_it}
    return found


def _when(record: Outputs) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(int(record.get("made", 0))))


def _loss(platform: str, sites: list[str]) -> str:
    get, they, their = ("gets", "It", "its") if len(sites) == 1 else ("get", "They", "their")
    answers = "answers" if len(sites) == 1 else "answer"
    return numbered(
        2826,
        f'aegir:platforms["{platform}"].database: {first_of(sites, NAMED)} {get} back the database of before {their} '
        f"update. What was written since then is lost to the site; a proven dump of it lies on the hub before that. "
        f"{they} {answers} 503 meanwhile",
    )
