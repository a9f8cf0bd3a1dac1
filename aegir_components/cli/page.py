"""The report as one HTML file: no script, nothing from elsewhere; for a screen, a phone, the dark and a printer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from importlib import resources
from typing import Final

from aegir_components.messages.printable import printable, size

from .moments import age, utc
from .needs import Need
from .survey import PlatformFacts, ServerFacts, SiteFacts, Survey

LONGEST: Final = 400
"""Characters of what a machine said."""
POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
WORDS: Final = {"down": "down", "security": "security", "soon": "soon", "look": "have a look"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """What is on a page."""

    found: Survey
    needs: Sequence[Need]
    changes: Sequence[str]
    """Since the last report."""
    before: float | None
    """When that was."""
    client: str = ""
    """Whose page it is; empty for the operator's."""


def render(page: Page) -> str:
    """Write the page."""
    return "\n".join(_document(page)) + "\n"


def _document(page: Page) -> Iterator[str]:
    found = page.found
    title = f"Sites of {page.client}" if page.client else f"Report of {found.stack}"
    yield "<!DOCTYPE html>"
    yield '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
    yield '<meta name="color-scheme" content="light dark">'
    # Whatever a machine might have brought in, nothing of it runs or is loaded.
    yield f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    yield f"<title>{_text(title)}</title><style>{_style()}</style></head><body>"
    yield f"<header><h1>{_text(title)}</h1><p class=s>{utc(found.at)} UTC. {_ages(found)}</p></header>"
    yield from _navigation(page)
    yield "<main>"
    yield from _needs(page)
    yield from _changes(page)
    clients = sorted({site.client for site in found.sites})
    for client in clients:
        yield from _sites(
            page, client, [site for site in found.sites if site.client == client], several=len(clients) > 1
        )
    if not page.client:
        yield from _platforms(found.platforms, known=found.mirror_at is not None)
        yield from _servers(found.servers)
        yield from _groups(found)
    yield "</main></body></html>"


def _style() -> str:
    text = resources.files(__package__).joinpath("report.css").read_text(encoding="utf-8")
    return " ".join(text.split())


def _ages(found: Survey) -> str:
    parts = [f"Machines were asked in {found.seconds:g} s"]
    parts += [f"the state is of {found.state_at} UTC"] if found.state_at else []
    parts.append(
        f"advisories are {age(found.at - found.mirror_at)} old" if found.mirror_at else "advisories were never fetched"
    )
    parts.append(
        f"sizes are {age(found.at - found.sizes_at)} old" if found.sizes_at else "sizes were never sampled (aegir disk)"
    )
    return _text("; ".join(parts) + ".")


def _navigation(page: Page) -> Iterator[str]:
    links = [("needs", "What needs a person")]
    links += [("changes", "Since the last report")] if page.changes else []
    clients = sorted({site.client for site in page.found.sites})
    if len(clients) > 1:
        links += [(_anchor(client), client or "Sites without a client") for client in clients]
    else:
        links += [(_anchor(client), "Sites") for client in clients]
    links += [] if page.client else [("platforms", "Platforms"), ("servers", "Servers")]
    items = "".join(f'<li><a href="#{anchor}">{_text(name)}</a></li>' for anchor, name in links)
    yield f'<nav aria-label="Parts of this page"><ul>{items}</ul></nav>'


def _needs(page: Page) -> Iterator[str]:
    yield "<section aria-labelledby=needs><h2 id=needs>What needs a person</h2>"
    if page.needs:
        rows = [
            (f"<td><span class={need.level}>{WORDS[need.level]}</span></td>", f"<th scope=row>{_text(need.subject)}</th>",
             _cell("what", need.text), _cell("what helps", need.advice))
            for need in page.needs
        ]  # fmt: skip
        yield from _table("what needs a person", "Worst first", ("How much", "Whose", "What", "What helps"), rows)
    else:
        yield "<p class=ok>Nothing.</p>"
    yield "</section>"


