"""A release is kept only if the sites that answered before answer with it, also when a run is killed in between."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from aegir_components import layout
from aegir_components.applications import APPLICATIONS, Application
from aegir_components.deploy import release
from aegir_components.deploy.holding import Held
from aegir_components.facts import site_errors
from aegir_components.inputs.platform import ReleaseInputs
from aegir_components.messages import numbered, telling
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import HostError, Refused
from aegir_components.remote.parallel import attempt, each
from aegir_components.scripts import script

from . import answering, holds
from .answering import Place
from .switching import Switching


@dataclass(frozen=True, kw_only=True, slots=True)
class Switch:
    """A switch to a release on the web servers of a platform."""

    want: ReleaseInputs
    seen: answering.Seen
    """Its sites, and what became of earlier switches."""
    switching: Switching
    registry: str

    def proven(self) -> None:
        """Ask the sites, switch, and ask again those that answered; a site that does not answer now is held back.

        Sites that wait for an update of their database stay on their release. Where none of the others answers with the new
        release, all web servers go back to the former one.

        The machines keep which release was live and who answered, from before the switch until the sites were asked. So
        a run that is killed in between leaves the question to the next one.

        Raises:
            Refused: no site answers; each with its web server, its answer, and what became of the web servers.
        """
        held = self._planned()
        if not (self._goes_live() or self.seen.unproven):
            self.switching.go(held)
            return
        had = self._had()
        former = {
            name: self.seen.unproven[name].former if name in self.seen.unproven else self.switching.live[name]
            for name in had
        }
        answered, likely = self._answered(held, former) if self.want.health else ([], [])
        if answered:
            self._note(had, former, answered)
        self.switching.go(held)
        failing = answering.broken([*answered, *likely], APPLICATIONS[self.want.application])
        if unasked := [place for place in likely if place in failing]:
            down = self._down_before(unasked, held, former)
            failing = {place: why for place, why in failing.items() if place not in down}
        if failing:
            self._go_back(failing, answered, held, former)
        if answered or self.seen.unproven:
            self._forget(had)

    def _had(self) -> dict[str, Connection]:
        return {name: conn for name, conn in self.switching.members.items() if self.switching.live[name]}

    def _planned(self) -> dict[str, Held]:
        conn, live = next(iter(self.switching.members.values())), next(iter(self.switching.live.values()))
        able = set(self.seen.known.values())
        waits = {site: why for site, why in holds.waiting(conn.hub_root, self.want).items() if site in able}
        return holds.planned(self.want, live, self.seen.held, waits, was=self.switching.was, pins=self.want.pins)

    def _go_back(
        self,
        failing: Mapping[Place, str],
        answered: list[Place],
        held: Mapping[str, Held],
        former: Mapping[str, str],
    ) -> None:
        """Hold back the sites that do not answer; if none does, the whole platform goes back.

        Raises:
            Refused: the platform went back.
        """
        hosts = {place.site for place in failing}
        failing = self._explained(failing)
        said = answering.table(failing, len({place.site for place in answered}))
        live = set(former.values())
        # A machine that was behind has another former release than the others, and a site is on one.
        if hosts < {place.site for place in answered} and hosts <= self.seen.known.keys() and len(live) == 1:
            was = live.pop()
            mine = {
                self.seen.known[host]: answering.rows({at: why for at, why in failing.items() if at.site == host})
                for host in hosts
            }
            more = {site: holds.failed(entry, mine[site]) for site, entry in self._former(was, mine).items()}
            replace(self.switching, held=held).go({**held, **more})
            telling.warn(
                numbered(
                    8518,
                    f"the platform {self.want.platform}: {said}. They are on their former release again, and answer "
                    f"as before; the other sites have the new one",
                )
            )
            return
        had = self._had()
        undone = attempt(had, lambda conn: self.switching.back(conn, former[conn.host], held))
        self._forget({name: conn for name, conn in had.items() if undone[name] is None})
        raise Refused(
            ", ".join(sorted({place.server for place in failing})), numbered(8528, f"{said}. {_advice(undone)}")
        )

    def _down_before(
        self, unasked: Collection[Place], held: Mapping[str, Held], former: Mapping[str, str]
    ) -> dict[Place, str]:
        """Ask sites with their former release where nobody asked them before, and give those that do not answer either."""
        live = next(iter(former.values()))
        why = "it does not answer on all of its web servers; the run ended before it was known whether it did before"
        sites = {self.seen.known[place.site]: why for place in unasked}
        back = {site: holds.failed(entry, why) for site, entry in self._former(live, sites).items()}
        replace(self.switching, held=held).go({**held, **back})
        down = answering.broken(unasked, self._application())
        replace(self.switching, held={**held, **back}).go(held)
        if down:
            telling.warn(
                numbered(
                    8519,
                    f"the platform {self.want.platform}: sites answer on some of their web servers only, with the "
                    f"former release as with the new one: {answering.rows(self._explained(down))}",
                )
            )
        return down

    def _explained(self, failing: Mapping[Place, str]) -> dict[Place, str]:
        """Add to each answer what the application said last, in its web server's log."""
        return {
            place: explained(self.switching.members[place.server], self.seen.known.get(place.site, place.site), why)
            for place, why in failing.items()
        }

    def _former(self, live: str, sites: Mapping[str, str]) -> dict[str, Held]:
        return holds.planned(self.want, live, {}, sites, was=self.switching.was)

    def _goes_live(self) -> bool:
        name = f"/{self.want.digest[: layout.RELEASE_DIGEST_LENGTH]}"
        return any(live and not live.endswith(name) for live in self.switching.live.values())

    def _application(self) -> Application:
        return APPLICATIONS[(self.switching.was or self.want).application]

    def _answered(self, held: Mapping[str, Held], former: Mapping[str, str]) -> tuple[list[Place], list[Place]]:
        """List where a site that gets the release answers now, or answered before a switch that was never proven.

        Returns:
            These places, and those where such a site was not asked: it can be asked there later, by holding it back.
        """
        places = [place for place in self.seen.places if self.seen.known.get(place.site) not in held]
        # A machine that was behind has another former release than the others, and a site is on one.
        able = self.seen.known if len(set(former.values())) == 1 else {}
        now, likely = answering.well_once((place for place in places if place.site in able), self._application())
        now += answering.well((place for place in places if place.site not in able), self._application())
        before = [
            place
            for place in places
            if place.server in self.seen.unproven and place.site in self.seen.unproven[place.server].answering
        ]
        found = sorted({*now, *before})
        if places and not found:
            sites = ", ".join(sorted({place.site for place in places}))
            telling.warn(
                numbered(
                    8520,
                    f"the platform {self.want.platform} gets another release, and none of its sites answered before "
                    f"({sites}): "
                    f"so nobody knows whether they work with it. Check them when they are enabled again",
                )
            )
        return found, [place for place in likely if place not in before]

    def _note(self, had: Mapping[str, Connection], former: Mapping[str, str], answered: list[Place]) -> None:
        def write(conn: Connection) -> None:
            names = [place.site for place in answered if place.server == conn.host]
            lines = release.unproven_items(self.registry, former[conn.host], names)
            script.execute(conn, "apply", lines, what="remembering who answers", holder=self.want.holder)

        each(had, write)

    def _forget(self, had: Mapping[str, Connection]) -> None:
        lines = release.proven_items(self.registry)
        each(
            had,
            lambda conn: script.execute(
                conn, "apply", lines, what="noting that the sites answer", holder=self.want.holder
            ),
        )


def explained(conn: Connection, site: str, why: str) -> str:
    """Add to an answer what the application said last, in its web server's log."""
    error = site_errors.last(conn, site)
    return f"{why} (its log: {error})" if error and error not in why else why


def _advice(undone: Mapping[str, HostError | None]) -> str:
    return (
        f"{answering.returned(undone, 'The former release is live again')}. Repair the code, then run pulumi up; "
        f"`health: false` at the platform switches without asking"
    )
