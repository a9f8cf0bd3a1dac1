"""How often something is done: our own words, minutes, and the calendar expressions of systemd.time(7)."""

from __future__ import annotations

import difflib
import re
import zoneinfo
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Final

from aegir_components.messages import numbered

from . import systemd_calendar
from .names import Wrong, WrongForm, wanted
from .wording import quoted

WORDS: Final = ("off", "hourly", "daily")
"""With a minute, and for ``daily`` an hour, that the site's name chooses."""
LONGEST: Final = 100
FORM: Final = (
    f"one of {', '.join(WORDS)}, minutes from 1min to 30min, or a calendar expression of systemd's such as "
    f'"Mon..Fri 06:30" (on the hub: systemd-analyze calendar)'
)

_MINUTES = re.compile(r"([1-9][0-9]?)min")


@wanted(FORM)
def often(text: str) -> str:
    """Check how often something is to be done.

    Raises:
        Wrong: it is none of the words, no number of minutes from 1 to 30, and no calendar expression that ever fires.
    """
    if text in WORDS or is_minutes(text):
        return text
    try:
        found = _read(text)
    except systemd_calendar.NoCalendar as fault:
        raise WrongForm(numbered(1051, f"must be {FORM}"), f", not {quoted(text)}: {fault}") from None
    if not found.fires_from(date(systemd_calendar.FIRST_YEAR, 1, 1)):
        raise Wrong(numbered(1052, "never fires, because no such day comes"), f": {quoted(text)}")
    return text


def has_ended(text: str, now: datetime | None = None) -> bool:
    """Return whether a checked expression names days that have all passed, wherever on earth its machine is."""
    if text in WORDS or is_minutes(text):
        return False
    yesterday = (now or datetime.now(UTC)).date() - timedelta(days=1)
    return not _read(text).fires_from(yesterday)


def is_minutes(text: str) -> bool:
    """Return whether it is a number of minutes from 1 to 30."""
    minutes = _MINUTES.fullmatch(text)
    return minutes is not None and int(minutes[1]) <= 30


def _read(text: str) -> systemd_calendar.Calendar:
    minutes = re.fullmatch(r"([0-9]+) ?(m|min|mins|minute|minutes)?", text, re.IGNORECASE)
    if minutes:
        usable = 1 <= int(minutes[1]) <= 30
        raise systemd_calendar.NoCalendar(
            numbered(1051, f"write {int(minutes[1])}min") if usable else numbered(1051, "minutes are from 1 to 30")
        )
    if text.lower() in WORDS:
        raise systemd_calendar.NoCalendar(numbered(1051, f"write {text.lower()}, in lower case"))
    if len(text) > LONGEST:
        raise systemd_calendar.NoCalendar(numbered(1051, f"it has more than {LONGEST} characters"))
    try:
        return systemd_calendar.parse(text, is_zone)
    except systemd_calendar.NoCalendar as fault:
        near = difflib.get_close_matches(text.lower(), [*WORDS, *systemd_calendar.SHORTHANDS], n=1, cutoff=0.7)
        last = text.rpartition(" ")[2]
        zone = next((zone for zone in _zones() if zone.lower() == last.lower()), "") if "/" in last else ""
        advice = zone or (near[0] if near else "")
        raise systemd_calendar.NoCalendar(
            numbered(1051, f"{fault}; did you mean {advice}?") if advice and advice != last else str(fault)
        ) from None


def is_zone(name: str) -> bool:
    """Return whether the hub's zone database has a time zone; where it has none at all, any name of the usual form is."""
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return re.fullmatch(r"[A-Z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)+", name) is not None and not _zones()
    return True


@cache
def _zones() -> list[str]:
    return sorted(zoneinfo.available_timezones())