def _changes(page: Page) -> Iterator[str]:
    if page.before is None:
        return
    yield "<section aria-labelledby=changes><h2 id=changes>Since the last report</h2>"
    yield f"<p class=s>That was on {utc(page.before)} UTC.</p>"
    listed = "".join(f"<li>{_text(text)}</li>" for text in page.changes)
    yield f"<ul>{listed}</ul>" if listed else "<p>Nothing has changed.</p>"
    yield "</section>"


SITE_HEAD: Final = tuple(
    "Site,Health,Version,Release since,Security,Certificate,Backup,Cron (UTC),PHP,Size,Last change".split(",")
)


def _sites(page: Page, client: str, sites: Sequence[SiteFacts], *, several: bool) -> Iterator[str]:
    anchor = _anchor(client)
    name = (client or "Sites without a client") if several else "Sites"
    yield f"<section aria-labelledby={anchor}><h2 id={anchor}>{_text(name)} ({len(sites)})</h2>"
    caption = "Each value is of the time above, unless it says its own"
    known = page.found.mirror_at is not None
    yield from _table(f"sites, {name}", caption, SITE_HEAD, [_site(each, known=known) for each in sites])
    yield "</section>"


def _site(site: SiteFacts, *, known: bool) -> Sequence[str]:
    if site.health:
        health = f"<span class=down>{_text('; '.join(site.health))}</span>"
    else:
        health = f"<span class=ok>well</span>{'' if site.probed else ' (not asked for)'}"
    extra = [site.state] if site.state != "enabled" else []
    extra += [f"held back ({site.held})"] if site.held else []
    extra += [f"{len(site.updates)} database updates pending"] if site.updates else []
    extra += [f"changed by hand: {'; '.join(site.drift)}"] if site.drift else []
    if extra:
        health += f" <span class=look>{_text('; '.join(extra))}</span>"
    security = _none(known=known)
    if site.security:
        security = f"<span class=security>{site.security}</span>{f' since {site.security_since}' if site.security_since else ''}"
    certificate = f"{site.certificate_ends} ({site.certificate_days} days)" if site.certificate_ends else "no TLS"
    return (
        f'<th scope=row><a href="{_text(site.url)}">{_text(site.name)}</a></th>',
        f'<td data-l="health">{health}</td>',
        _cell("version", site.code),
        _cell("release since", f"{site.release_since} ({site.release})"),
        f'<td data-l="security">{security}</td>',
        _cell("certificate", certificate),
        _cell("backup", site.backup_fault or site.backup or "no plan"),
        _cell("cron", site.cron or "-"),
        _cell("PHP", f"{site.php}, until {site.php_ends}" if site.php_ends else site.php or "-"),
        f'<td data-l="size">{_size(site)}</td>',
        _cell("last change", site.changed or "-"),
    )


def _none(*, known: bool) -> str:
    """Say that no update is pending, or that nobody knows: a mirror that was never fetched has no updates either."""
    return "none known" if known else "not known"


def _size(site: SiteFacts) -> str:
    if site.size is None:
        return "not sampled"
    grown = "" if site.growth is None else f", {'+' if site.growth >= 0 else '-'}{size(abs(site.growth))} in 30 days"
    return f"<span class=n>{size(site.size)}</span>{grown} {_chart(site.sizes)}"


def _chart(sizes: Sequence[int]) -> str:
    """Draw the sizes as a small line; what it says stands beside it, so it is nothing to those who hear the page."""
    if len(sizes) < 2:
        return ""
    low, high = min(sizes), max(sizes)
    points = " ".join(
        f"{60 * number / (len(sizes) - 1):.0f},{14 - (12 * (each - low) / (high - low) if high > low else 0):.0f}"
        for number, each in enumerate(sizes)
    )
    return f'<svg width=60 height=16 viewBox="0 0 60 16" aria-hidden=true><polyline points="{points}"/></svg>'


