"""Puts a backup back in the place of what a site has now, which is backed up and proven before.

The order is: database and files are put beside the site's own while it serves, and counted; the site is closed and its accounts
are kept out; what is there is backed up; database and files are exchanged; the site is asked; and then it is opened. What fails
is put back as it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

from aegir_components.closing import Closable
from aegir_components.host.errors import HostError
from aegir_components.hub_records import Records
from aegir_components.mysql import client, copies

from . import archive, files, produce, proof, replacing, saving
from .book import Backup
from .quiet import quiet
from .replacing import Beside, loaded_beside
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
            cleaning.enter_context(_no_update(self.job))
            manifest, staged, beside = self._stage(cleaning)
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
                    self._replace(manifest, staged, beside)
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
        job = replace(self.job, plan=replace(self.job.plan, prove="each"), start=None, urgent=True)
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

    def _stage(self, cleaning: ExitStack) -> tuple[dict[str, Any], list[files.Staged], Beside | None]:
        """Read the backup once: every byte is checked, and database and files are put beside the site's own."""
        source, tell = self.job.source, self.job.tell
        beside: list[Beside] = []
        size, longest = self._measured()

        def load(entries: Iterable[archive.Entry]) -> None:
            tell(f"{source.name}: loading the database beside its own on {source.server}")
            loaded = loaded_beside(source, self.job.hub_root, entries, size=size, longest=longest)
            beside.append(cleaning.enter_context(loaded))

        manifest, staged = stage(
            self.repository, self.snapshot, self.backup.id, source=source, part=self.part, tell=tell,
            load=load if self.part.database else None,
        )  # fmt: skip
        for one in beside:
            replacing.reject(source, manifest)
            replacing.count(source, one, manifest)
        return manifest, staged, beside[0] if beside else None

    def _measured(self) -> tuple[int, int]:
        """Give the bytes of the dump, and of its longest line; a backup of another hub is read for that."""
        if not self.part.database or min(self.backup.dump, self.backup.longest) >= 0:
            return self.backup.dump, self.backup.longest
        had = proof.manifest(self.repository, self.snapshot)["database"]
        return int(had.get("bytes", 0)), int(had["longest"])

    def _replace(self, manifest: dict[str, Any], staged: list[files.Staged], beside: Beside | None) -> None:
        if beside is not None:
            self.job.tell(f"{self.job.source.name}: replacing the database")
            replacing.put(self.job.source, beside, manifest)
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
                with opened(own, urgent=True) as repository, quiet(source):
                    replacing.replace_database(repository, snapshot, source, proof.manifest(repository, snapshot))
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
    repository: Opened, snapshot: str, name: str, *, source: Source, part: Part, tell: Callable[[str], None],
    load: Callable[[Iterable[archive.Entry]], None] | None = None,
) -> tuple[dict[str, Any], list[files.Staged]]:  # fmt: skip
    """Read a backup once: every byte is checked, and files are unpacked beside the site's own.

    Args:
        repository: it has the backup.
        snapshot: the backup in it.
        name: what the backup is called.
        source: the site that gets it.
        part: what of it.
        tell: says what is done.
        load: gets what the backup has of the database; ``None`` passes over it.

    Raises:
        BackupError: it is damaged, or has not what is wanted; nothing of the site's was touched.
        HostError: files could not be unpacked; likewise.
    """
    staged: list[files.Staged] = []
    try:
        with repository.reading(snapshot) as stream:
            reading = archive.Reading(stream)
            for entry in reading.take(lambda name: not proof.is_dump(name) and not _is_later(name)):
                entry.skip()
            if load is not None:
                load(reading.take(proof.is_dump))
            for entry in reading.take(lambda name: not _is_later(name)):
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


@contextmanager
def _no_update(job: Job) -> Iterator[None]:
    """Keep updates of the site away for a block of work, also those of other hubs.

    Raises:
        BackupError: one is at work.
    """
    if job.start is None:
        yield
        return
    with copies.alone(job.source.endpoint, job.start.database) as free:
        if not free:
            raise BackupError(
                f"an update of {job.source.name} is at work, on this hub or on another one. Nothing was changed. "
                f"Run the same command when it has ended"
            )
        yield


def _is_later(name: str) -> bool:
    return name.startswith("files/") or name == archive.MANIFEST


def _quietly(work: Callable[[], None]) -> None:
    try:
        work()
    except HostError:
        # The next restore removes it.
        return
