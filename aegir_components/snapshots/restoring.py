"""Puts a backup back in the place of what a site has now, which is backed up and proven before.

The order is: the files are unpacked beside the site's own while it serves; the site is closed and its accounts are kept out; the
database is replaced and counted, the files are put in their place; the site is asked; and then it is opened. What fails is put
back as it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any, Final

from aegir_components.closing import Closable
from aegir_components.host.errors import HostError
from aegir_components.hub_records import Records
from aegir_components.mysql import client, statements

from . import archive, files, inventory, loading, produce, proof, saving
from .book import Backup
from .quiet import quiet
from .repository import BackupError, Opened, opened
from .saving import Job
from .source import Source

KIND: Final = "restores"
FAULTS: Final = (BackupError, HostError, client.DatabaseError)


class NotWellError(BackupError):
    """The backup is in its place, and the site does not answer with it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """What of a backup comes back."""

    database: bool = True
    files: bool = True
    path: str = ""
    """Only what is at this path or below it; empty for all files."""
    incomplete: bool = False
    """Whether what cannot be saved of the site as it is now may be lost."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Restore:
    """One restore of a site."""

    job: Job
    """Of the site that is restored into."""
    repository: Opened
    """The one with the backup."""
    snapshot: str
    backup: Backup
    part: Part
    closable: Closable
    is_well: Callable[[], str] = field(repr=False)
    """Says what is wrong with the site's answer while it is closed; empty for nothing."""

    def run(self, original: str = "") -> str:
        """Do it, and say what was done.

        Args:
            original: the backup of what was there before a restore that was interrupted; what is there now is saved too.

        Raises:
            NotWellError: it is done, and the site does not answer; it stays closed.
            BackupError: it could not be done; everything is as it was before, or the text says what is not.
            HostError: likewise.
            DatabaseError: likewise.
        """
        source, tell = self.job.source, self.job.tell
        begun, saved = time.monotonic(), 0.0
        with self.job.book.held(), ExitStack() as cleaning:
            manifest, staged = stage(
                self.repository, self.snapshot, self.backup.id, source=source, part=self.part, tell=tell
            )
            for one in staged:
                cleaning.callback(_quietly, one.finish)
            tell(f"{source.name}: closing it")
            closed = time.monotonic()
            self.closable.close(f"it is being restored from backup {self.backup.id}")
            safety = ""
            try:
                with quiet(source):
                    before = time.monotonic()
                    safety = self._saved()
                    saved, safety = time.monotonic() - before, original or safety
                    self._note(safety)
                    self._replace(manifest, staged)
            except FAULTS as fault:
                self._give_up(staged, safety, fault, half_done=bool(original))
                raise
            if why := self.is_well():
                raise NotWellError(
                    f"{source.name} was restored from backup {self.backup.id}, and does not answer with it: {why}. "
                    f"It stays closed. What was there before is backup {safety}"
                )
            self.closable.open()
            self._forget()
        now = time.monotonic()
        return (
            f"{self._said(manifest, staged, safety)}. The restore took {now - begun - saved:.0f} s, "
            f"and that backup {saved:.0f} s. "
            f"The site was closed for {now - closed:.0f} s"
        )

    def _saved(self) -> str:
        """Back up what is there, now that nobody writes to it any more, and prove the backup.

        Raises:
            BackupError: it cannot be saved, or not all of it; nothing was changed.
        """
        source = self.job.source
        self.job.tell(f"{source.name}: backing up what is there now")
        job = replace(self.job, plan=replace(self.job.plan, prove="each"), start=None)
        made = saving.save_held(job, why="before a restore")
        if not made.is_proven:
            why = made.proof.text if made.proof else "nobody tried"
            raise BackupError(f"what is there now was saved as {made.id}, which could not be proven: {why}")
        lacking = [text for text in made.not_saved if not text.endswith((produce.NOT_THERE, produce.TEXT_SAVED))]
        if lacking and not self.part.incomplete:
            raise BackupError(
                f"what is there now cannot be saved whole; the backup {made.id} lacks {'; '.join(lacking)}. With "
                f"--lose-unsaved it is replaced all the same"
            )
        return made.id

    def _replace(self, manifest: dict[str, Any], staged: list[files.Staged]) -> None:
        if self.part.database:
            self.job.tell(f"{self.job.source.name}: replacing the database")
            replace_database(self.repository, self.snapshot, self.job.source, manifest)
        for one in staged:
            one.swap()

    def _give_up(self, staged: list[files.Staged], safety: str, fault: Exception, *, half_done: bool) -> None:
        """Bring back what was there; the site opens only if all of it is."""
        source, tell = self.job.source, self.job.tell
        if not safety and half_done:
            raise BackupError(
                f"{source.name} stays closed, since an earlier restore was interrupted: {fault}. When the cause is gone, run the "
                f"same command again"
            ) from fault
        if not safety:
            self.closable.open()
            return
        tell(f"{source.name}: {fault}; putting back what was there")
        try:
            for one in staged:
                one.put_back()
            if self.part.database:
                own = self.job.targets[0]
                known = next(one for one in self.job.book.backups() if one.id == safety)
                snapshot = known.copies[own.name]
                with opened(own) as repository, quiet(source):
                    replace_database(repository, snapshot, source, proof.manifest(repository, snapshot))
            self.closable.open()
        except (*FAULTS, KeyError, StopIteration) as worse:
            raise BackupError(
                f"{source.name} could not be restored ({fault}), and what was there could not be put back ({worse}). "
                f"It stays closed. Nothing is lost: it is backup {safety}. "
                f"When the cause is gone: aegir restore {source.name} --backup {safety}"
            ) from fault
        self._forget()

    def _said(self, manifest: dict[str, Any], staged: list[files.Staged], safety: str) -> str:
        rows = sum(manifest["database"]["rows"].values())
        parts = [f"{len(manifest['database']['rows'])} tables with {rows} rows"] if self.part.database else []
        parts += [f"{one.entries} files on {one.place.conn.host}" for one in staged]
        return (
            f"{self.job.source.name} is restored from backup {self.backup.id}: {', '.join(parts)}. It answers. "
            f"What was there before is backup {safety}"
        )

    def _note(self, safety: str) -> None:
        props = {"backup": self.backup.id, "safety": safety}
        self._records.put(props, self.job.book.stack, self.job.source.site)

    def _forget(self) -> None:
        self._records.drop(self.job.book.stack, self.job.source.site)

    @property
    def _records(self) -> Records:
        return Records(self.job.hub_root, KIND)


