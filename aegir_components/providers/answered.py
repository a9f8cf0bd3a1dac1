"""Which sites answered when they were last proven, by the hub's records: who is asked again after a change."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from aegir_components.applications import APPLICATIONS
from aegir_components.hub.records import Records
from aegir_components.messages import numbered
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import Refused

from . import answering
from .answering import Place

KIND: Final = "answers"
DOWN: Final = "down"
"""The hub's records of sites that did not answer when they were to be proven: a rollout may be what they need."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """A site of a stack, with the places at which it answered."""

    hub_root: str
    stack: str
    """``<project>/<stack>``."""
    site: str
    """What it is known by."""

    def note(self, application: str, places: Collection[Place]) -> None:
        """Write down that the site has been proven at these places, and at no others."""
        rows = [_row(place) for place in sorted(places)]
        self._records.put({"application": application, "places": rows}, self.stack, self.site)

    def note_down(self) -> None:
        """Write down that the site was to be proven, and does not answer."""
        self._down.put({}, self.stack, self.site)

    def forget_down(self) -> None:
        """It answers, or nobody is to ask for it."""
        self._down.drop(self.stack, self.site)

    @property
    def is_down(self) -> bool:
        """Whether the site did not answer when it was to be proven, and has not answered since."""
        return self._down.get(self.stack, self.site) is not None

    def forget(self) -> None:
        """It is not to be asked for until it is proven again."""
        self._records.drop(self.stack, self.site)

    def places(self, server: str = "") -> list[Place]:
        """List where it answered, on one web server or on all."""
        found = [Place(*row) for row in (self._known or {}).get("places", [])]
        return [place for place in found if server in ("", place.server)]

    @property
    def application(self) -> str:
        """Which application answered; empty where the site is not known to answer."""
        return str((self._known or {}).get("application", ""))

    @property
    def _known(self) -> Mapping[str, Any] | None:
        return self._records.get(self.stack, self.site)

    @property
    def _records(self) -> Records:
        return Records(self.hub_root, KIND)

    @property
    def _down(self) -> Records:
        return Records(self.hub_root, DOWN)


BEFORE: Final = "before"
"""The hub's records of who answered just before a change, kept until the change is proven."""


class Before:
    """Who answered just before a change, also when that is tried again after a run that failed or was killed.

    Asked again, a site that the change itself has broken would count as one that was down before.

    Args:
        hub_root: where the hub has its records.
        key: the stack, the kind of the change, and what is changed.
    """

    def __init__(self, hub_root: str, *key: str) -> None:
        self._records, self._key = Records(hub_root, BEFORE), key

    def of(self, sites: Iterable[Site]) -> dict[Site, list[Place]]:
        """Give the places of each site that answered before the first attempt at the change."""
        listed = list(sites)
        kept = self._records.get(*self._key)
        if kept is None:
            found = still(listed)
            self._records.put(
                {"sites": {site.site: [_row(place) for place in found[site]] for site in listed}}, *self._key
            )
            return found
        known = kept.get("sites") or {}
        return {site: [Place(*row) for row in known.get(site.site, [])] for site in listed}

    def over(self) -> None:
        """The change is proven, or undone."""
        self._records.drop(*self._key)


def _row(place: Place) -> list[str | int]:
    return [place.site, place.server, place.address, place.port]


def on(conn: Connection, stack: str) -> list[Site]:
    """List the sites of a stack that answered on a web server."""
    found = []
    for record in Records(conn.hub_root, KIND).all():
        holder, name = record["key"]
        if holder == stack and any(row[1] == conn.host for row in record.get("places", [])):
            found.append(Site(hub_root=conn.hub_root, stack=stack, site=name))
    return found


def broken(asked: Mapping[Site, Collection[Place]]) -> dict[Place, str]:
    """Say for each place at which its site does not answer, also on a second try, what is wrong; all are asked side by side."""
    by_application: dict[str, list[Place]] = {}
    for site, places in asked.items():
        if places and (application := site.application):
            by_application.setdefault(application, []).extend(places)
    found: dict[Place, str] = {}
    for application, places in by_application.items():
        found |= answering.broken(places, APPLICATIONS[application])
    return found


def still(sites: Iterable[Site]) -> dict[Site, list[Place]]:
    """List where sites answer now, if not at once then on a second try, of the places where they answered before.

    A site that is down already is nobody's problem; one whose PHP was just being started is not down.
    """
    asked = {site: site.places() for site in sites}
    failing = broken(asked)
    return {site: [place for place in places if place not in failing] for site, places in asked.items()}


def refuse_broken(server: str, asked: Mapping[Site, Collection[Place]], change: str) -> None:
    """Ask sites after a change of a web server.

    Args:
        server: the web server.
        asked: the sites, with the places at which they answered before.
        change: what was changed, for "after this change of …".

    Raises:
        Refused: a site does not answer any more.
    """
    if failing := broken(asked):
        raise Refused(
            server,
            numbered(
                8501,
                f"{table(failing, f'this change of {change}')}. docs/reference/messages.md says where each "
                f"site's errors are; repair them or undo the edit, and run pulumi up",
            ),
        )


def table(failing: Mapping[Place, str], after: str) -> str:
    """Say which sites do not answer any more, and after what."""
    sites = len({place.site for place in failing})
    does = "a site that answered before does not" if sites == 1 else f"{sites} sites that answered before do not"
    return f"{does} answer after {after}: {answering.rows(failing)}"
