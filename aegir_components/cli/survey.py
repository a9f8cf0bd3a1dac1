"""All that there is to say of a stack: from its state, one round trip to each machine, and what the hub keeps."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

from aegir_components.advisories.findings import Finding
from aegir_components.advisories.mirror import Mirror
from aegir_components.facts import machine_facts
from aegir_components.facts.machine_facts import Facts
from aegir_components.messages import around
from aegir_components.preview.php_ends import ENDS

from . import audit, finding, history, kept, lacking, live, rows, updates, usage
from .ends import Refusal, tell
from .finding import Kind, is_of
from .made import Site
from .stack import Stack
from .state import OURS, State

NO_CHANGE: Final = frozenset({"check", "backup", "backups", "login"})
"""Commands that leave a line in the history and change nothing of a site."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SiteFacts:
    """A site, as the report has it."""

    name: str
    url: str
    client: str
    platform: str
    code: str
    """Application and version."""
    release: str
    release_since: str
    """When the platform's release went live: a day."""
    held: str
    """Why the site is not on that release; empty where it is."""
    security: int
    """Security updates pending for its platform."""
    security_since: str
    state: str
    health: tuple[str, ...]
    """What is wrong; empty for nothing."""
    probed: bool
    certificate_ends: str
    certificate_days: int | None
    cron: str
    php: str
    php_ends: str
    drift: tuple[str, ...]
    size: int | None
    """Bytes, of the last sample."""
    growth: int | None
    """Bytes in 30 days."""
    sizes: tuple[int, ...]
    """Of the last samples, oldest first, for a chart."""
    changed: str
    """Who changed it last, with what and when; empty where nobody did."""
    backup: str = ""
    """When its last proven backup began; empty where no plan is declared."""
    backup_fault: str = ""
    updates: tuple[str, ...] | None = None
    """Updates that its database lacks; ``None`` where nobody asked or nobody knows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerFacts:
    """A server."""

    name: str
    address: str
    services: tuple[str, ...]
    faults: tuple[str, ...]
    facts: Facts | None
    """``None`` where it did not answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlatformFacts:
    """A platform."""

    name: str
    code: str
    release: str
    release_since: str
    servers: tuple[str, ...]
    sites: int
    faults: tuple[str, ...]
    findings: tuple[Finding, ...]
    unknown: int
    parts: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """A stack."""

    stack: str
    at: int
    """Seconds since 1970, when it was asked."""
    seconds: float
    """How long that took."""
    state_at: str
    """When the state was written last."""
    mirror_at: float | None
    """When the oldest list of the advisories was fetched; ``None`` for none."""
    sizes_at: int | None
    """When the sizes were sampled."""
    pending: tuple[str, ...]
    sites: tuple[SiteFacts, ...]
    platforms: tuple[PlatformFacts, ...]
    servers: tuple[ServerFacts, ...]
    groups: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    """Clusters and packs: kind, name, members with what is to be said of each."""


def take(stack: Stack, *, probe: bool, limit: float, database_updates: bool = False) -> Survey:
    """Ask everything once.

    Args:
        stack: the stack.
        probe: whether the sites are asked for, past caches.
        limit: seconds for each machine.
        database_updates: whether databases are asked which updates they lack.
    """
    begun = time.time()
    exported = stack.engine.state(stack.name)
    state = State.read(stack.name, exported)
    root = audit.root_of(state)
    seen = live.ask(state, limit=limit, tell=tell, also=lambda _name: machine_facts.items(), probe=probe)
    facts = {name: machine_facts.read(each.facts) for name, each in seen.items()}
    backups, unread = kept.of_stack(stack, state)
    status = rows.status(state, seen, rows.today(), backups, [unread] if unread else [])
    parts, _ = updates.parts_of(state)
    mirror = Mirror(directory=updates.place(root))
    pending = {name: updates.pending(state, state.releases[name], listed, mirror) for name, listed in parts.items()}
    samples = usage.Samples(root, state.stack).known()
    since = _since(exported)
    clients, groups = _declared(stack, state, facts)
    changed = _changes(root, state, stack)
    held = {site: each for found in seen.values() for site, each in found.held.items()}
    on = {site: each.release.rpartition("/")[2] for site, each in held.items()}
    lacks = lacking.of_stack(stack, on) if database_updates else {}
    by_name = {row.name: row for row in status.sites}

    def site(each: Site) -> SiteFacts:
        row, waiting = by_name[each.name], pending.get(each.platform)
        urgent = [finding for finding in waiting.findings if finding.level == "security"] if waiting else []
        version = _php(each, state)
        sizes = [int(sample["sites"][each.name]) for sample in samples if each.name in sample["sites"]]
        saved = kept.of(backups, each.name)
        release = state.releases.get(each.platform)
        stays = held.get(each.identity)
        return SiteFacts(
            name=each.name, url=each.url, client=clients.get(each.identity, ""), platform=each.platform,
            code=f"{release.application} {release.version}" if release else "", release=row.release,
            release_since=since.get(("Release", each.platform), ""),
            held=f"{stays.kind}: {stays.reason}" if stays else "", security=len(urgent),
            security_since=min((finding.since for finding in urgent if finding.since), default=""), state=row.state,
            health=tuple(text for text in row.faults if not (is_of(text, Kind.DRIFT) or is_of(text, Kind.BACKUP))),
            probed=probe and each.asked_for, certificate_ends=row.certificate_ends, certificate_days=row.certificate_days,
            cron=row.last_cron, php=version, php_ends=ENDS.get(version, ""),
            drift=finding.words(row.faults, Kind.DRIFT),
            size=sizes[-1] if sizes else None,
            growth=usage.growth(samples, each.name, sizes[-1], int(samples[-1]["at"])) if sizes else None,
            sizes=tuple(sizes[-30:]), changed=changed.get(each.name, changed.get("", "")),
            backup="" if saved.last == "off" else saved.last, backup_fault=saved.fault,
            updates=lacks.get(each.name),
        )  # fmt: skip

    return Survey(
        stack=state.stack, at=int(begun), seconds=round(time.time() - begun, 1), state_at=since.get(("", ""), ""),
        mirror_at=mirror.oldest, sizes_at=int(samples[-1]["at"]) if samples else None, pending=state.pending,
        sites=tuple(site(each) for each in state.sites.values()),
        platforms=tuple(
            PlatformFacts(
                name=row.name, code=row.code, release=row.release, release_since=since.get(("Release", row.name), ""),
                servers=row.servers, sites=row.sites, faults=row.faults,
                findings=pending[row.name].findings if row.name in pending else (),
                unknown=pending[row.name].unknown if row.name in pending else 0,
                parts=pending[row.name].parts if row.name in pending else 0,
            )
            for row in status.platforms
        ),
        servers=tuple(
            ServerFacts(name=row.name, address=row.address, services=row.services, faults=row.faults, facts=facts.get(row.name))
            for row in status.servers
        ),
        groups=groups,
    )  # fmt: skip


