"""When a backup is due, when one was missed, and which ones may go. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Final

from aegir_components.settings import Keep, Plan

from .book import Backup

DUE: Final = "due"
"""Why a backup was made that the plan asks for."""
_SOON: Final = timedelta(days=7)
_WEEK: Final = timedelta(days=6, hours=12)
"""Less than a week, so that the window of the seventh day counts."""
_LATE: Final = timedelta(days=9)
"""A week, the window, and a day in which the next backup tries again."""


def is_due(plan: Plan, last: datetime | None, now: datetime) -> bool:
    """Return whether a backup is to be made now.

    Args:
        plan: the site's.
        last: when its newest backup began, in the hub's local time; ``None`` where it has none.
        now: the hub's local time.
    """
    if plan.every == "hour":
        return last is None or last > now or last < now.replace(minute=0, second=0, microsecond=0)
    begin = _window_begin(plan, now)
    if begin is None:
        return False
    # A clock that was ahead for a while must not stop backups for as long.
    if last is None or last > now:
        return True
    return last < (begin if plan.every == "day" else begin - _WEEK)


def is_missed(plan: Plan, last: datetime | None, now: datetime) -> bool:
    """Return whether the newest proven backup is older than the plan says.

    Args:
        plan: the site's.
        last: when the newest proven backup began; ``None`` where there is none.
        now: the hub's local time.
    """
    if last is None or last > now + timedelta(hours=1):
        return True
    longest = {"hour": timedelta(hours=2), "day": timedelta(hours=24), "week": timedelta(days=7)}[plan.every]
    return now - last > longest + (timedelta(0) if plan.every == "hour" else _length(plan))


def is_start_due(backups: Iterable[Backup], now: datetime, when: Callable[[Backup], datetime]) -> bool:
    """Return whether the site is to be started from its next backup: once a week, and after a start that failed."""
    tried = sorted((one for one in backups if one.start is not None), key=when)
    return not tried or not tried[-1].starts or now - when(tried[-1]) > _WEEK or when(tried[-1]) > now


def is_start_missed(backups: Iterable[Backup], now: datetime, when: Callable[[Backup], datetime]) -> bool:
    """Return whether a site that has had backups for longer than a week was not started from any of the last week."""
    known = list(backups)
    since = [when(one) for one in known if one.start is not None and one.start.ok] or [when(one) for one in known][:1]
    return bool(since) and now - max(since) > _LATE


def superfluous(
    keep: Keep, backups: Iterable[Backup], when: Callable[[Backup], datetime], now: datetime
) -> list[Backup]:
    """List the backups that no rule keeps.

    The newest backup, the newest proven one, and those with a note always stay. Those that somebody asked for, or that were
    made before an update or a restore, stay for a week at least. The rules count hours, days, weeks and
    months that have a backup, so that neither a pause nor a clock that jumped removes anything.

    Args:
        keep: how many stay.
        backups: all of a site.
        when: gives the local time at which one began.
        now: the hub's local time.
    """
    newest_first = sorted(backups, key=lambda one: one.begun, reverse=True)
    kept = {one.id for one in newest_first[:1]} | {one.id for one in newest_first if one.note}
    kept |= {one.id for one in [one for one in newest_first if one.is_proven][:1]}
    kept |= {one.id for one in newest_first if one.why != DUE and now - when(one) < _SOON}
    rules = ((keep.hourly, "%Y%m%d%H"), (keep.daily, "%Y%m%d"), (keep.weekly, "%G%V"), (keep.monthly, "%Y%m"))
    for number, form in rules:
        # Of each period the last one that has everything and is proven, where there is such a one.
        best: dict[str, Backup] = {}
        for one in newest_first:
            period = when(one).strftime(form)
            if period not in best or (_is_good(one) and not _is_good(best[period])):
                best[period] = one
        kept |= {best[period].id for period in sorted(best, reverse=True)[:number]}
    return [one for one in newest_first if one.id not in kept]


def _is_good(backup: Backup) -> bool:
    return backup.is_proven and backup.is_complete


def _window_begin(plan: Plan, now: datetime) -> datetime | None:
    """Return when the window that it is in began; ``None`` outside of it."""
    minutes, _ = plan.window
    for day in (now, now - timedelta(days=1)):
        begin = day.replace(hour=minutes // 60, minute=minutes % 60, second=0, microsecond=0)
        if begin <= now < begin + _length(plan):
            return begin
    return None


def _length(plan: Plan) -> timedelta:
    begin, end = plan.window
    return timedelta(minutes=(end - begin) % (24 * 60))
