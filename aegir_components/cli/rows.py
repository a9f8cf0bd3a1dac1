"""What a status says: a row for each server, platform and site, from the state and from what machines said. Pure."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from aegir_components import layout
from aegir_components.deploy.holding import Held
from aegir_components.inputs.platform import RolloutInputs
from aegir_components.messages.printable import readable

from . import finding
from . import kept as backups
from .finding import Kind, is_of
from .kept import Kept
from .live import Seen, faults_of_sites, keeper
from .made import Release, Server, Site
from .output import NARROW
from .state import State


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerRow:
    """A server."""

    name: str
    address: str
    services: tuple[str, ...]
    faults: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class PlatformRow:
    """A platform."""

    name: str
    code: str
    """Application and version."""
    release: str
    revision: str
    servers: tuple[str, ...]
    sites: int
    faults: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class SiteRow:
    """A site."""

    name: str
    url: str
    platform: str
    release: str
    state: str
    """``enabled`` or ``disabled``."""
    certificate_ends: str
    """A day; empty for a site without TLS."""
    certificate_days: int | None
    asked: bool
    """Whether it is health-checked; with ``health: false``, and while its database is empty, it is not."""
    last_cron: str
    """A moment, ``off``, ``not known``, or empty where nobody was asked."""
    faults: tuple[str, ...]
    last_backup: str = ""
    """When the last proven backup began, with its age; ``never``, ``off``, or empty in a stack without backups."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Status:
    """A stack."""

    stack: str
    live: bool
    """Whether the machines were asked."""
    pending: tuple[str, ...]
    """What a run had begun that did not come to its end."""
    hub: tuple[str, ...] = ()
    """What is wrong on the hub itself."""
    servers: tuple[ServerRow, ...] = ()
    platforms: tuple[PlatformRow, ...] = ()
    sites: tuple[SiteRow, ...] = field(default=())
    before: tuple[str, ...] = ()
    """Databases of before an update that are kept, in sentences."""

    @property
    def well(self) -> bool:
        """Whether nothing is wrong."""
        rows: list[Any] = [*self.servers, *self.platforms, *self.sites]
        return not self.pending and not self.hub and not any(row.faults for row in rows)

    def plain(self) -> dict[str, Any]:
        """Give it for JSON."""
        return {"well": self.well, **asdict(self)}


def status(
    state: State,
    seen: Mapping[str, Seen] | None,
    today: date,
    kept: Mapping[str, Kept] | None = None,
    hub: Sequence[str] = (),
) -> Status:
    """Put a status together.

    Args:
        state: what was made.
        seen: what the machines said; ``None`` when they were not asked.
        today: for the days that certificates are good for.
        kept: what is known of the sites' backups.
        hub: what is wrong on the hub itself.
    """
    said = faults_of_sites(seen) if seen is not None else {}
    return Status(
        stack=state.stack,
        live=seen is not None,
        pending=state.pending,
        hub=tuple(hub),
        servers=tuple(_server(state, server, seen) for server in state.servers.values()),
        platforms=tuple(_platform(state, release, said) for release in state.releases.values()),
        sites=tuple(
            _site(state, site, seen, said, today, backups.of(kept, site.name)) for site in state.sites.values()
        ),
        before=tuple(_kept_before(state, seen or {})),
    )


def _server(state: State, server: Server, seen: Mapping[str, Seen] | None) -> ServerRow:
    services = []
    if server.web is not None:
        services.append(server.served(lambda made: f"{made.type}{f', PHP {made.php}' if made.php else ''}", ""))
    if server.database is not None:
        services.append(_database(server.stored(lambda made: made.version, "")))
    faults = [] if server.made else ["never came up"]
    faults += [*_drift(state, ("Machine", "Names", "WebService", "DatabaseService", "ManagedDatabase"), server.name)]
    faults += seen[server.name].faults if seen else []
    return ServerRow(name=server.name, address=server.address, services=tuple(services), faults=tuple(faults))


def _database(version: str) -> str:
    """Say what a database server is, from what it calls itself: ``10.11.6-MariaDB-0+deb12u1``, ``8.0.36``."""
    number = re.match(r"[\d.]+", version)
    return f"{'MariaDB' if 'MariaDB' in version else 'MySQL'} {number[0] if number else version}".strip()


def _platform(state: State, release: Release, said: Mapping[str, Sequence[str]]) -> PlatformRow:
    sites = state.sites_on(release.platform)
    broken = [site.name for site in sites if not all(is_of(text, Kind.CLOSED) for text in said.get(site.name, ()))]
    return PlatformRow(
        name=release.platform,
        code=f"{release.application} {release.version}".strip(),
        release=release.name,
        revision=release.revision,
        servers=release.members,
        sites=len(sites),
        faults=(
            *_drift(state, ("Release",), release.platform),
            *_not_all(state, release),
            *(f"{name} does not work" for name in broken),
        ),
    )


def _not_all(state: State, release: Release) -> Iterator[str]:
    """Say that the last run has not brought all sites of a platform to its release."""
    rollout = state.rollouts.get(release.platform)
    if rollout is not None and rollout.read(RolloutInputs, lambda made: made.digest) != release.digest:
        yield "not all of its sites have come to this release: pulumi up tries again, and --live says which and why"
    yield from state.drift.get(("Rollout", release.platform), ())


def _kept_before(state: State, seen: Mapping[str, Seen]) -> Iterator[str]:
    names = {layout.database_name(site.identity): site.name for site in state.sites.values()}
    for server, found in seen.items():
        for kept in found.before:
            made = datetime.fromtimestamp(kept.made, tz=UTC)
            yield (
                f"{server} keeps the database of {names.get(kept.of, kept.of)} of before its update on "
                f"{made:%Y-%m-%d %H:%M} UTC, {readable(kept.size)}"
            )


