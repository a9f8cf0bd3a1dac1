"""A release is kept only if the sites that answered before answer with it, also when a run is killed in between."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pulumi

from aegir_components import layout
from aegir_components.applications import APPLICATIONS
from aegir_components.host import script
from aegir_components.host.connection import Connection
from aegir_components.host.errors import HostError, Refused
from aegir_components.host.parallel import attempt, each
from aegir_components.services import release
from aegir_components.services.web import WebServer

from . import answering
from .lifecycle import State


@dataclass(frozen=True, kw_only=True, slots=True)
class Switch:
    """A switch to a release on the web servers of a platform."""

    want: State
    members: Mapping[str, Connection]
    servers: Mapping[str, WebServer]
    """The program of each."""
    registry: str
    live: Mapping[str, str]
    """What each has live now: the directory of a release, or nothing."""
    go: Callable[[], None]
    """Switches all of them, or none."""
    back: Callable[[Connection, str], None]
    """Makes a former release, given by its directory, the live one again on one web server."""

    def proven(self) -> None:
        """Ask the sites, switch, and ask again those that answered; go back on all web servers if one does not any more.

        The machines keep which release was live and who answered, from before the switch until the sites were asked. So
        a run that is killed in between leaves the question to the next one.

        Raises:
            Refused: each site with its web server, its answer, and what became of the web servers.
        """
        had = {name: conn for name, conn in self.members.items() if self.live[name]}
        seen = answering.look(had, self.registry, {name: self.servers[name] for name in had})
        if not (self._goes_live() or seen.unproven):
            self.go()
            return
        answered = self._answered(seen) if self.want.get("health", True) else []
        former = {name: seen.unproven[name].former if name in seen.unproven else self.live[name] for name in had}
        if answered:
            self._note(had, former, answered)
        self.go()
        failing = answering.broken(answered, APPLICATIONS[self.want["application"]])
        if failing:
            undone = attempt(had, lambda conn: self.back(conn, former[conn.host]))
            self._forget({name: conn for name, conn in had.items() if undone[name] is None})
            said = answering.table(failing, len({place.site for place in answered}))
            raise Refused(", ".join(sorted({place.server for place in failing})), f"{said}. {_advice(undone)}")
        if answered or seen.unproven:
            self._forget(had)

    def _goes_live(self) -> bool:
        name = f"/{self.want['digest'][: layout.RELEASE_DIGEST_LENGTH]}"
        return any(live and not live.endswith(name) for live in self.live.values())

    def _answered(self, seen: answering.Seen) -> list[answering.Place]:
        """List where a site answers now, or answered before a switch that was never proven."""
        was = self.want.get("was") or {}
        application = APPLICATIONS[str(was.get("application", self.want["application"]))]
        now = answering.well(seen.places, application)
        before = [
            place
            for place in seen.places
            if place.server in seen.unproven and place.site in seen.unproven[place.server].answering
        ]
        found = sorted({*now, *before})
        if seen.places and not found:
            sites = ", ".join(sorted({place.site for place in seen.places}))
            pulumi.log.warn(
                f"the platform {self.want['platform']} gets another release, and none of its sites answered before ({sites}): "
                f"so nobody knows whether they work with it. Look at them when they are enabled again"
            )
        return found

    def _note(self, had: Mapping[str, Connection], former: Mapping[str, str], answered: list[answering.Place]) -> None:
        def write(conn: Connection) -> None:
            names = [place.site for place in answered if place.server == conn.host]
            lines = release.unproven_items(self.registry, former[conn.host], names)
            script.execute(conn, "apply", lines, what="remembering who answers", holder=self.want["holder"])

        each(had, write)

    def _forget(self, had: Mapping[str, Connection]) -> None:
        lines = release.proven_items(self.registry)
        each(
            had,
            lambda conn: script.execute(
                conn, "apply", lines, what="noting that the sites answer", holder=self.want["holder"]
            ),
        )


def _advice(undone: Mapping[str, HostError | None]) -> str:
    return (
        f"{answering.returned(undone, 'The former release is live again')}. Repair the code, then run pulumi up; "
        f"`health: false` at the platform switches without asking"
    )