def interrupted(hub_root: str, stack: str, site: str) -> dict[str, Any] | None:
    """Say which restore of a site did not come to its end: ``backup``, and ``safety`` for what was there before."""
    return Records(hub_root, KIND).get(stack, site)


def stage(
    repository: Opened, snapshot: str, name: str, *, source: Source, part: Part, tell: Callable[[str], None]
) -> tuple[dict[str, Any], list[files.Staged]]:
    """Read a backup once: every byte is checked, and files are unpacked beside the site's own.

    Args:
        repository: it has the backup.
        snapshot: the backup in it.
        name: what the backup is called.
        source: the site that gets it.
        part: what of it.
        tell: says what is done.

    Raises:
        BackupError: it is damaged, or has not what is wanted; nothing of the site's was touched.
        HostError: files could not be unpacked; likewise.
    """
    staged: list[files.Staged] = []
    try:
        with repository.reading(snapshot) as stream:
            reading = archive.Reading(stream)
            for entry in reading.take(lambda name: not name.startswith("files/") and name != archive.MANIFEST):
                entry.skip()
            while (label := reading.next_label()) and part.files:
                _unpack(label, reading, staged, source=source, part=part, tell=tell)
            manifest, digest = reading.manifest()
    except archive.DamagedError as fault:
        raise BackupError(f"backup {name} is damaged: {fault}. Nothing was changed") from None
    if digest != manifest.get("sha256"):
        raise BackupError(f"backup {name} is not what was written. Nothing was changed")
    if part.path and not any(one.entries for one in staged):
        raise BackupError(f"backup {name} has no {part.path}. Nothing was changed")
    return manifest, [one for one in staged if one.entries]


