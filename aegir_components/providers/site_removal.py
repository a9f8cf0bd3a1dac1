"""How a site leaves its web servers: everything that can fail is tried while it still serves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pulumi

from aegir_components import backups, encrypting, layout
from aegir_components.host import script
from aegir_components.host.connection import Connection
from aegir_components.host.errors import HostError
from aegir_components.host.parallel import each
from aegir_components.services import site
from aegir_components.services.web_types import program

from . import archived, declared, site_database
from .lifecycle import State, forgotten
from .moves import plain


@dataclass(slots=True)
class Keeping:
    """What is kept of a site on the hub before its data go."""

    site: str
    places: list[tuple[Connection, str]]
    """Directories, each on the machine that has it."""
    keys: encrypting.Keys | None
    """Who can read the archives; ``None`` leaves them in clear."""
    accounts: State | None = None
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


def remove(have: State, members: dict[str, Connection], sees: Callable[[str], bool]) -> None:
    """Remove a site from all of its web servers; its database goes after this, and is kept before.

    Args:
        have: the site's inputs.
        members: its web servers.
        sees: tells of a web server's name whether it has the site's data over NFS.
    """
    shared = str(have.get("uploads") or "")
    path = layout.uploads_directory(shared, have["site"])
    owner = members.get(str(have.get("master")), next(iter(members.values())))
    keeping = _keeping(have, members, sees)
    if shared:
        keeping.places.append((owner, path))
    # Should it not be possible to keep the database, the files stay as well.
    if have.get("accounts") and have["accounts"]["server"] not in forgotten():
        keeping.accounts = site_database.of_site(have)
    # Until the database is gone as well, who takes the removal back gets the files again.
    _go(have, members, sees, keeping, archived.of_site(have, owner.hub_root))
    if shared:
        _remove_shared(have, owner, path)


def _remove_shared(have: State, owner: Connection, path: str) -> None:
    gone = site.shared_removal(path)
    script.execute(owner, "apply", gone, what=f"removing the site {have['site']}", holder=have["holder"])


def leave(have: State, members: dict[str, Connection], sees: Callable[[str], bool], *, shared: bool = False) -> None:
    """Take a site off web servers that it leaves; others go on serving it.

    Args:
        have: the site's former inputs.
        members: the web servers that it leaves.
        sees: tells of a web server's name whether it has the site's data over NFS.
        shared: whether the uploads that these web servers share go as well.
    """
    if not members:
        return
    # An address may change in the edit that has the site leave.
    members = {name: declared.connection(conn) for name, conn in members.items()}
    keeping = _keeping(have, members, sees)
    owner = members.get(str(have.get("master")), next(iter(members.values())))
    path = layout.uploads_directory(str(have.get("uploads") or ""), have["site"])
    if shared:
        keeping.places.append((owner, path))
    _go(have, members, sees, keeping)
    if shared:
        _remove_shared(have, owner, path)


def note_joining(want: State, had: dict[str, Connection]) -> None:
    """Write down which web servers a site is about to get, beside those that an earlier run has tried.

    Args:
        want: the site's inputs.
        had: its web servers by the state; none for a new site.
    """
    joining = [name for name, conn in Connection.of_members(want["members"]).items() if not conn.twin(had)]
    if had and joining and want.get("accounts"):
        record = site_database.record_of(site_database.of_site(want))
        attempt = plain({**want, "members": {name: want["members"][name] for name in joining}})
        # A run that fails at each try writes it down once.
        record.note_tried([*(each for each in record.tried if each != attempt), attempt])


def leave_tried(want: State, had: dict[str, Connection]) -> None:
    """Take a site off web servers that a killed run has begun to give it, and that it is not to have.

    What this run gave it stays written down until the state has it: the engine may be gone by now.

    Args:
        want: the site's inputs, by which it is served now.
        had: its web servers by the state, which are left as any other is.
    """
    if not want.get("accounts"):
        return
    record = site_database.record_of(site_database.of_site(want))
    members, left = Connection.of_members(want["members"]), []
    for attempt in record.tried:
        there = {name: conn for name, conn in Connection.of_members(attempt["members"]).items() if not conn.twin(had)}
        gone = {name: conn for name, conn in there.items() if not conn.twin(members) and name not in forgotten()}
        slaves = {name for name in gone if attempt["members"][name].get("role") == "slave"}
        try:
            leave(attempt, gone, slaves.__contains__)
        except HostError as fault:
            left.append(attempt)
            pulumi.log.warn(
                f"{want['site']}: a run that was not ended had begun to bring it to {', '.join(gone)}, and what it made there "
                f"could not be removed: {fault}. The site does not use it. aegir check-stack names it as long as it is there"
            )
            continue
        if unrecorded := {name: attempt["members"][name] for name, conn in there.items() if conn.twin(members)}:
            left.append({**attempt, "members": unrecorded})
    record.note_tried(left)


def is_new(want: State, changed: Iterable[str]) -> bool:
    """Return whether a site's own directory was made with a change, so that the site had nothing there before."""
    home = layout.site_directory(str(want["publish_root"]), str(want["site"]))
    return f"directory {home}: missing" in set(changed)


def _keeping(have: State, members: dict[str, Connection], sees: Callable[[str], bool]) -> Keeping:
    hub_root = next(iter(members.values())).hub_root
    keys = encrypting.Keys.of(hub_root, str(have["holder"]))
    return Keeping(str(have["site"]), _places(have, members, sees), keys)


def _places(have: State, members: dict[str, Connection], sees: Callable[[str], bool]) -> list[tuple[Connection, str]]:
    home = layout.site_directory(str(have["publish_root"]), have["site"])
    return [(conn, home) for name, conn in members.items() if not sees(name)]


def _go(
    have: State,
    members: dict[str, Connection],
    sees: Callable[[str], bool],
    keeping: Keeping,
    archives: archived.Archives | None = None,
) -> None:
    what = f"removing the site {have['site']}"

    def stop(conn: Connection) -> None:
        lines = site.removal_items(
            have["site"],
            program(have["members"][conn.host]["type"]),
            have["platform"],
            have["publish_path"],
            have["docroot"],
            host=str(have.get("name") or ""),
        )
        script.execute(conn, "apply", lines, what=what, holder=have["holder"])

    def clean(conn: Connection) -> None:
        # A slave sees what is the master's to remove.
        root = str(have["publish_root"])
        gone = site.user_removal(have["site"]) if sees(conn.host) else site.data_removal(have["site"], root)
        script.execute(conn, "apply", gone, what=what, holder=have["holder"])

    keeping.keep()
    each(members, stop)
    keeping.keep_the_rest()
    if archives is not None:
        archives.note(keeping.made)
    each(members, clean)
