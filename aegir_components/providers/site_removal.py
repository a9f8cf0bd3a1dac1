"""How a site leaves its web servers: everything that can fail is tried while it still serves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from aegir_components import layout
from aegir_components.archives import encrypting
from aegir_components.archives import keeping as backups
from aegir_components.deploy import site
from aegir_components.inputs.database import SiteDatabaseInputs
from aegir_components.inputs.members import connections
from aegir_components.inputs.site import SiteConfigurationInputs, SitePlace
from aegir_components.messages import numbered, telling
from aegir_components.process import Process
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import HostError
from aegir_components.remote.parallel import each
from aegir_components.scripts import script
from aegir_components.services.web_types import program

from . import archived, declared, site_database


@dataclass(slots=True)
class Keeping:
    """What is kept of a site on the hub before its data go."""

    site: str
    places: list[tuple[Connection, str]]
    """Directories, each on the machine that has it."""
    keys: encrypting.Keys | None
    """Who can read the archives; ``None`` leaves them in clear."""
    accounts: SiteDatabaseInputs | None = None
    """The inputs of its database; ``None`` where the database stays."""
    archives: dict[str, tuple[Path, str]] = field(default_factory=dict)
    """By machine and directory: the archive, and the directory's listing before it was made."""
    dump: Path | None = None
    """Of this removal: what was written since is dumped again, and the newer dump takes its place."""

    def keep(self) -> None:
        """Archive the directories and dump the database, each proven.

        Raises:
            HostError: something cannot be kept; no archive of this attempt stays, so that trying again leaves no second one.
            DatabaseError: the same for the database.
        """
        try:
            for conn, path in self.places:
                self._archive(conn, path)
            self._dump()
        except BaseException:
            for archive, _ in self.archives.values():
                archive.unlink(missing_ok=True)
            self.archives.clear()
            raise

    def keep_the_rest(self) -> None:
        """Keep what has changed since, now that nothing writes any more: a newer archive takes the former one's place.

        Raises:
            HostError: it cannot be kept; nothing was removed.
            DatabaseError: the same for the database.
        """
        for conn, path in self.places:
            former = self.archives.get(f"{conn.host}:{path}")
            if former is None or backups.listing(conn, path) != former[1]:
                self._archive(conn, path)
                if former is not None:
                    former[0].unlink(missing_ok=True)
        self._dump()

    @property
    def made(self) -> Iterator[tuple[Connection, str, archived.Kept]]:
        """List the archives that there are, each with what it is of."""
        for conn, path in self.places:
            if found := self.archives.get(f"{conn.host}:{path}"):
                yield conn, path, archived.Kept(found[0], self.keys.own if self.keys else "")

    def _archive(self, conn: Connection, path: str) -> None:
        seen = backups.listing(conn, path)
        made = backups.save_files(conn, path, self.site, self.keys)
        if made is not None:
            self.archives[f"{conn.host}:{path}"] = made, seen

    def _dump(self) -> None:
        # Only what has changed since the newest dump is dumped again.
        if self.accounts is None or (made := site_database.keep(self.accounts)) is None:
            return
        if self.dump is not None:
            self.dump.unlink(missing_ok=True)
        self.dump = made


def remove(process: Process, have: SiteConfigurationInputs) -> None:
    """Remove a site from all of its web servers; its database goes after this, and is kept before."""
    members, path = have.connections, layout.uploads_directory(have.uploads, have.site)
    owner = members.get(have.master, next(iter(members.values())))
    keeping = _keeping(have, members)
    if have.uploads:
        keeping.places.append((owner, path))
    # Should it not be possible to keep the database, the files stay as well.
    if have.accounts and have.accounts.server not in process.abandoned:
        keeping.accounts = have.site_database
    # Until the database is gone as well, who takes the removal back gets the files again.
    _go(have, members, keeping, archived.of_site(have, owner.hub_root))
    if have.uploads:
        _remove_shared(have, owner, path)


def _remove_shared(have: SitePlace, owner: Connection, path: str) -> None:
    gone = site.shared_removal(path)
    script.execute(owner, "apply", gone, what=f"removing the site {have.site}", holder=have.holder)


