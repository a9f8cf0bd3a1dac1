"""A platform whose sites go to its live release: its machines, and what is done with each site."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Self

from aegir_components import database_updates, layout
from aegir_components.applications import APPLICATIONS
from aegir_components.applications.updates import Pending
from aegir_components.host import script
from aegir_components.host.connection import Connection
from aegir_components.host.errors import HostError
from aegir_components.host.parallel import each
from aegir_components.mysql import copies
from aegir_components.mysql.client import Endpoint, connect
from aegir_components.providers import answering, holds, proof, site_database
from aegir_components.providers.answering import Place
from aegir_components.providers.database import endpoint
from aegir_components.providers.switching import Switching
from aegir_components.services import closing, functions, installation
from aegir_components.services.holding import Held
from aegir_components.settings import updating

from . import definition, exchange, journal, returning, update
from .definition import Definition
from .site import Updated, steps_of
from .update import Change, NotUpdated, Outcome
from .waves import AT_ONCE, MOST, Done, Work

DAY = 86_400
CACHES = 300
"""Seconds for which an application may empty its caches."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Platform:
    """A platform."""

    want: Mapping[str, Any]
    """The inputs of its ``Rollout``."""
    members: Mapping[str, Connection]
    sites: Mapping[str, Updated]
    definition: Definition
    live: str
    """The directory of its live release."""
    switched: bool
    """Whether the release is another one than at the last run that ended well."""

    @classmethod
    def of(cls, want: Mapping[str, Any]) -> Self:
        """Read it from the inputs, and from the machines who is held back.

        Raises:
            HostError: a web server does not answer.
        """
        members = Connection.of_members(want["members"])
        live = layout.release_path(str(want["publish_path"]), str(want["digest"]))
        found = holds.look(members, layout.platform_registry(str(want["platform"])))
        held = {site: entry for entries in found.values() for site, entry in entries.items()}
        switching = Switching(want=dict(want), members=members, live=dict.fromkeys(members, live), held=held)
        passwords: dict[str, dict[str, str]] = json.loads(str(want.get("secrets") or "{}"))
        was = want.get("was") or {}
        return cls(
            want=want,
            members=members,
            sites={site: _site(want, site, given, passwords[site]) for site, given in want["sites"].items()},
            definition=Definition(switching, dict(held)),
            live=live,
            switched=bool(was) and was.get("digest") != want["digest"],
        )

    @property
    def order(self) -> updating.Rollout:
        """The order in which its sites go."""
        given = self.want.get("rollout") or {}
        return updating.Rollout(
            canary=tuple(given.get("canary") or ()),
            batch=str(given.get("batch") or ""),
            stop_on=int(given.get("stop_on") or 0),
        )

    @property
    def root(self) -> str:
        """The document root of its live release."""
        docroot = str(self.want["docroot"])
        return self.live if docroot == "." else f"{self.live}/{docroot}"

    def unfinished(self) -> list[str]:
        """Name the sites that a killed run has left in the middle of an update: visitors wait, or tables were exchanged.

        Raises:
            HostError: a web server does not answer.
            DatabaseError: a database server does not answer.
        """
        reports = each(
            self.members,
            lambda conn: script.execute(
                conn, "check", closing.updating_items(), what="looking for updates that were not ended", lock=False
            ),
        )
        waiting = {name for report in reports.values() for name in report.facts.get("updating", "").split()}
        running = {name for name, record in self._records().items() if record.get(exchange.RUNNING)}
        return sorted(name for name in self.sites if layout.file_name(name) in waiting or name in running)

    def recover(self, say: Callable[[str], None]) -> None:
        """Take back, or bring to its end, what a killed run has left.

        Raises:
            HostError: a machine does not answer.
            DatabaseError: a database server does not answer.
        """
        for name in self.unfinished():
            site = self.sites[name]
            update.recover(site, self._change(site, self._former(site) or self.definition.held.get(name), say))

    def _former(self, site: Updated) -> Held | None:
        """Give the release that a site was on before an exchange that was never proven; ``None`` where there is none."""
        record = copies.record(site.endpoint, site.database, site.databases.before)
        if record is None or not record.get(exchange.RUNNING):
            return None
        return definition.entry(site.site, str(record["release"]), str(record["docroot"]), "its update was not ended")

    @property
    def waiting(self) -> list[str]:
        """The sites that are to get the release and have not got it."""
        return sorted(
            site for site, entry in self.definition.held.items() if entry.kind != "pinned" and site in self.sites
        )

    def work(self, say: Callable[[str], None]) -> Work:
        """Give what is done with its sites."""
        return Work(
            heavy=lambda site: self._heavy(site, say),
            light=self._light,
            is_light=self._is_light,
            name=lambda site: self.sites[site].name,
            enabled=lambda site: self.sites[site].enabled,
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
        found = self._pending(one, one.database.name, self._own(site)[1])
        return found.names if found else ()

    def _own(self, site: str) -> tuple[str, str]:
        """Give the document root that a site has, and the name of its release."""
        held = self.definition.held.get(site)
        return (held.root, held.release.rpartition("/")[2]) if held else (self.root, str(self.want["digest"]))

    def _stays(self, site: str, say: Callable[[str], None]) -> Change:
        one, (root, digest) = self.sites[site], self._own(site)
        held = self.definition.held.get(site)
        return Change(
            root=root,
            about={
                "release": held.release if held else self.live,
                "docroot": held.docroot if held else str(self.want["docroot"]),
            },
            go=lambda: None,
            back=lambda: None,
            say=say,
            still=lambda: ", ".join(
                found.names[:3] if (found := self._pending(one, one.databases.copy, digest)) else ()
            ),
        )

    def rebuild(self, warn: Callable[[str], None]) -> None:
        """Empty the caches of the sites that got the release without an update: changed templates and routes count at once."""
        if not self.switched or not self._keeps_pages():
            return
        due = [site for site in self.sites.values() if site.enabled and site.site not in self.definition.held]
        with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
            for site, why in zip(due, pool.map(self._empty, due), strict=True):
                if why:
                    warn(f"{site.name} has the new release, and its caches could not be emptied: {why}")

    def forget_old(self, days: int) -> None:
        """Remove databases of before an update that are older than they have to be kept.

        Raises:
            DatabaseError: a database server does not answer.
        """
        for name, record in self._records().items():
            site = self.sites[name]
            if not record.get(exchange.RUNNING) and record["made"] + days * DAY <= time.time():
                copies.drop(site.endpoint, site.database, site.databases.before)

    def _records(self) -> dict[str, dict[str, Any]]:
        """Give what is known of the sites' databases of before; each server is asked over one connection."""
        by_server: dict[Endpoint, list[Updated]] = {}
        for site in self.sites.values():
            by_server.setdefault(site.endpoint, []).append(site)
        found: dict[str, dict[str, Any]] = {}
        for server, sites in by_server.items():
            with connect(server) as session:
                for site in sites:
                    if record := copies.record_in(session, site.database, site.databases.before):
                        found[site.site] = record
        return found

    def _at_once(self) -> int:
        """Tell how many sites may be updated at a time: one for each core of the web server that works, and one more."""
        worker = next(iter(self.sites.values())).worker
        lines = ['fact cores "$(nproc)"']
        facts = script.execute(worker, "check", lines, what="counting its cores", lock=False).facts
        return min(MOST, script.number(facts.get("cores", ""), AT_ONCE - 1) + 1)

    def _keeps_pages(self) -> bool:
        """Tell whether the release has what the application needs to keep pages at all."""
        files = APPLICATIONS[str(self.want["application"])].caching
        if not files or not self.sites:
            return bool(self.sites)
        worker = next(iter(self.sites.values())).worker
        lines = [functions("release"), script.call("release_has", self.root, *files)]
        facts = script.execute(worker, "check", lines, what="looking for what keeps pages", lock=False).facts
        return "has" in facts

    def _is_light(self, site: str) -> bool:
        one = self.sites[site]
        if not one.steps:
            return True
        if one.steps != updating.DEFAULT or self._returns(one):
            return False
        return not self._lacks(one, one.database.name)

    def _returns(self, site: Updated) -> bool:
        """Tell whether a site goes back to a release together with the database that it had there."""
        kept = returning.record(site) if self.want.get("restore") else None
        return kept is not None and kept.get("release") == self.live

    def _lacks(self, site: Updated, database: str) -> str:
        """Say which updates a database lacks for the live release; empty where none are lacking, or nobody knows."""
        pending = self._pending(site, database)
        return ", ".join(pending.names[:3]) if pending else ""

    def _newer(self, site: Updated) -> str:
        """Say of what a database is newer than the live release; empty where it is not, or nobody knows."""
        pending = self._pending(site, site.database.name)
        return "; ".join(pending.newer) if pending else ""

    def _pending(self, site: Updated, database: str, digest: str = "") -> Pending | None:
        hub_root, digest = next(iter(self.members.values())).hub_root, digest or str(self.want["digest"])
        return database_updates.lacking(hub_root, digest, site.endpoint, site.application, database)

    def _light(self, sites: Sequence[str]) -> dict[str, str]:
        places = {site: self._places(self.sites[site]) for site in sites}
        kind = APPLICATIONS[str(self.want["application"])]
        before = answering.well([place for found in places.values() for place in found], kind)
        former = {site: self.definition.held[site] for site in sites}
        self.definition.release(sites)
        for site in sites:
            self._empty(self.sites[site])
        failing = answering.broken(before, kind)
        broken = {site: {at: failing[at] for at in found if at in failing} for site, found in places.items()}
        back = {site: former[site] for site, found in broken.items() if found}
        if back:
            self.definition.hold(back)
        return {
            site: answering.rows({at: proof.explained(self.members[at.server], site, why) for at, why in found.items()})
            for site, found in broken.items()
            if found
        }

    def _heavy(self, site: str, say: Callable[[str], None]) -> Outcome:
        one = self.sites[site]
        change = self._change(one, self.definition.held.get(site), say)
        if self._returns(one):
            return returning.bring_back(one, change)
        if self.want.get("restore") and (newer := self._newer(one)):
            raise NotUpdated(
                f"its database is newer than this release ({newer}), and none of before its update is kept. Restore a backup, "
                f"or write database: keep at the platform if this code works with it"
            )
        return update.bring(one, change)

    def _change(self, one: Updated, held: Held | None, say: Callable[[str], None]) -> Change:
        """Tell what becomes of a site's code; nothing, where it is on the release already."""
        site, here = one.site, {"release": self.live, "docroot": str(self.want["docroot"])}
        return Change(
            root=self.root,
            about={"release": held.release, "docroot": held.docroot} if held else here,
            go=lambda: self.definition.release([site]),
            back=lambda: self.definition.hold({site: held}) if held and held.release != self.live else None,
            say=say,
            still=lambda: self._lacks(one, one.databases.copy) if one.updates_database else "",
        )

    def _empty(self, site: Updated) -> str:
        lines = installation.items(
            site.kind.caches, site=site.site, publish_path=site.publish_path, docroot=str(self.want["docroot"]),
            values={"host": site.name, "url": site.url}, patience=60, seconds=CACHES,
        )  # fmt: skip
        try:
            what = f"emptying the caches of {site.name}"
            script.execute(site.worker, "apply", lines, what=what, timeout=CACHES + 90, lock=False)
        except HostError as fault:
            return str(fault)
        return ""

    def _places(self, site: Updated) -> list[Place]:
        return [Place(site.name, name, conn.address, site.ports[name]) for name, conn in site.members.items()]

    def _log(self, done: Done) -> None:
        hub_root = next(iter(self.members.values())).hub_root
        journal.write(hub_root, done, str(self.want["digest"])[:16])


def _site(want: Mapping[str, Any], site: str, given: Mapping[str, Any], passwords: Mapping[str, str]) -> Updated:
    accounts = given["accounts"]
    props = site_database.of_site(
        {"accounts": accounts, "site": site, "hub_password": passwords["hub"], "password": passwords["account"]}
    )
    return Updated(
        site=site,
        name=str(given["name"]),
        url=str(given["url"]),
        application=str(want["application"]),
        publish_path=str(want["publish_path"]),
        members=Connection.of_members(want["members"]),
        ports={name: int(member["port"]) for name, member in want["members"].items()},
        master=str(want.get("master") or ""),
        holder=str(want["holder"]),
        enabled=bool(given.get("enabled", True)),
        uploads=str(want.get("uploads") or ""),
        steps=steps_of(given["steps"]),
        uncounted=tuple(given.get("uncounted") or ()),
        server=str(accounts["server"]),
        machine=Connection.from_props(accounts["connection"]),
        endpoint=endpoint(props, str(accounts["server"])),
        database=site_database.wanted(props),
    )