def _platforms(platforms: Sequence[PlatformFacts], *, known: bool) -> Iterator[str]:
    yield "<section aria-labelledby=platforms><h2 id=platforms>Platforms</h2>"
    rows = [
        (
            f"<th scope=row>{_text(each.name)}</th>", _cell("version", each.code),
            _cell("release since", f"{each.release_since} ({each.release})"), _cell("sites", str(each.sites)),
            _cell("servers", ", ".join(each.servers)),
            _cell("updates", "; ".join(
                f"{finding.level}: {finding.part.name} {finding.part.version}{f' to {finding.to}' if finding.to else ''}"
                f"{f' since {finding.since}' if finding.since else ''}"
                for finding in each.findings if finding.level != "update") or _none(known=known)),
            _cell("not known", f"{each.unknown} of {each.parts} parts"),
        )
        for each in platforms
    ]  # fmt: skip
    head = ("Platform", "Version", "Release since", "Sites", "Servers", "Security and support", "Not in the mirror")
    yield from _table("platforms", "With what is pending for their releases", head, rows)
    yield "</section>"


def _servers(servers: Sequence[ServerFacts]) -> Iterator[str]:
    yield "<section aria-labelledby=servers><h2 id=servers>Servers</h2>"
    rows = []
    for each in servers:
        known = each.facts
        rooms = (
            "; ".join(f"{room.mount} {size(room.free)} of {size(room.size)} free" for room in known.rooms)
            if known
            else ""
        )
        health = (
            f"<span class=down>{_text('; '.join(each.faults))}</span>" if each.faults else "<span class=ok>well</span>"
        )
        rows.append(
            (
                f"<th scope=row>{_text(each.name)}</th>", f'<td data-l="health">{health}</td>',
                _cell("services", ", ".join(each.services) or "-"),
                _cell("load", f"{known.load:.2f} on {known.processors}" if known else "not known"),
                _cell("memory", f"{size(known.memory_free)} of {size(known.memory)} free" if known else "not known"),
                _cell("disk", rooms or "not known"),
                _cell("packages", f"{known.security_packages} for security, {known.packages} in all" if known else "not known"),
                _cell("up", age(known.up) + (", restart needed" if known.reboot else "") if known else "not known"),
            )
        )  # fmt: skip
    head = ("Server", "Health", "Services", "Load", "Memory", "Disks", "Pending packages", "Up")
    yield from _table("servers", "As they answered", head, rows)
    yield "</section>"


def _groups(found: Survey) -> Iterator[str]:
    if not found.groups:
        return
    yield "<section aria-labelledby=groups><h2 id=groups>Clusters and packs</h2>"
    rows = [
        (f"<th scope=row>{_text(name)}</th>", _cell("kind", kind), _cell("members", ", ".join(members)))
        for kind, name, members in found.groups
    ]
    yield from _table("clusters and packs", "With what packs mount", ("Name", "Kind", "Members"), rows)
    yield "</section>"


def _table(label: str, caption: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    # A region that scrolls is one that the keyboard reaches, and each has a name of its own.
    yield f'<div class=r tabindex=0 role=region aria-label="Table: {_text(label)}"><table>'
    yield f"<caption>{_text(caption)}</caption>"
    yield "<thead><tr>" + "".join(f"<th scope=col>{_text(each)}</th>" for each in head) + "</tr></thead><tbody>"
    for row in rows:
        yield "<tr>" + "".join(row) + "</tr>"
    yield "</tbody></table></div>"


def _cell(label: str, text: str) -> str:
    return f'<td data-l="{label}">{_text(text)}</td>'


def _text(text: str) -> str:
    return escape(printable(text, keep="", longest=LONGEST))


def _anchor(client: str) -> str:
    return "client-" + ("".join(each if each.isascii() and each.isalnum() else "-" for each in client) or "none")
