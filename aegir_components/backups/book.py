"""What the hub knows of backups beyond what is in the repositories: their notes, what they lack, and how they were proven."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import unquote

from aegir_components import layout
from aegir_components.hub import locks
from aegir_components.hub.person import person
from aegir_components.hub.records import Records
from aegir_components.messages import numbered
from aegir_components.messages.printable import printable

from .repository import BackupError, Snapshot

KIND: Final = "backups"
AHEAD: Final = timedelta(hours=1)
"""By how much a clock may have been corrected without a word."""
NOTE: Final = "note="
"""What a tag with a note begins with."""


class BusyError(BackupError):
    """Another run is at work on the site's backups."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """That a backup was restored, or could not be."""

    at: int
    """When it began, in seconds since 1970."""
    seconds: float
    ok: bool
    text: str
    """How it was proven, or why it could not be."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Backup:
    """One backup of a site."""

    id: str
    """Of the snapshot in the first repository."""
    begun: int
    """Seconds since 1970."""
    seconds: float = 0.0
    """How long it took to make."""
    size: int = 0
    """Bytes of its stream."""
    added: int = 0
    """Bytes that it added to the first repository."""
    note: str = ""
    why: str = ""
    """``due``, ``asked for``, ``before a restore`` ..."""
    release: str = ""
    """The platform and the release that the site was on."""
    not_saved: tuple[str, ...] = ()
    """What it lacks; a backup that lacks something is incomplete."""
    harmless: tuple[str, ...] = ()
    """What of it is lost to nobody: it is not there, or its text is saved. Backups of earlier versions have nothing here."""
    notes: tuple[str, ...] = ()
    copies: Mapping[str, str] = field(default_factory=dict)
    """Its snapshot in each repository, by the repository's name."""
    failed: Mapping[str, str] = field(default_factory=dict)
    """Why it could not be copied, by repository."""
    longest: int = -1
    """Bytes of the longest line of its dump; -1 where nobody knows."""
    dump: int = -1
    """Bytes of its dump; -1 where nobody knows."""
    exclude: tuple[str, ...] | None = None
    """Patterns of files that it has not; ``None`` where nobody knows."""
    proof: Proof | None = None
    start: Proof | None = None
    """That the site was started from it, or does not start; ``None`` where nobody tried."""
    not_started: str = ""
    """Why nobody could try."""

    @property
    def is_proven(self) -> bool:
        """Whether it was restored and counted."""
        return self.proof is not None and self.proof.ok

    @property
    def is_taken_over(self) -> bool:
        """Whether it was found in a repository: of another hub, or of a lost or killed one, so that its proof is not known."""
        return self.proof is None and self.dump < 0

    @property
    def may_come_back(self) -> bool:
        """Whether it is chosen where none is named: it is proven, or its proof is not known. A restore counts it anyway."""
        return (self.is_proven or self.is_taken_over) and self.starts

    @property
    def starts(self) -> bool:
        """Whether nobody has seen that its site does not start from it."""
        return self.start is None or self.start.ok

    @property
    def is_complete(self) -> bool:
        """Whether it has everything."""
        return not self.not_saved

    @classmethod
    def from_props(cls, props: Mapping[str, Any]) -> Self:
        """Read back what ``asdict`` gave."""
        known = {name: props[name] for name in cls.__dataclass_fields__ if name in props}
        for name in ("proof", "start"):
            known[name] = Proof(**known[name]) if known.get(name) else None
        for name in ("not_saved", "harmless", "notes"):
            known[name] = tuple(known.get(name) or ())
        if known.get("exclude") is not None:
            known["exclude"] = tuple(known["exclude"])
        return cls(**known)


