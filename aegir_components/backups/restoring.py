"""Puts a backup, or other content, in the place of what a site has now, which is backed up and proven before.

First, database and files are put beside the site's own while it serves, and counted. Then the site is closed, and its
accounts are kept out. What is there is backed up, and then database and files are exchanged. The site is
health-checked, and then it is opened. What fails is put back as it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any, Final

from aegir_components.deploy.site_closing import By, Closable, Reason
from aegir_components.hub.records import Records
from aegir_components.messages import Message, number_of, numbered, shown
from aegir_components.mysql import client
from aegir_components.remote.errors import HostError

from . import proof, replacing, saving
from .exchange import Exchange, put_back_earlier
from .files import Staged
from .quiet import lock, no_update, quiet
from .replacing import Beside
from .repository import BackupError, opened
from .saving import Job
from .staging import Content, Part

KIND: Final = "restores"
FAULTS: Final = (BackupError, HostError, client.DatabaseError)


class PuttingBack(Message):
    """What is told when a step has failed: the number is that of its error, and what was there is put back next."""


class ClosedError(BackupError):
    """The site stays closed, and is not as it was."""


class NotWellError(ClosedError):
    """The backup is in its place, and the site does not answer with it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Restore:
    """One restore of a site."""

    job: Job
    """Of the site that is restored into."""
    content: Content
    """What takes the place of what it has."""
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
            ClosedError: it could not be done, or opened; the site stays closed, and the text says what to do.
            BackupError: it could not be done; everything is as it was before.
            HostError: likewise.
            DatabaseError: likewise.
        """
        source, tell = self.job.source, self.job.tell
        begun, saved = time.monotonic(), 0.0
        with self.job.book.held(), ExitStack() as cleaning:
            if self.job.start is not None:
                cleaning.enter_context(no_update(source.endpoint, self.job.start.database, source.name))
            manifest, staged, beside = self.content.stage(cleaning)
            exchange = Exchange(staged)
            cleaning.callback(lambda: exchange.finish(is_over=self._begun() is None))
            tell(f"{source.name}: closing it")
            closed = time.monotonic()
            was_closed = bool(self.closable.reasons())
            kept = self._close()
            safety = ""
            try:
                with quiet(source):
                    before = time.monotonic()
                    made = self._saved(staged)
                    if was_closed:
                        self._repair()
                    saved, safety = time.monotonic() - before, original or made
                    self._note(safety, exchange)
                    self._replace(manifest, exchange, beside)
                self.content.settle()
                if self.content.has_to_answer and (why := self.is_well()):
                    raise BackupError(
                        numbered(7145, f"the site does not answer with {self.content.words.called}: {why}")
                    )
            except FAULTS as fault:
                self._give_up(exchange, safety, fault, half_done=bool(original), kept=kept)
                raise
            self._open(safety, kept)
            self._forget()
        now = time.monotonic()
        return (
            f"{self._said(manifest, staged, safety)}. The {self.content.words.work} took {now - begun - saved:.0f} s, "
            f"and that backup {saved:.0f} s. "
            + (f"The site stays closed as it was: {kept}" if kept else f"The site was closed for {now - closed:.0f} s")
        )

    def _close(self) -> str:
        """Close the site, and give the reason for which a person has closed it before: it stays closed for that."""
        kept = by_person(self.closable)
        if begun := self.content.record(""):
            self._records.put(begun, self.job.book.stack, self.job.source.site)
        try:
            if kept:
                self.closable.stay(Reason(By.PERSON, kept), door=True)
            else:
                self.closable.close(self.content.words.doing)
        except HostError:
            if begun:
                self._forget()
            raise
        return kept

    def _open(self, safety: str, kept: str) -> None:
        """Open the site, if it answers."""
        name = self.job.source.name
        if not self.content.has_to_answer and (why := self.is_well()):
            raise NotWellError(
                numbered(
                    7140,
                    f"{name} {self.content.words.done}, and does not answer with it: {why}. "
                    f"It stays closed. What was there before is backup {safety}",
                )
            )
        try:
            let_in(self.closable, kept)
        except HostError as fault:
            raise ClosedError(
                numbered(
                    7143,
                    f"{name} {self.content.words.done}, and could not be opened on each web server: {shown(fault)}. When the "
                    f"cause is gone, run the same command again. What was there before is backup {safety}",
                )
            ) from fault

    def _saved(self, staged: Sequence[Staged]) -> str:
        """Back up what is there, now that nobody writes to it any more, and prove the backup.

        It excludes what stays as it is, and no more. Whole directories are exchanged, and this backup is all that is
        left of other files that the site's own plan excludes.

        Args:
            staged: what is exchanged.

        Raises:
            BackupError: it cannot be saved, or not all of it; nothing was changed.
        """
        source = self.job.source
        self.job.tell(f"{source.name}: backing up what is there now")
        stays = tuple(text for text in self.job.plan.exclude if all(text in one.exclude for one in staged))
        job = replace(self.job, plan=replace(self.job.plan, prove="each", exclude=stays), start=None, urgent=True)
        made = saving.save_held(job, why=f"before a {self.content.words.work}")
        if not made.is_proven:
            why = made.proof.text if made.proof else "nobody tried"
            raise BackupError(
                numbered(7141, f"what is there now was saved as {made.id}, which could not be proven: {why}")
            )
        lacking = [text for text in made.not_saved if text not in made.harmless]
        if lacking and not self.part.incomplete:
            raise BackupError(
                numbered(
                    7142,
                    f"what is there now cannot be saved whole; the backup {made.id} lacks {'; '.join(lacking)}. With "
                    f"--lose-unsaved it is replaced all the same",
                )
            )
        return made.id

    def _replace(self, manifest: dict[str, Any], exchange: Exchange, beside: Beside | None) -> None:
        if beside is not None:
            self.job.tell(f"{self.job.source.name}: replacing the database")
            replacing.put(self.job.source, beside, manifest)
        exchange.swap()

    def _repair(self) -> None:
        """Bring back the files that an interrupted run has moved aside, where this one replaces all files.

        The site was closed since then: what visitors of an opened site have written meanwhile would be lost.
        """
        if self.part.files and not self.part.path:
            put_back_earlier(self.job.source, self._begun() or {})

    def _give_up(self, exchange: Exchange, safety: str, fault: Exception, *, half_done: bool, kept: str) -> None:
        """Bring back what was there; the site opens only if all of it is."""
        source, tell = self.job.source, self.job.tell
        if not safety and half_done:
            raise ClosedError(
                numbered(
                    7063,
                    f"{source.name} stays closed, since an earlier restore was interrupted: {shown(fault)}. When the cause is "
                    f"gone, run the same command again",
                )
            ) from fault
        if not safety:
            try:
                let_in(self.closable, kept)
            except HostError as worse:
                raise ClosedError(
                    numbered(
                        7143,
                        f"{source.name} {self.content.words.failed} ({shown(fault)}). Nothing was replaced, and it could not be "
                        f"opened on each web server: {shown(worse)}. When the cause is gone, run the same command again",
                    )
                ) from fault
            self._forget()
            return
        tell(PuttingBack(number_of(fault), f"{source.name}: {fault}; putting back what was there"))
        try:
            exchange.put_back()
            if self.part.database:
                own = self.job.targets[0]
                known = next(one for one in self.job.book.backups() if one.id == safety)
                snapshot = known.copies[own.name]
                with opened(own, urgent=True) as repository, quiet(source):
                    replacing.replace_database(repository, snapshot, source, proof.manifest(repository, snapshot))
            let_in(self.closable, kept)
        except (*FAULTS, KeyError, StopIteration) as worse:
            raise ClosedError(
                numbered(
                    7144,
                    f"{source.name} {self.content.words.failed} ({shown(fault)}), and what was there could not be put "
                    f"back ({shown(worse)}). It stays closed. Nothing is lost: it is backup {safety}. "
                    f"When the cause is gone: aegir restore {source.name} --backup {safety}",
                )
            ) from fault
        self._forget()

    def _said(self, manifest: dict[str, Any], staged: list[Staged], safety: str) -> str:
        rows = sum(manifest["database"]["rows"].values())
        parts = [f"{len(manifest['database']['rows'])} tables with {rows} rows"] if self.part.database else []
        parts += [f"{one.entries} files on {one.place.conn.host}" for one in staged]
        return (
            f"{self.job.source.name} {self.content.words.done}: {', '.join(parts)}. It answers. "
            f"What was there before is backup {safety}"
        )

    def _begun(self) -> dict[str, Any] | None:
        return interrupted(self.job.hub_root, self.job.book.stack, self.job.source.site)

    def _note(self, safety: str, exchange: Exchange) -> None:
        self._records.put(
            {**self.content.record(safety), **exchange.record()}, self.job.book.stack, self.job.source.site
        )

    def _forget(self) -> None:
        self._records.drop(self.job.book.stack, self.job.source.site)

    @property
    def _records(self) -> Records:
        return Records(self.job.hub_root, KIND)


def interrupted(hub_root: str, stack: str, site: str) -> dict[str, Any] | None:
    """Say which restore of a site did not come to its end.

    It has ``backup``, which the next run restores, and ``safety`` for what was there before. Both are empty where nothing
    was replaced yet. ``from`` names the site whose content was to come, where that was no backup. ``swaps`` has what
    ``exchange.put_back_earlier`` reads.
    """
    return Records(hub_root, KIND).get(stack, site)


def reopen(job: Job, closable: Closable) -> None:
    """Open a site that a killed run has closed, and in which it has replaced nothing yet; a person's closing stays.

    Raises:
        BusyError: another run is at work on it.
        HostError: a web server is not reached.
        DatabaseError: the database server does not answer.
    """
    with job.book.held():
        lock(job.source, locked=False)
        let_in(closable, by_person(closable))
        Records(job.hub_root, KIND).drop(job.book.stack, job.source.site)


def staying(part: Part, exclude: Sequence[str]) -> list[str]:
    """Say which files of a site a restore does not touch; nothing where there are none.

    Args:
        part: what is restored.
        exclude: patterns of files that the backup has not.
    """
    if not exclude or not (part.files or part.path):
        return []
    return [f"Stays as it is: files that the backup excludes ({', '.join(exclude)})"]


def leaving(part: Part, exclude: Sequence[str]) -> list[str]:
    """Say which files leave a site that its own backups do not have; nothing where there are none.

    Args:
        part: what is replaced by the content of another site.
        exclude: the patterns of the site's plan.
    """
    if not part.files or part.path or not exclude:
        return []
    return [
        f"Files that backups of it exclude ({', '.join(exclude)}) leave it too; the backup that is made first has them all"
    ]


def by_person(closable: Closable) -> str:
    """Give the reason for which a person has closed a site; empty where it is open, or our own run has closed it.

    Raises:
        HostError: a web server is not reached.
    """
    return next((why.of_a_person for why in closable.reasons() if why.of_a_person), "")


def let_in(closable: Closable, kept: str) -> None:
    """Open a site, or keep it closed for the reason for which a person has closed it.

    Raises:
        HostError: a web server is not reached.
    """
    if kept:
        closable.stay(Reason(By.PERSON, kept), door=False)
    else:
        closable.open()
