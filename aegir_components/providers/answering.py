"""Whether a change of a platform's code leaves every site answering that answered before it (docs/decisions, decision 16)."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from zlib import crc32

from aegir_components import applications, layout
from aegir_components.deploy import holding, release
from aegir_components.health import probe, serving
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import HostError
from aegir_components.remote.parallel import each
from aegir_components.scripts import script
from aegir_components.services import web

from . import settling

HOST_NAME = re.compile(r"[a-z0-9.-]{1,253}")
"""What a machine may call a site, as it becomes a header of a request."""
AT_ONCE = 16
"""Requests at a time: more than a small web server has cores, and fewer than it has PHP processes."""
ALONE = 3.0
"""Seconds for which nobody else is asked of a web server beside the first site. That one makes PHP compile the code. Asked at
once, each process would compile all of it. A hundred sites of WordPress on two servers would take 10 s of processor, not 7."""
AGAIN = settling.FRESH
"""Seconds before a site that does not answer is asked once more. PHP may go on with a file that it has read, and a process may
just have been started."""


@dataclass(frozen=True, order=True, slots=True)
class Place:
    """A site on one of its web servers."""

    site: str
    """Its host name."""
    server: str
    address: str
    port: int
    """Of plain HTTP."""


@dataclass(frozen=True, slots=True)
class Unproven:
    """A switch after which no run has asked the sites, as a machine has noted it."""

    former: str
    """The directory of the release that was live before."""
    answering: frozenset[str]
    """The host names of sites that answered with that."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The sites of a platform on its web servers."""

    places: list[Place]
    unproven: Mapping[str, Unproven]
    """By web server."""
    held: Mapping[str, holding.Held] = field(default_factory=dict)
    """The sites that are not on the live release, by what they are known by."""
    known: Mapping[str, str] = field(default_factory=dict)
    """What sites are known by, by host name; of those alone that can be held back on each of their web servers."""


def look(members: Mapping[str, Connection], registry: str, servers: Mapping[str, web.WebServer]) -> Seen:
    """List the sites of a platform, each on every web server that has it, and switches that were never proven.

    Args:
        members: the web servers.
        registry: the platform's directory with a file for each site.
        servers: the program of each web server.

    Raises:
        HostError: a web server does not answer.
    """
    reports = each(
        members,
        lambda conn: script.execute(
            conn, "check", release.sites_items(registry, servers[conn.host]), what="listing the platform's sites"
        ),
    )
    places = sorted(
        Place(site, name, members[name].address, report.number("port", 80))
        for name, report in reports.items()
        for site in report.facts.get("sites", "").split()
        if HOST_NAME.fullmatch(site)
    )
    unproven = {}
    for name, report in reports.items():
        former, *names = report.facts.get("unproven", "").splitlines() or [""]
        if release.is_release(former):
            unproven[name] = Unproven(former, frozenset(names))
    held = {
        site: entry for report in reports.values() for site, entry in holding.read(report.facts.get("held", "")).items()
    }
    return Seen(places, unproven, held, _known(reports.values()))


def _known(reports: Iterable[script.Report]) -> dict[str, str]:
    """Give what sites are known by, by host name: of those whose vhosts know that a site may be held back."""
    known: dict[str, str] = {}
    unready: set[str] = set()
    for report in reports:
        ready = set(report.facts.get("ready", "").split())
        for line in report.facts.get("known", "").splitlines():
            entry, _, host = line.partition(" ")
            known[host] = entry
            # The file of a long name has a digest in its name, and what the site is known by is not in it.
            if layout.file_name(host) not in ready or layout.file_name(entry) != entry:
                unready.add(host)
    return {host: site for host, site in known.items() if host not in unready}


def well(found: Iterable[Place], application: applications.Application) -> list[Place]:
    """Choose the places at which the application answers now."""
    asked = list(found)
    return [place for place, why in zip(asked, _ask(asked, application), strict=True) if why is None]


def well_once(found: Iterable[Place], application: applications.Application) -> tuple[list[Place], list[Place]]:
    """Ask each site on one web server, and where it does not answer there, on its others.

    That a site works is known then, for half the price or less. Whoever finds it broken where it was not asked has to ask it
    there again, with what was before.

    Returns:
        The places at which the application answers now, and those that were not asked, of sites that answer elsewhere.
    """
    by_site: dict[str, list[Place]] = {}
    for place in sorted(found):
        by_site.setdefault(place.site, []).append(place)
    # Not always the same one: each web server has its part of the work.
    firsts = {site: places[crc32(site.encode()) % len(places)] for site, places in by_site.items()}
    good = set(well(firsts.values(), application))
    silent = {site for site, place in firsts.items() if place not in good}
    good |= set(well((place for site in silent for place in by_site[site] if place != firsts[site]), application))
    rest = [place for site, places in by_site.items() if site not in silent for place in places if place not in good]
    return sorted(good), rest


def broken(found: Iterable[Place], application: applications.Application, door: str = "") -> dict[Place, str]:
    """Say for each place that does not answer, also on a second try, what is wrong with its answer.

    Args:
        found: the places.
        application: theirs.
        door: the key of the door of a site that is closed.
    """
    failing = {place: why for place, why in _asked(list(found), application, door).items() if why is not None}
    if not failing:
        return {}
    time.sleep(AGAIN)
    return {place: why for place, why in _asked(list(failing), application, door).items() if why is not None}


def table(failing: Mapping[Place, str], before: int) -> str:
    """Say which sites do not answer any more, and why."""
    sites = len({place.site for place in failing})
    return f"{sites} of {before} sites that answered before do not answer with the new release: {rows(failing)}"


def rows(failing: Mapping[Place, str]) -> str:
    """Name each place with what is wrong there."""
    return "; ".join(f"{place.site} on {place.server}: {why}" for place, why in sorted(failing.items()))


def returned(undone: Mapping[str, HostError | None], again: str) -> str:
    """Say on which web servers something is as it was, and why it is not on the others.

    Args:
        undone: by web server, why it could not go back.
        again: what is as it was, for "… on web1".
    """
    well = [name for name, fault in undone.items() if fault is None]
    said = [f"{again} on {', '.join(well)}"] if well else []
    said += [f"{name} could not go back: {fault}" for name, fault in undone.items() if fault is not None]
    return "; ".join(said)


def _asked(found: list[Place], application: applications.Application, door: str) -> dict[Place, str | None]:
    return dict(zip(found, _ask(found, application, door), strict=True))


def _ask(found: list[Place], application: applications.Application, door: str = "") -> list[str | None]:
    if not found:
        return []
    # No cache has seen this address before.
    path = f"/?aegir-health={secrets.token_hex(8)}"

    def ask(place: Place) -> str | None:
        try:
            return serving.answers(application, place.address, place.port, place.site, path, door=door)
        except probe.NoAnswer as silence:
            return str(silence)

    firsts = {place.server: place for place in reversed(found)}.values()
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        asked = {place: pool.submit(ask, place) for place in firsts}
        wait(asked.values(), timeout=ALONE)
        asked |= {place: pool.submit(ask, place) for place in found if place not in asked}
        return [asked[place].result() for place in found]
