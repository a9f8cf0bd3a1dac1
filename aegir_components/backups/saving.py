"""Makes a site's backup: written once, proven, and copied to the other repositories."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from aegir_components.messages import numbered, shown, text_of
from aegir_components.settings import Plan

from . import about, archive, memory, plan, private_files, produce, proof
from .book import NOTE, Backup, Book, local
from .imported import Archives
from .repository import ARCHIVE, LONG, BackupError, MissingError, Opened, Target, opened
from .source import Source
from .starting import Start

PROGRAM: Final = "aegir_components.backups.produce"
Tell = Callable[[str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """What is backed up, and where to."""

    source: Source
    plan: Plan
    targets: tuple[Target, ...]
    """The first one gets the backup, the others a copy."""
    book: Book
    tell: Tell
    """Told of progress, for the person who waits."""
    start: Start | None = None
    """Where the site is started from its backup when that is due; ``None`` where nobody knows."""
    start_now: bool = False
    """Whether it is started at once, whenever that was done last."""
    urgent: bool = False
    """Whether the site is closed meanwhile, so that nothing of it has to come first."""
    archives: Archives | None = None
    """What a removal has left on the hub, to be turned into a backup; ``None`` backs up the site itself."""

    @property
    def hub_root(self) -> str:
        """Of this hub."""
        return self.book.hub_root


def save(job: Job, *, why: str, note: str = "", renew: bool = False) -> Backup:
    """Make a backup, prove it, and copy it.

    Args:
        job: what is backed up.
        why: why it is made, in the words of the list of backups.
        note: a note of the operator's; a backup with a note is not removed by itself.
        renew: whether a repository that had backups, and is not there any more, is made anew.

    Raises:
        BackupError: no backup could be made, and why.
    """
    with job.book.held():
        return save_held(job, why=why, note=note, renew=renew)


def save_held(job: Job, *, why: str, note: str = "", renew: bool = False) -> Backup:
    """Do what ``save`` does, for those who hold the site's backups already."""
    if job.archives is None:
        job = replace(job, source=about.with_own_release(job.source))
    with ExitStack() as stack:
        first, *others = [stack.enter_context(opened(target, urgent=job.urgent)) for target in job.targets]
        try:
            made, manifest = _write(job, first, why, note)
        except MissingError:
            _create(first, job.book, renew=renew)
            made, manifest = _write(job, first, why, note)
        job.book.put(made)
        if job.plan.prove != "off":
            made = _proven(job, first, made.copies[first.name], made, manifest)
        for other in others:
            made = _copied(job, first, other, made, renew=renew)
        return made


def prove_again(job: Job, backup: Backup) -> Backup:
    """Prove a backup that is there already; its site is started from it where the job says so.

    Raises:
        BackupError: it is in none of the declared repositories.
    """
    with job.book.held():
        for target in job.targets:
            if snapshot := backup.copies.get(target.name):
                with opened(target) as repository:
                    return _proven(job, repository, snapshot, backup, None)
    raise BackupError(
        numbered(
            7151, f"backup {backup.id} of {job.source.name} is in none of {', '.join(t.name for t in job.targets)}"
        )
    )


def _create(repository: Opened, book: Book, *, renew: bool, like: Opened | None = None) -> None:
    """Make a repository that is not there yet; one that is lost is not replaced by an empty one without a word."""
    had = [one for one in book.backups() if repository.name in one.copies]
    if had and not renew:
        raise BackupError(
            numbered(
                7153,
                f"repository {repository.name} of {book.site} ({repository.target.address}) is gone: it had {len(had)} backups. "
                f"If its disk is not mounted, mount it. To begin a new one: aegir backup {book.site} --new-repository",
            )
        )
    repository.create(like)
    # What the former one had is not in this one.
    book.lose(repository.name)


def _write(job: Job, repository: Opened, why: str, note: str) -> tuple[Backup, dict[str, Any]]:
    source, begun = job.source, time.time()
    if repository.may_have_locks:
        repository.unlock()
    release = _release(source)
    tags = [f"site={quote(source.site)}", f"why={quote(why)}", *([f"release={quote(release)}"] if release else [])]
    tags += [f"{NOTE}{quote(note)}"] if note else []
    with private_files.directory() as directory:
        given = directory / produce.SOURCE
        given.touch(mode=0o600)
        archives = job.archives.to_props() if job.archives else None
        described = {
            "source": source.to_props(), "exclude": list(job.plan.exclude), "urgent": job.urgent, "archives": archives,
        }  # fmt: skip
        given.write_text(json.dumps(described))
        words = [
            "backup", "--json", "--stdin-filename", ARCHIVE, "--host", source.holder.replace("/", "+"),
            *(word for tag in tags for word in ("--tag", tag)), "--stdin-from-command", "--",
            sys.executable, "-m", PROGRAM, str(directory),
        ]  # fmt: skip
        try:
            done = repository.run(*words, timeout=LONG, megabytes=memory.of_backup(_size(job)))
        except BackupError:
            if why_not := _failure(directory):
                raise BackupError(why_not) from None
            raise
        manifest = json.loads((directory / archive.MANIFEST).read_text())
    summary = _summary(done)
    made = Backup(
        id=str(summary["snapshot_id"])[:16], begun=int(begun), seconds=round(time.time() - begun, 1), size=int(manifest["size"]),
        added=int(summary.get("data_added_packed") or summary.get("data_added") or 0), note=note, why=why, release=release,
        not_saved=tuple(manifest["not_saved"]), harmless=tuple(manifest.get("harmless", ())), notes=tuple(manifest["notes"]),
        copies={repository.name: str(summary["snapshot_id"])[:16]}, longest=int(manifest["database"]["longest"]),
        dump=int(manifest["database"].get("bytes", 0)), exclude=tuple(manifest.get("exclude", ())),
    )  # fmt: skip
    return made, manifest


