"""What takes the place of a site's content: put beside it while it serves, out of a backup or from elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from aegir_components.deploy.site_closing import By, Reason
from aegir_components.messages import numbered

from . import archive, files, proof, replacing
from .book import Backup
from .replacing import Beside, loaded_beside
from .repository import BackupError, Opened
from .source import Source

Laid = tuple[dict[str, Any], list[files.Staged], Beside | None]
"""A manifest, files beside the site's own, and tables beside its own; ``None`` where no database comes."""


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
class Words:
    """What messages say of content that comes."""

    called: str
    """It, such as ``backup 4f1c2a9b``."""
    doing: Reason
    """Why a site that gets it is closed: ``it is being restored from backup 4f1c2a9b``."""
    done: str
    """Of a site that has it, after the site's name: ``is restored from backup 4f1c2a9b``."""
    failed: str
    """Of a site that could not get it, likewise: ``could not be restored``."""
    work: str
    """The work: ``restore``."""


class Content(Protocol):
    """What comes to a site in the place of what it has."""

    @property
    def words(self) -> Words:
        """What messages say of it."""

    @property
    def has_to_answer(self) -> bool:
        """Whether a site that does not answer with it gets back what it had; otherwise it stays closed."""

    def stage(self, cleaning: ExitStack) -> Laid:
        """Put it beside the site's own, which stays as it is.

        Args:
            cleaning: removes what is beside at the end.

        Raises:
            BackupError: it cannot be read, or has no room.
            HostError: a machine was not reached, or could not do it.
            DatabaseError: a database server refuses.
        """

    def settle(self) -> None:
        """Do what is left when it is in its place, and the site's accounts may connect again; the site is closed still.

        Raises:
            BackupError: it could not be done.
            HostError: likewise.
            DatabaseError: likewise.
        """

    def record(self, safety: str) -> dict[str, Any]:
        """Say what the hub notes in case this run is killed, as ``restoring.interrupted`` gives it to the next one.

        Args:
            safety: the backup of what was there before; empty before the site is closed, where nothing may be noted.
        """


@dataclass(frozen=True, kw_only=True, slots=True)
class FromBackup:
    """A backup that comes back."""

    source: Source
    """The site that gets it."""
    hub_root: str
    repository: Opened
    snapshot: str
    backup: Backup
    part: Part
    tell: Callable[[str], None] = field(repr=False)
    paired: str = ""
    """The directory that belongs with its database; empty for none."""
    exclude: tuple[str, ...] = ()
    """Patterns of the site's plan: those of a backup that does not say which files it excludes."""
    has_to_answer: bool = False

    @property
    def words(self) -> Words:
        """What messages say of it."""
        called = f"backup {self.backup.id}"
        return Words(
            called=called, doing=Reason.of(By.RESTORE, f" {called}"), done=f"is restored from {called}",
            failed="could not be restored", work="restore",
        )  # fmt: skip

    def stage(self, cleaning: ExitStack) -> Laid:
        """Read the backup once: every byte is checked, and database and files are put beside the site's own."""
        beside: list[Beside] = []
        size, longest = self._measured()

        def load(entries: Iterable[archive.Entry]) -> None:
            self.tell(f"{self.source.name}: loading the database beside its own on {self.source.server}")
            loaded = loaded_beside(self.source, self.hub_root, entries, size=size, longest=longest)
            beside.append(cleaning.enter_context(loaded))

        manifest, staged = stage(
            self.repository, self.snapshot, self.backup.id, source=self.source, part=self.part, tell=self.tell,
            load=load if self.part.database else None, exclude=self.exclude, paired=self.paired,
        )  # fmt: skip
        for one in beside:
            replacing.reject(self.source, manifest)
            replacing.count(self.source, one, manifest)
        return manifest, staged, beside[0] if beside else None

    def settle(self) -> None:
        """Do nothing: a backup has everything."""

    def record(self, safety: str) -> dict[str, Any]:
        """Say that the next run goes on with this backup."""
        return {"backup": self.backup.id, "safety": safety} if safety else {}

    def _measured(self) -> tuple[int, int]:
        """Give the bytes of the dump, and of its longest line; a backup of another hub is read for that."""
        if not self.part.database or min(self.backup.dump, self.backup.longest) >= 0:
            return self.backup.dump, self.backup.longest
        had = proof.manifest(self.repository, self.snapshot)["database"]
        return int(had.get("bytes", 0)), int(had["longest"])


def stage(
    repository: Opened, snapshot: str, name: str, *, source: Source, part: Part, tell: Callable[[str], None],
    load: Callable[[Iterable[archive.Entry]], None] | None = None, exclude: tuple[str, ...] = (), paired: str = "",
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
        exclude: patterns of files that stay as they are, where the backup does not say which ones it excludes.
        paired: the directory that comes with the database, and not with the files.

    Raises:
        BackupError: it is damaged, or has not what is wanted; nothing of the site's was touched.
        HostError: files could not be unpacked; likewise.
    """
    staged: list[files.Staged] = []
    with_database = bool(paired) and part.database and not part.files
    wanted = replace(part, path=paired) if with_database else part
    try:
        with repository.reading(snapshot) as stream:
            reading = archive.Reading(stream)
            for entry in reading.take(lambda name: not proof.is_dump(name) and not _is_later(name)):
                entry.skip()
            if load is not None:
                load(reading.take(proof.is_dump))
            for entry in reading.take(lambda name: not _is_later(name)):
                entry.skip()
            while (label := reading.next_label()) and (part.files or with_database):
                _unpack(label, reading, staged, source=source, part=wanted, tell=tell)
            manifest, digest = reading.manifest()
    except archive.DamagedError as fault:
        raise BackupError(numbered(7101, f"backup {name} is damaged: {fault}. Nothing was changed")) from None
    if digest != manifest.get("sha256"):
        raise BackupError(numbered(7101, f"backup {name} is not what was written. Nothing was changed"))
    if part.path and not any(one.entries for one in staged):
        raise BackupError(numbered(7102, f"backup {name} has no {part.path}. Nothing was changed"))
    stays = tuple(map(str, manifest.get("exclude", exclude)))
    if paired and part.files and not part.database and not part.path:
        first = paired.partition("/")[0]
        staged = [replace(one, parts=tuple(name for name in one.parts if name != first)) for one in staged]
    return manifest, [replace(one, exclude=stays) for one in staged if one.entries and one.parts]


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


def _is_later(name: str) -> bool:
    return name.startswith("files/") or name == archive.MANIFEST