def _since(exported: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    """Give the day on which each resource was changed last; of no kind and no name, that of the state."""
    deployment = exported.get("deployment") or {}
    found = {("", ""): str((deployment.get("manifest") or {}).get("time", ""))[:16].replace("T", " ")}
    for resource in deployment.get("resources") or ():
        kind, name = str(resource.get("type", "")), str(resource.get("urn", "")).rpartition("::")[2]
        if kind.startswith(OURS) and resource.get("modified"):
            found[kind.rpartition(":")[2], name] = str(resource["modified"])[:10]
    return found


def _php(site: Site, state: State) -> str:
    for name in sorted(site.members):
        own = site.configured(lambda made: made.php, {}).get(name)
        usual = state.servers[name].served(lambda made: made.php, "") if name in state.servers else ""
        return (own.version if own else "") or usual
    return ""


def _declared(
    stack: Stack, state: State, facts: Mapping[str, Facts | None]
) -> tuple[dict[str, str], tuple[tuple[str, str, tuple[str, ...]], ...]]:
    """Read from what is declared whose each site is, and which servers are together."""
    try:
        drawn = stack.drawn(state)
    except Refusal as fault:
        # It is being edited now; what the state says can be reported all the same.
        tell(around(fault, f"clients, clusters and packs are left out: {fault}"))
        return {}, ()
    clients = {site.identity: site.client for site in drawn.sites.values() if site.client}
    clusters = [("cluster", name, tuple(each.servers)) for name, each in drawn.clusters.items()]
    packs = [
        (
            "pack",
            name,
            tuple(_of_pack(each, each == pack.master, facts.get(each)) for each in (pack.master, *pack.slaves)),
        )
        for name, pack in drawn.packs.items()
    ]
    return clients, (*clusters, *packs)


def _of_pack(server: str, master: bool, facts: Facts | None) -> str:
    if master:
        return f"{server} (master)"
    if facts is None:
        return f"{server} (not known)"
    return f"{server} (mounts {', '.join(facts.mounts)})" if facts.mounts else f"{server} (mounts nothing)"


def _changes(root: Path, state: State, stack: Stack) -> dict[str, str]:
    """Say who changed each site last, by the hub's lines; of no name, who ran Pulumi last."""
    entries, known = list(audit.entries(root)), state.by_identity
    found: dict[str, tuple[int, str]] = {}
    for entry in entries:
        if entry.stack == state.stack and entry.command.partition(" ")[0] not in NO_CHANGE:
            for site in history.sites_of(entry, state, known):
                found[site.name] = max(found.get(site.name, (0, "")), (entry.at, f"{entry.who}: {entry.command}"))
    events = list(history.of_runs([stack.engine.last_run(stack.name)], entries, state.stack))
    for event in events:
        for name in ("", *state.sites):
            found[name] = max(found.get(name, (0, "")), (event.at, f"{event.who}: {event.what}"))
    return {name: f"{text}, {day(at)}" for name, (at, text) in found.items() if text}


def day(at: float) -> str:
    """Write a day, in UTC."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"


def days_until(text: str, today: date) -> int | None:
    """Count the days until a day; ``None`` where there is none."""
    return (date.fromisoformat(text) - today).days if text else None


def of_client(survey: Survey, client: str) -> Sequence[SiteFacts]:
    """Give the sites of a client."""
    return [site for site in survey.sites if site.client == client]