def leave(process: Process, have: SitePlace, members: dict[str, Connection], *, shared: bool = False) -> None:
    """Take a site off web servers that it leaves; others go on serving it.

    Args:
        process: what this process remembers.
        have: the site's former place.
        members: the web servers that it leaves.
        shared: whether the uploads that these web servers share go as well.
    """
    if not members:
        return
    # An address may change in the edit that has the site leave.
    members = {name: declared.connection(process.declared, conn) for name, conn in members.items()}
    keeping = _keeping(have, members)
    owner = members.get(have.master, next(iter(members.values())))
    path = layout.uploads_directory(have.uploads, have.site)
    if shared:
        keeping.places.append((owner, path))
    _go(have, members, keeping)
    if shared:
        _remove_shared(have, owner, path)


def note_joining(want: SitePlace, had: dict[str, Connection]) -> None:
    """Write down which web servers a site is about to get, beside those that an earlier run has tried.

    Args:
        want: where the site is to be.
        had: its web servers by the state; none for a new site.
    """
    joining = {name: member for name, member in want.members.items() if not member.connection.twin(had)}
    if had and joining and want.accounts:
        record = site_database.record_of(want.accounts)
        attempt = SitePlace.from_props(replace(want, members=joining).to_props())
        # A run that fails at each try writes it down once.
        record.note_tried([*(each for each in record.tried if each != attempt), attempt])


def leave_tried(process: Process, want: SitePlace, had: dict[str, Connection]) -> None:
    """Take a site off web servers that a killed run has begun to give it, and that it is not to have.

    What this run gave it stays written down until the state has it: the engine may be gone by now.

    Args:
        process: what this process remembers.
        want: where the site is served now.
        had: its web servers by the state, which are left as any other is.
    """
    if not want.accounts:
        return
    record = site_database.record_of(want.accounts)
    members, left = want.connections, list[SitePlace]()
    for attempt in record.tried:
        there = {name: conn for name, conn in connections(attempt.members).items() if not conn.twin(had)}
        gone = {name: conn for name, conn in there.items() if not conn.twin(members) and name not in process.abandoned}
        try:
            leave(process, attempt, gone)
        except HostError as fault:
            left.append(attempt)
            telling.warn(
                numbered(
                    8552,
                    f"{want.site}: a run that was not ended had begun to bring it to {', '.join(gone)}, and what it "
                    f"made there "
                    f"could not be removed: {fault}. The site does not use it. aegir check-stack names it as long "
                    f"as it is there",
                )
            )
            continue
        if unrecorded := {name: attempt.members[name] for name, conn in there.items() if conn.twin(members)}:
            left.append(replace(attempt, members=unrecorded))
    record.note_tried(left)


def is_new(want: SitePlace, report: script.Report) -> bool:
    """Return whether a site's own directory was made with a change, so that the site had nothing there before."""
    return report.has_changed("made", layout.site_directory(want.publish_root, want.site))


def _keeping(have: SitePlace, members: dict[str, Connection]) -> Keeping:
    keys = encrypting.Keys.of(next(iter(members.values())).hub_root, have.holder)
    home = layout.site_directory(have.publish_root, have.site)
    return Keeping(have.site, [(conn, home) for name, conn in members.items() if not have.members[name].is_slave], keys)


def _go(
    have: SitePlace, members: dict[str, Connection], keeping: Keeping, archives: archived.Archives | None = None
) -> None:
    what = f"removing the site {have.site}"

    def stop(conn: Connection) -> None:
        server = program(have.members[conn.host].type)
        lines = site.removal_items(have.site, server, have.platform, have.publish_path, have.docroot, host=have.name)
        script.execute(conn, "apply", lines, what=what, holder=have.holder)

    def clean(conn: Connection) -> None:
        # A slave sees what is the master's to remove.
        is_slave = have.members[conn.host].is_slave
        gone = site.user_removal(have.site) if is_slave else site.data_removal(have.site, have.publish_root)
        script.execute(conn, "apply", gone, what=what, holder=have.holder)

    keeping.keep()
    each(members, stop)
    keeping.keep_the_rest()
    if archives is not None:
        archives.note(keeping.made)
    each(members, clean)