def _held(site: Site, seen: Mapping[str, Seen] | None) -> Held | None:
    """Give the release of its own that a site is on, as its web servers say."""
    found = (seen[name].held.get(site.identity) for name in site.members if name in seen) if seen else ()
    return next((entry for entry in found if entry is not None), None)


def _held_back(held: Held) -> str:
    since = datetime.fromtimestamp(held.since, tz=UTC)
    return f"held back on this release since {since:%Y-%m-%d %H:%M} UTC: {held.reason}"


def _site(
    state: State,
    site: Site,
    seen: Mapping[str, Seen] | None,
    said: Mapping[str, Sequence[str]],
    today: date,
    kept: Kept,
) -> SiteRow:
    release = state.releases.get(site.platform)
    ends = site.certificate_ends
    days = (date.fromisoformat(ends) - today).days if ends else None
    faults = [] if site.installation is not None else ["never came up"]
    faults += _drift(state, ("Installation", "SiteConfiguration", "SiteDatabase"), site.identity)
    if days is not None and days < 0:
        faults.append(f"its certificate ended on {ends}")
    faults += said.get(site.name, ())
    faults += [finding.backup(kept.fault)] if kept.fault else []
    last, held = "", _held(site, seen)
    if held is not None and held.kind != "pinned" and site.enabled:
        faults.append(_held_back(held))
    if seen is not None:
        last, fault = _cron(site, seen)
        faults += [fault] if fault else []
    return SiteRow(
        name=site.name,
        url=site.url,
        platform=site.platform,
        release=held.release.rpartition("/")[2] if held else release.name if release else "",
        state="enabled" if site.enabled else "disabled",
        certificate_ends=ends,
        certificate_days=days,
        asked=site.asked_for,
        last_cron=last,
        faults=tuple(faults),
        last_backup=kept.last,
    )


def _cron(site: Site, seen: Mapping[str, Seen]) -> tuple[str, str]:
    where = keeper(site)
    if not where:
        return "off", ""
    known = seen[where].crons.get(site.name) if where in seen else None
    if known is None:
        # Its machine's own row says why.
        return "unknown", ""
    last = f"{known.last:%Y-%m-%d %H:%M}" if known.last else "not known"
    return last, f"{where}: {known.fault}" if known.fault else ""


def _drift(state: State, kinds: Iterable[str], name: str) -> Iterator[str]:
    for kind in kinds:
        yield from (finding.drift(text) for text in state.drift.get((kind, name), ()))


def table(head: Sequence[str], rows: Sequence[Sequence[str]], columns: int | None = None) -> list[str]:
    """Lay texts out in columns; the last one is as long as it is.

    Args:
        head: the columns' names.
        rows: what is below them.
        columns: of the terminal; ``None`` asks the terminal, and 0 stands for a file. In a narrow one that the columns do not
            fit into, each row is a block of lines.
    """
    widths = [max(len(row[at]) for row in [head, *rows]) for at in range(len(head) - 1)]
    if columns is None:
        columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    if 0 < columns < NARROW and sum(widths) + 2 * len(widths) + len(head[-1]) > columns:
        return [line for row in rows for line in _block(head, row)]
    return ["  ".join([*(text.ljust(width) for text, width in zip(row, widths, strict=False)), row[-1]]).rstrip()
            for row in [head, *rows]]  # fmt: skip


def _block(head: Sequence[str], row: Sequence[str]) -> Iterator[str]:
    yield row[0]
    width = max(map(len, head[1:]))
    yield from (
        f"  {name.ljust(width)}  {text}" for name, text in zip(head[1:], row[1:], strict=False) if text not in {"", "-"}
    )


def tables(found: Status) -> list[str]:
    """Write a status as tables."""
    lines = []
    if found.servers:
        rows = [(row.name, row.address, "; ".join(row.services) or "-", health(row.faults)) for row in found.servers]
        lines += [*table(("SERVER", "ADDRESS", "SERVICES", "HEALTH"), rows), ""]
    if found.platforms:
        code = [(row.name, row.code, row.release, row.revision.removeprefix("sha256:")[:12] or "-", str(row.sites),
                 health(row.faults)) for row in found.platforms]  # fmt: skip
        lines += [*table(("PLATFORM", "CODE", "RELEASE", "REVISION", "SITES", "HEALTH"), code), ""]
    lines += _sites(found.sites)
    lines += [f"The hub: {text}." for text in found.hub]
    lines += [f"{text}." for text in found.before]
    lines += [f"A run ended in the middle of {text}." for text in found.pending]
    return lines or ["Nothing was made yet."]


def _sites(sites: Sequence[SiteRow]) -> list[str]:
    if not sites:
        return []
    head = ["SITE", "PLATFORM", "RELEASE", "CERTIFICATE", "LAST CRON (UTC)", "LAST PROVEN BACKUP", "HEALTH"]
    lines = [
        [row.name, row.platform, row.release, _ends(row), row.last_cron or "-", row.last_backup or "-", _health(row)]
        for row in sites
    ]
    if not any(row.last_backup for row in sites):
        head, lines = [*head[:5], head[6]], [[*line[:5], line[6]] for line in lines]
    return [*table(head, lines), ""]


def health(faults: Sequence[str]) -> str:
    """Say how something is in one cell."""
    return "; ".join(faults) or "ok"


def _health(row: SiteRow) -> str:
    said = health(row.faults) if row.faults or row.asked else "not asked for"
    return said if row.state == "enabled" else f"{row.state}, {said}"


def _ends(row: SiteRow) -> str:
    return f"{row.certificate_ends} ({row.certificate_days} days)" if row.certificate_ends else "-"


def today() -> date:
    """Give the day, where certificates' ends are counted from."""
    return datetime.now(tz=UTC).date()