def _size(job: Job) -> int | None:
    """Give the bytes of a site's last backup: the next one is about as large."""
    known = job.book.backups() if job.archives is None else ()
    return (known[-1].size or None) if known else None


def _proven(job: Job, repository: Opened, snapshot: str, made: Backup, manifest: dict[str, Any] | None) -> Backup:
    start = _start(job, made)
    with memory.HUB.of(memory.of_reading(made.size)):
        seen = proof.prove(repository, snapshot, job.source, job.hub_root, manifest, start)
    done = replace(made, proof=seen.proof)
    if start is not None:
        done = replace(done, start=seen.start, not_started=seen.not_started)
    job.book.put(done)
    return done


def _start(job: Job, made: Backup) -> Start | None:
    """Give where the site is started from a backup, if that is due; with code that the backup does not belong to it is not."""
    due = job.plan.prove == "boot" and plan.is_start_due(job.book.backups(), local(made), local)
    if job.start is None or not (job.start_now or due):
        return None
    if made.release and job.start.release and made.release != job.start.release:
        why_not = f"the backup belongs to release {made.release}, and the site is on {job.start.release}"
        return replace(job.start, why_not=why_not)
    return job.start


def _copied(job: Job, first: Opened, other: Opened, made: Backup, *, renew: bool) -> Backup:
    """Copy a backup to another repository; one that cannot be reached is named, and the backup stays."""
    try:
        done = replace(made, copies={**made.copies, other.name: _copy(job, first, other, made, renew=renew)})
    except BackupError as fault:
        done = replace(made, failed={**made.failed, other.name: shown(fault)})
    job.book.put(done)
    return done


def _copy(job: Job, first: Opened, other: Opened, made: Backup, *, renew: bool) -> str:
    can = _can_copy(first, other)

    def go() -> str:
        if not can:
            # Restic reaches one server of a kind at a time: this one gets a backup of its own.
            return _write(job, other, made.why, made.note)[0].id
        if other.may_have_locks:
            other.unlock()
        done = other.run("copy", made.copies[first.name], copy_from=first, timeout=LONG,
                         megabytes=memory.of_copying(made.size))  # fmt: skip
        if saved := re.search(rb"snapshot ([0-9a-f]{8,64}) saved", done.stdout):
            return saved[1].decode()
        # It was there already, as after a run that was killed.
        return next((one.id for one in other.snapshots() if one.original == made.copies[first.name]), "")

    try:
        found = go()
    except MissingError:
        _create(other, job.book, renew=renew, like=first if can else None)
        found = go()
    if not found:
        raise BackupError(numbered(7151, f"repository {other.name} has no copy of it"))
    return found


def _can_copy(first: Opened, other: Opened) -> bool:
    return first.target.repository.kind == "directory" or (
        other.target.repository.kind == "directory" and first.target.repository.kind != "s3"
    )


def _release(source: Source) -> str:
    known = source.about.get("release") or {}
    return " ".join(str(known[key]) for key in ("platform", "name") if known.get(key))


def _failure(directory: Path) -> str:
    try:
        return (directory / produce.FAILURE).read_text()
    except OSError:
        return ""


def _summary(done: subprocess.CompletedProcess[bytes]) -> dict[str, Any]:
    for line in reversed(done.stdout.splitlines()):
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict) and found.get("snapshot_id"):
            return found
    raise BackupError(
        numbered(7152, "restic did not say which backup it has made; nothing was recorded. Run the same command again")
    )


def forget(book: Book, targets: Iterable[Target], backups: Sequence[Backup]) -> list[Backup]:
    """Remove backups from every repository that has them and lets them go; return those of which a copy was to go.

    Raises:
        BackupError: a repository could not be changed; what is still there stays in the list.
    """
    changing = [target for target in targets if not target.repository.append_only]
    going = [one for one in backups if any(target.name in one.copies for target in changing)]
    if not going:
        return []
    faults: list[str] = []
    left: dict[str, Backup] = {one.id: one for one in going}
    with book.held():
        for target in changing:
            ids = [one.copies[target.name] for one in left.values() if target.name in one.copies]
            if not ids:
                continue
            try:
                with opened(target) as repository:
                    repository.run("forget", *ids, timeout=LONG)
                    repository.run("prune", "--max-unused", "10%", timeout=LONG)
            except BackupError as fault:
                faults.append(text_of(fault))
                continue
            left = {
                key: replace(one, copies={name: copy for name, copy in one.copies.items() if name != target.name})
                for key, one in left.items()
            }
        for one in left.values():
            if one.copies:
                book.put(one)
        book.forget(one.id for one in left.values() if not one.copies)
    if faults:
        raise BackupError("; ".join(faults))
    return going


def learn(book: Book, targets: Iterable[Target]) -> list[str]:
    """Take over from the repositories what the hub's records lack; return what could not be asked.

    Raises:
        BusyError: another run is at work on the site's backups.
    """
    faults = []
    with book.held():
        for target in targets:
            try:
                with opened(target) as repository:
                    if repository.exists():
                        book.learn(target.name, repository.snapshots())
            except BackupError as fault:
                faults.append(text_of(fault))
    return faults


def damage(repository: Opened, snapshot: str) -> str:
    """Say why a backup cannot be restored whole from a repository; empty where it can."""
    try:
        proof.manifest(repository, snapshot)
    except BackupError as fault:
        return text_of(fault)
    return ""
