"""A backup of a site before an update or a move changes it, unless one was made a moment ago."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Final

from aegir_components.hub import wait
from aegir_components.messages import numbered, shown

from . import saving
from .book import Backup, BusyError
from .repository import BackupError
from .saving import Job

RECENT: Final = 600
"""Seconds for which a backup counts as one of now."""
PATIENCE: Final = 900.0
"""Seconds to wait for another run that is at work on the site's backups, such as the nightly one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Saved:
    """The backup that is there before something is changed."""

    backup: Backup
    is_new: bool
    """Whether it was made for this."""

    @property
    def line(self) -> str:
        """It in a sentence, with what it lacks."""
        one = self.backup
        where = f"in {', '.join(one.copies)}"
        made = (
            f"it is backed up as {one.id}, {where}" if self.is_new else f"backup {one.id} is of a moment ago, {where}"
        )
        proven = "" if one.is_proven else "; it is not proven, since prove is off"
        lacks = f"; the backup lacks {'; '.join(one.not_saved)}" if one.not_saved else ""
        failed = "".join(f"; it is not in {name}: {why}" for name, why in one.failed.items())
        return f"{made}{proven}{lacks}{failed}"


def save_before(job: Job, work: str, *, patience: float = PATIENCE) -> Saved:
    """Back a site up before something changes it.

    Args:
        job: the site's.
        work: what comes, such as ``an update``.
        patience: seconds to wait for another run on this hub that works on the site's backups.

    Raises:
        BackupError: there is no backup, or it could not be proven where the plan asks for that. The text says how to go on.
    """
    try:
        return _save(job, work, wait.Deadline(patience))
    except BackupError as fault:
        raise BackupError(
            numbered(
                7150,
                f"no backup of it could be made before {work}: {shown(fault)}. Nothing was changed. Repair the cause, or write "
                f"`backups: off` at the site to go on without a backup",
            )
        ) from fault


def _save(job: Job, work: str, deadline: wait.Deadline) -> Saved:
    # The site is not started from it: visitors and an operator wait.
    job = replace(job, start=None)
    while True:
        if (known := _recent(job)) is not None:
            return Saved(backup=known, is_new=False)
        try:
            made = saving.save(job, why=f"before {work}")
        except BusyError:
            if not deadline.pause(1):
                raise
            continue
        if job.plan.prove != "off" and not made.is_proven:
            why = made.proof.text if made.proof else "nobody has tried"
            raise BackupError(numbered(7141, f"backup {made.id} was made and could not be proven: {why}"))
        return Saved(backup=made, is_new=True)


def _recent(job: Job) -> Backup | None:
    """Give a good backup of the last minutes that is in the first repository; ``None`` where there is none."""
    since = time.time() - RECENT
    for one in reversed(job.book.backups()):
        is_good = one.is_complete and (one.is_proven or job.plan.prove == "off")
        if is_good and since <= one.begun <= time.time() and job.targets[0].name in one.copies:
            return one if not job.targets[0].is_missing else None
    return None