def _unpack(
    label: str, reading: archive.Reading, staged: list[files.Staged], *, source: Source, part: Part,
    tell: Callable[[str], None],
) -> None:  # fmt: skip
    place = files.labels([label], source.places).get(label)
    path = files.inside(place, part.path) if place is not None and part.path else ""
    if place is None or (part.path and not path):
        if place is None:
            tell(f"{source.name}: the files of {label} have no place any more and stay in the backup")
        for entry in reading.take(lambda name: name.startswith(f"files/{label}/")):
            entry.skip()
        return
    tell(f"{source.name}: unpacking files on {place.conn.host}")
    staged.append(files.stage(place, source.site, label, path, reading))


def replace_database(repository: Opened, snapshot: str, source: Source, manifest: dict[str, Any]) -> None:
    """Replace a site's database, and count what was loaded. A proven backup of it has to be there.

    Raises:
        BackupError: what was loaded is not what was saved.
        HostError: the load failed.
        DatabaseError: the server refuses.
    """
    had = manifest["database"]
    if not had["objects"]:
        raise BackupError("the backup has no database")
    if source.conn.kind == "none" and had["definers"]:
        raise BackupError(
            f"{source.server} is somebody else's server, where the hub's account can give nobody else views, triggers and "
            f"routines: {', '.join(sorted(had['definers'])[:5])}. Load this backup by hand (docs/backups.md)"
        )
    with client.connect(source.endpoint) as session:
        there = inventory.accounts(session)
        session.rows(f"DROP DATABASE IF EXISTS {statements.name(source.database)}")
        loading.create_schema(session, source.database, str(had["charset"]), str(had["collation"]))
    own = "{}@{}".format(*source.definer)

    def definer(former: bytes) -> bytes:
        # An account that is not there any more was the site's own before, or of another server.
        user, _, host = former.decode("utf-8", "surrogateescape").partition("`@`")
        return former if f"{user.strip('`')}@{host.strip('`')}" in there else _quoted(own)

    with repository.reading(snapshot) as stream:
        reading = archive.Reading(stream)
        for entry in reading.take(lambda name: not proof.is_dump(name)):
            entry.skip()
        loading.load(
            source, source.database, reading.take(proof.is_dump), longest=int(had["longest"]), former=str(had["name"]),
            definer=definer,
        )  # fmt: skip
    proof.check_counts(source, source.database, had)
    _check_definers(source, had, there, own)


def _check_definers(source: Source, had: dict[str, Any], there: frozenset[str], own: str) -> None:
    """See that nothing runs with the rights of another account than the server said when the backup was made."""
    with client.connect(source.endpoint) as session:
        now = inventory.definers(session, source.database)
    if not had["definers"]:
        # An archive of a removal says of nobody with whose rights something ran: only the site's own account may be.
        now = {name: user for name, user in now.items() if user != own}
    wanted = {name: user if user in there else own for name, user in had["definers"].items()}
    if wrong := sorted(name for name, user in now.items() if user != wanted.get(name)):
        raise BackupError(f"what was loaded would run with the rights of another account: {', '.join(wrong[:5])}")


def _quoted(account: str) -> bytes:
    user, _, host = account.rpartition("@")
    return f"{statements.name(user)}@{statements.name(host)}".encode()


def _quietly(work: Callable[[], None]) -> None:
    try:
        work()
    except HostError:
        # The next restore removes it.
        return