@dataclass(frozen=True, kw_only=True, slots=True)
class Book:
    """The backups of one site, as this hub knows them."""

    hub_root: str
    stack: str
    """``<project>/<stack>``."""
    site: str

    def backups(self) -> tuple[Backup, ...]:
        """List them, oldest first."""
        found = (self._records.get(self.stack, self.site) or {}).get("backups") or ()
        return tuple(sorted((Backup.from_props(props) for props in found), key=lambda one: one.begun))

    def put(self, backup: Backup) -> None:
        """Write one down, in the place of what was known of it."""
        others = [one for one in self.backups() if one.id != backup.id]
        self._write([*others, backup])

    def forget(self, ids: Iterable[str]) -> None:
        """Strike out backups that are in no repository any more."""
        gone = set(ids)
        self._write([one for one in self.backups() if one.id not in gone])

    def lose(self, repository: str) -> None:
        """Strike out a repository that does not exist any more; a backup that is nowhere else goes with it."""
        left = [
            replace(one, copies={name: copy for name, copy in one.copies.items() if name != repository})
            for one in self.backups()
        ]
        self._write([one for one in left if one.copies])

    def learn(self, repository: str, snapshots: Iterable[Snapshot]) -> None:
        """Take over what a repository has and this book has not: of a killed run, or of another hub.

        Args:
            repository: its name.
            snapshots: what it has.
        """
        known = {one.id: one for one in self.backups()}
        copies = {one.copies[repository] for one in known.values() if repository in one.copies}
        for snapshot in snapshots:
            if any(snapshot.id.startswith(copy) for copy in copies):
                continue
            own = known.get(snapshot.original or snapshot.id) or Backup(
                id=snapshot.original or snapshot.id, begun=seconds(snapshot.time), size=snapshot.size,
                added=snapshot.added, note=note_of(snapshot.tags), why=_tag(snapshot.tags, "why="),
                release=_tag(snapshot.tags, "release="),
            )  # fmt: skip
            own = replace(own, copies={**own.copies, repository: snapshot.id})
            known[own.id] = own
        self._write(list(known.values()))

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other runs from the site's backups for a block of work. The lock goes when the process ends.

        Raises:
            BusyError: another run has them.
        """
        path = Path(self.hub_root) / "backups" / ".locks" / f"{layout.file_name(self.site)}.lock"
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with ExitStack() as stack:
            try:
                lock = stack.enter_context(locks.held(path, wait=0))
            except locks.HeldError as fault:
                who = f" ({printable(fault.said, longest=200)})" if fault.said else ""
                raise BusyError(
                    numbered(
                        7154,
                        f"another run on this hub is at work on the backups of {self.site}{who}; nothing was done. Run the same "
                        f"command again when it has ended",
                    )
                ) from None
            lock.truncate(0)
            lock.write(f"{person()}, process {os.getpid()}, since {datetime.now().astimezone():%Y-%m-%d %H:%M:%S}")
            lock.flush()
            yield

    def _write(self, backups: list[Backup]) -> None:
        props = [asdict(one) for one in sorted(backups, key=lambda one: one.begun)]
        self._records.put({"backups": props}, self.stack, self.site)

    @property
    def _records(self) -> Records:
        return Records(self.hub_root, KIND)


def every(hub_root: str) -> list[Book]:
    """List what this hub knows of all sites of all stacks."""
    return [
        Book(hub_root=hub_root, stack=record["key"][0], site=record["key"][1])
        for record in Records(hub_root, KIND).all()
    ]


def seconds(text: str) -> int:
    """Read a time as restic writes it, in seconds since 1970; 0 for what is no time."""
    # Python 3.11 reads six digits of a second's parts, and restic writes nine.
    whole, _, rest = text.partition(".")
    zone = rest.lstrip("0123456789") if rest else ""
    try:
        found = datetime.fromisoformat(f"{whole}{zone}")
    except ValueError:
        return 0
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())


def note_of(tags: Iterable[str]) -> str:
    """Read a note from a snapshot's tags."""
    return _tag(tags, NOTE)


def _tag(tags: Iterable[str], begin: str) -> str:
    return next((unquote(tag.removeprefix(begin)) for tag in tags if tag.startswith(begin)), "")


def is_ahead(one: Backup, now: datetime) -> bool:
    """Return whether a backup was made by a clock that was ahead: nobody knows when that was."""
    return local(one) > now + AHEAD


def begun(one: Backup) -> str:
    """Write when a backup began, in the hub's local time: in seconds, which tell two backups of a minute apart."""
    return f"{local(one):%Y-%m-%d %H:%M:%S}"


def local(one: Backup) -> datetime:
    """Give the hub's local time at which a backup began."""
    return datetime.fromtimestamp(one.begun).astimezone()
