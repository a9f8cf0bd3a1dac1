"""What needs a person now, worst first; and what has changed since the last report. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final, Literal

from aegir_components.messages.printable import first_of

from . import finding, survey
from .finding import Kind, is_of
from .survey import PlatformFacts, ServerFacts, SiteFacts, Survey

Level = Literal["down", "security", "soon", "look"]
LEVELS: Final[tuple[Level, ...]] = ("down", "security", "soon", "look")
CERTIFICATE_DAYS: Final = 14
FULL: Final = 0.1
"""The part of a file system below which its room is short."""
OLD_LISTS: Final = 7 * 86_400
"""Seconds after which a machine's lists of packages say little."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Need:
    """Something that needs a person."""

    level: Level
    subject: str
    text: str
    advice: str


def of(found: Survey) -> list[Need]:
    """List what needs a person, worst first."""
    today = datetime.fromtimestamp(found.at, UTC).date()
    listed = [
        *(need for site in found.sites for need in _site(site, today)),
        *(need for server in found.servers for need in _server(server, found.at)),
        *(need for platform in found.platforms for need in _platform(platform)),
        *(Need(level="look", subject=found.stack, text=f"a run ended in the middle of {text}", advice="run pulumi up")
          for text in found.pending),
    ]  # fmt: skip
    if found.mirror_at is None:
        advice = "aegir advisories fetch fills the mirror"
        listed.append(
            Need(level="look", subject=found.stack, text="nothing is known of security updates", advice=advice)
        )
    return sorted(listed, key=lambda need: (LEVELS.index(need.level), need.subject))


def _site(site: SiteFacts, today: date) -> Iterator[Need]:
    for text in finding.words(site.health, Kind.CLOSED):
        yield Need(level="look", subject=site.name, text=text, advice=f"aegir open {site.name}")
    down = [text for text in site.health if not is_of(text, Kind.CLOSED)]
    if down:
        yield Need(
            level="down",
            subject=site.name,
            text="; ".join(down),
            advice=f"aegir check {site.name}; aegir logs {site.name}",
        )
    if site.certificate_days is not None and site.certificate_days <= CERTIFICATE_DAYS:
        level: Level = "down" if site.certificate_days < 0 else "soon"
        text = f"its certificate ends on {site.certificate_ends}"
        yield Need(
            level=level, subject=site.name, text=text, advice="run pulumi up, which renews it, or declare another one"
        )
    left = survey.days_until(site.php_ends, today)
    if left is not None and left < 0 and site.state == "enabled":
        text = f"PHP {site.php} has had no fixes of its authors since {site.php_ends}"
        yield Need(level="soon", subject=site.name, text=text, advice="choose a newer version by php.version")
    if site.held:
        yield Need(
            level="look",
            subject=site.name,
            text=f"it is not on its platform's release ({site.held})",
            advice="run pulumi up",
        )
    if site.updates:
        text = f"its database lacks {len(site.updates)} updates: {', '.join(site.updates)}"
        yield Need(level="soon", subject=site.name, text=text, advice=f"aegir update {site.name}")
    if site.drift:
        advice = "pulumi preview --refresh --diff shows it, pulumi up repairs it"
        yield Need(level="look", subject=site.name, text=f"changed by hand: {'; '.join(site.drift)}", advice=advice)
    if site.backup_fault:
        yield Need(level="soon", subject=site.name, text=site.backup_fault, advice=f"aegir backups --site {site.name}")


def _server(server: ServerFacts, at: int) -> Iterator[Need]:
    if server.faults:
        yield Need(level="down", subject=server.name, text="; ".join(server.faults), advice="check the machine")
    known = server.facts
    if known is None:
        return
    for room in known.rooms:
        if room.size and room.free / room.size < FULL:
            text = f"{room.mount} has {100 * room.free / room.size:.0f} % free"
            yield Need(level="soon", subject=server.name, text=text, advice="aegir disk; aegir prune")
    if known.security_packages:
        text = f"{known.security_packages} packages have updates for security"
        yield Need(level="security", subject=server.name, text=text, advice="apt-get upgrade on the machine")
    elif known.lists_at and at - known.lists_at > OLD_LISTS:
        text = f"its lists of packages are of {survey.day(known.lists_at)}, so pending updates are not known"
        yield Need(level="look", subject=server.name, text=text, advice="apt-get update on the machine")
    if known.reboot:
        yield Need(
            level="look",
            subject=server.name,
            text="an installed update waits for a restart",
            advice="restart the machine",
        )
    if known.load > 2 * known.processors:
        text = f"the load is {known.load:.1f} on {known.processors} processors"
        yield Need(level="soon", subject=server.name, text=text, advice="aegir top --sort time")


def _platform(platform: PlatformFacts) -> Iterator[Need]:
    urgent = [finding for finding in platform.findings if finding.level == "security"]
    if urgent:
        first = min((finding.since for finding in urgent if finding.since), default="")
        names = first_of(
            [f"{finding.part.name} {finding.part.version} to {finding.to or '?'}" for finding in urgent], 3
        )
        since = f", since {first}" if first else ""
        text = f"{len(urgent)} security updates for {platform.sites} sites{since}: {names}"
        yield Need(
            level="security", subject=platform.name, text=text, advice="put them into the platform's source; pulumi up"
        )
    gone = [finding for finding in platform.findings if finding.level == "unsupported"]
    if gone:
        names = ", ".join(f"{finding.part.name} {finding.part.version}" for finding in gone[:3])
        text = f"{len(gone)} parts are not supported any more: {names}{' and others' if len(gone) > 3 else ''}"
        yield Need(
            level="look", subject=platform.name, text=text, advice=f"aegir updates; {gone[0].to or 'replace them'}"
        )
    if platform.faults:
        yield Need(
            level="look",
            subject=platform.name,
            text="; ".join(platform.faults),
            advice="pulumi preview --refresh --diff",
        )


def remembered(found: Survey, needs: list[Need]) -> dict[str, Any]:
    """Give what a report remembers for the next one."""
    return {
        "sites": {site.name: [site.code, site.release, site.state, bool(site.health)] for site in found.sites},
        "servers": sorted(server.name for server in found.servers),
        "needs": sorted({f"{need.subject}: {need.text}" for need in needs}),
        "reported": found.at,
    }


def changes(before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> list[str]:
    """Say what has changed since the last report."""
    if not before:
        return []
    had, has = before.get("sites") or {}, now["sites"]
    found = [f"{name}: new" for name in sorted(has.keys() - had.keys())]
    found += [f"{name}: gone" for name in sorted(had.keys() - has.keys())]
    for name in sorted(has.keys() & had.keys()):
        code, release, state, ill = had[name]
        code_now, release_now, state_now, ill_now = has[name]
        if code != code_now:
            found.append(f"{name}: {code} became {code_now}")
        elif release != release_now:
            found.append(f"{name}: another release of {code_now}, {release_now}")
        if state != state_now:
            found.append(f"{name}: {state} became {state_now}")
        if ill != ill_now:
            found.append(f"{name}: {'does not answer as it should any more' if ill_now else 'is well again'}")
    servers, servers_now = set(before.get("servers") or ()), set(now["servers"])
    found += [f"{name}: new server" for name in sorted(servers_now - servers)]
    found += [f"{name}: server gone" for name in sorted(servers - servers_now)]
    known, known_now = set(before.get("needs") or ()), set(now["needs"])
    found += [f"new: {text}" for text in sorted(known_now - known)]
    found += [f"done: {text}" for text in sorted(known - known_now)]
    return found
