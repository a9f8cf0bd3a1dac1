"""A platform whose sites go to its live release: its machines, and what is done with each site."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Self

from aegir_components import layout
from aegir_components.applications import APPLICATIONS
from aegir_components.applications.updates import Pending
from aegir_components.deploy.holding import Held
from aegir_components.hub.records import Records
from aegir_components.inputs.platform import RolloutInputs, RolloutOrder
from aegir_components.messages import numbered
from aegir_components.mysql import copies
from aegir_components.mysql.client import DatabaseError
from aegir_components.providers import answered, answering, holds, proof
from aegir_components.providers.switching import Switching
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import HostError
from aegir_components.scripts import script
from aegir_components.settings import updating

from . import asked_back, database_updates, definition, exchange, journal, kept, pages, returning, safety, update
from . import site as of_site
from .definition import Definition
from .site import Updated
from .update import Change, NotUpdated, Outcome
from .waves import AT_ONCE, MOST, Done, Work

RESTORED: Final = "restored"
"""The hub's records of sites that got back their database of before, until all of their platform are done."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Platform:
    """A platform."""

    want: RolloutInputs
    members: Mapping[str, Connection]
    sites: Mapping[str, Updated]
    definition: Definition
    live: str
    """The directory of its live release."""
    switched: bool
    """Whether the release is another one than at the last run that ended well."""
    asked: frozenset[str] = frozenset()
    """Sites whose databases of before were asked for since the last run that ended well."""
    jobs: safety.Jobs = field(repr=False)
    """Give what backing up its sites needs."""
    busy: Mapping[str, str] = field(default_factory=dict)
    """Sites that a command has for itself, with why nothing is done with them."""

    @classmethod
    def of(cls, want: RolloutInputs, was: RolloutInputs | None, jobs: safety.Jobs) -> Self:
        """Read it from the inputs, and from the machines who is held back.

        Args:
            want: the inputs of its ``Rollout``.
            was: what the state has of it.
            jobs: give what backing up its sites needs.

        Raises:
            HostError: a web server does not answer.
        """
        members = want.connections
        live = layout.release_path(want.publish_path, want.digest)
        held = holds.merged(holds.look(members, layout.platform_registry(want.platform)))
        switching = Switching(want=want, was=was, members=members, live=dict.fromkeys(members, live), held=held)
        passwords: dict[str, dict[str, str]] = json.loads(want.secrets or "{}")
        return cls(
            want=want,
            members=members,
            sites={site: of_site.read(want, site, passwords[site]) for site in want.sites},
            definition=Definition(switching, dict(held)),
            live=live,
            switched=was is not None and was.digest != want.digest,
            asked=_asked(want, was),
            jobs=jobs,
        )

    @property
    def order(self) -> updating.Rollout:
        """The order in which its sites go."""
        given = self.want.rollout or RolloutOrder()
        return updating.Rollout(canary=given.canary, batch=given.batch, stop_on=given.stop_on)

    def unfinished(self) -> list[str]:
        """Name the sites that a killed run has left in the middle of an update: visitors wait, or tables were exchanged.

        Raises:
            HostError: a web server does not answer.
            DatabaseError: a database server does not answer.
        """
        waiting = holds.unfinished(self.members)
        running = {name for name, record in kept.records(self.sites.values()).items() if record.get(exchange.RUNNING)}
        return sorted(name for name in self.sites if layout.file_name(name) in waiting or name in running)

    def recover(self, say: Callable[[str], None]) -> None:
        """Undo, or bring to its end, what a killed run has left; not what another hub is at work on.

        Raises:
            HostError: a machine does not answer.
            DatabaseError: a database server does not answer.
        """
        for name in self.unfinished():
            site = self.sites[name]
            if name in self.busy:
                continue
            if machine := copies.held_from(site.endpoint, site.database):
                say(f"{site.name}: left as it is, because {machine} works on its database")
                continue
            former = _former(site)
            update.recover(site, self._change(site, former or self.definition.held.get(name), say))
            if former and self.want.restore and former.release == self.live:
                self._note_restored(name)

    def forget_old(self) -> None:
        """Remove databases of before an update that are older than they have to be kept.

        Raises:
            DatabaseError: a database server does not answer.
        """
        kept.forget_old(self.sites.values(), self.want.keep_before)

    def waiting(self) -> list[str]:
        """List the sites that are to get the release and have not got it, and those on it whose databases lack updates.

        Raises:
            DatabaseError: a database server does not answer.
        """
        held = self.definition.held
        behind = {site for site, entry in held.items() if entry.kind != "pinned" and site in self.sites}
        here = [
            site for name, site in self.sites.items() if name not in held and site.enabled and site.updates_database
        ]
        lacking = kept.pending(here, self._hub_root, self.want.digest)
        return sorted(behind | {site for site, found in lacking.items() if found and found.names})

    def asked_for(self, waiting: Collection[str]) -> dict[str, asked_back.Asked]:
        """Tell how it is with the sites before they go back to a release with their databases; nothing where they do not.

        Args:
            waiting: the sites that are about to be worked on.

        Raises:
            DatabaseError: a database server does not answer.
        """
        if not self.want.restore:
            return {}
        concerned = {name: site for name, site in self.sites.items() if name in self.asked or name in waiting}
        records, held = kept.records(concerned.values()), self.definition.held
        return {
            name: asked_back.Asked(
                release=self.live,
                switched=self.switched,
                waits=name in waiting,
                pinned=held[name].release.rpartition("/")[2] if name in held and held[name].kind == "pinned" else "",
                enabled=site.enabled,
                updates=bool(site.steps),
                kept=records.get(name),
            )
            for name, site in concerned.items()
        }

    def unrestored(self, asked: Mapping[str, asked_back.Asked], found: Iterable[Done]) -> dict[str, str]:
        """Say why databases were not restored that were asked for; nothing of sites that are told of as held back.

        Args:
            asked: how it was with the sites before.
            found: what came of those that were worked on.
        """
        told = {done.site for done in found if done.outcome.restored or done.result in {"failed", "stopped"}}
        records = Records(self._hub_root, RESTORED) if asked else None
        return {
            name: why
            for name, site in asked.items()
            if name not in told
            and (why := asked_back.why_not(site))
            and not (records and (records.get(self.want.holder, name) or {}).get("release") == self.live)
        }

    def forget_restored(self) -> None:
        """Forget which sites got back their databases: all of the platform are done."""
        records = Records(self._hub_root, RESTORED)
        for name in self.sites:
            records.drop(self.want.holder, name)

    def work(self, say: Callable[[str], None]) -> Work:
        """Give what is done with its sites."""
        return Work(
            heavy=lambda site: self._heavy(site, say),
            light=self._light,
            is_light=self._is_light,
            name=lambda site: self.sites[site].name,
            goes=self._goes,
            held=lambda site, why: self.definition.mark(site, "failed", why),
            done=self._log,
            at_once=self._at_once,
        )

    def own_work(self, say: Callable[[str], None]) -> Work:
        """Give what is done with sites that stay on the code that they have, and lack updates of it."""
        return replace(
            self.work(say),
            heavy=lambda site: update.bring(self.sites[site], self._stays(site, say)),
            is_light=lambda _site: False,
            held=lambda _site, _why: None,
        )

    def lacks(self, site: str) -> tuple[str, ...]:
        """Name the updates that a site's database lacks for the code that it has.

        Raises:
            DatabaseError: the database server does not answer.
        """
        one = self.sites[site]
        found = self._pending(one, one.database.name, self._own(site).release.rpartition("/")[2])
        return found.names if found else ()

    def rebuild(self, warn: Callable[[str], None]) -> None:
        """Empty the caches of the sites that got the release without an update.

        Raises:
            HostError: a web server does not answer.
        """
        due = [site for site in self.sites.values() if site.enabled and site.site not in self.definition.held]
        if self.switched and due and pages.are_kept(due[0], self._here("").root):
            pages.empty_all(due, self.want.docroot, warn)

    def still_down(self) -> list[str]:
        """Ask the sites that did not answer when they were to be proven; say which of them do not answer now either.

        Raises:
            HostError: a web server is not reached.
        """
        told: list[str] = []
        for site in self.sites.values():
            known = answered.Site(hub_root=self._hub_root, stack=self.want.holder, site=site.site)
            if not site.enabled or not known.is_down:
                continue
            if said := update.broken(site, site.places):
                told.append(numbered(6550, f"the site {site.name} does not work: {said}"))
            else:
                known.note(site.application, site.places)
                known.forget_down()
        return told

    @property
    def _hub_root(self) -> str:
        return next(iter(self.members.values())).hub_root

    def _here(self, site: str) -> Held:
        """Say that a site is on the live release."""
        return definition.entry(site, self.live, self.want.docroot, "")

    def _own(self, site: str) -> Held:
        """Give the release that a site has."""
        return self.definition.held.get(site) or self._here(site)

    def _at_once(self) -> int:
        """Tell how many sites may be updated at a time: one for each core of the web server that works, and one more."""
        worker = next(iter(self.sites.values())).worker
        lines = ['fact cores "$(nproc)"']
        facts = script.execute(worker, "check", lines, what="counting its cores", lock=False).facts
        return min(MOST, script.number(facts.get("cores", ""), AT_ONCE - 1) + 1)

    def _is_light(self, site: str) -> bool:
        if site in self.busy:
            return False
        one = self.sites[site]
        if not one.steps:
            return True
        if one.steps != updating.DEFAULT or self._returns(one):
            return False
        pending = self._pending(one, one.database.name)
        return not (pending and pending.names)

    def _goes(self, site: str) -> bool:
        """Tell whether a site can go to the release now: one that is disabled does so where it waits for nothing but code."""
        held = self.definition.held.get(site)
        if self.sites[site].enabled:
            return True
        try:
            return held is not None and held.kind == "waiting" and self._is_light(site)
        except (HostError, DatabaseError):
            return False

    def _returns(self, site: Updated) -> bool:
        """Tell whether a site goes back to a release together with the database that it had there."""
        record = returning.record(site) if self.want.restore else None
        return record is not None and record.get("release") == self.live

    def _pending(self, site: Updated, database: str, digest: str = "") -> Pending | None:
        digest = digest or self.want.digest
        found = database_updates.lacking(self._hub_root, digest, site.endpoint, site.application, [database])
        return found.get(database)

    def _light(self, sites: Sequence[str]) -> dict[str, str]:
        kind = APPLICATIONS[self.want.application]
        before = answering.well([place for site in sites for place in self.sites[site].places], kind)
        former = {site: self.definition.held[site] for site in sites}
        self.definition.release(sites)
        for site in sites:
            if self.sites[site].enabled:
                pages.empty(self.sites[site], self.want.docroot)
        failing = answering.broken(before, kind)
        broken = {
            site: {at: failing[at] for at in self.sites[site].places if at in failing} for site in sites
        }  # fmt: skip
        back = {site: former[site] for site, found in broken.items() if found}
        if back:
            self.definition.hold(back)
        return {
            site: answering.rows({at: proof.explained(self.members[at.server], site, why) for at, why in found.items()})
            for site, found in broken.items()
            if found
        }

    def _heavy(self, site: str, say: Callable[[str], None]) -> Outcome:
        if why := self.busy.get(site):
            raise NotUpdated(why)
        one = self.sites[site]
        change = self._change(one, self.definition.held.get(site), say)
        if self._returns(one):
            outcome = returning.bring_back(one, change)
            self._note_restored(site)
            return outcome
        pending = self._pending(one, one.database.name) if self.want.restore else None
        if pending and pending.newer:
            raise NotUpdated(
                numbered(
                    6130,
                    f"its database is newer than this release ({'; '.join(pending.newer)}), and none of before its "
                    f"update is kept. Restore a backup, or write database: keep at the platform if this code works with it",
                )
            )
        return update.bring(one, change)

    def _note_restored(self, site: str) -> None:
        Records(self._hub_root, RESTORED).put({"release": self.live}, self.want.holder, site)

    def _change(self, one: Updated, held: Held | None, say: Callable[[str], None]) -> Change:
        """Tell what becomes of a site's code; nothing, where it is on the release already."""
        site, former = one.site, held or self._here(one.site)
        moves = former.release != self.live
        return Change(
            root=self._here(site).root,
            about={"release": former.release, "docroot": former.docroot},
            go=lambda: self.definition.release([site]),
            back=lambda: self.definition.hold({site: former}) if moves else None,
            say=say,
            still=lambda: _named(self._pending(one, one.databases.copy)) if one.updates_database else "",
            save=lambda: self._save(one, former),
        )

    def _stays(self, site: str, say: Callable[[str], None]) -> Change:
        """Tell that a site stays on its code."""
        one, own = self.sites[site], self._own(site)
        digest = own.release.rpartition("/")[2]
        return Change(
            root=own.root,
            about={"release": own.release, "docroot": own.docroot},
            go=lambda: None,
            back=lambda: None,
            say=say,
            still=lambda: _named(self._pending(one, one.databases.copy, digest)),
            save=lambda: self._save(one, own),
        )

    def _save(self, site: Updated, former: Held) -> str:
        return safety.save(self.jobs, site, safety.code(self.want, former))

    def _log(self, done: Done) -> None:
        journal.write(self._hub_root, done, self.want.digest[: layout.RELEASE_DIGEST_LENGTH])


def _asked(want: RolloutInputs, was: RolloutInputs | None) -> frozenset[str]:
    """Name the sites whose databases of before are asked for, and were not at the last run that ended well. Pure."""
    if was is None or not want.restore or (was.restore and was.digest == want.digest):
        return frozenset()
    return frozenset(want.sites.keys() & was.sites.keys())


def _named(pending: Pending | None) -> str:
    """Name the first updates that a database lacks."""
    return ", ".join(pending.names[:3]) if pending else ""


def _former(site: Updated) -> Held | None:
    """Give the release that a site was on before an exchange that was never proven; ``None`` where there is none."""
    record = copies.record(site.endpoint, site.database, site.databases.before)
    if record is None or not record.get(exchange.RUNNING):
        return None
    return definition.entry(site.site, str(record["release"]), str(record["docroot"]), "its update was not ended")
