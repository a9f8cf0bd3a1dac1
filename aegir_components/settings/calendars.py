"""How often something is done: words of ours, minutes, and the calendar expressions of systemd.time(7)."""

from __future__ import annotations

import re
from typing import Final

from .names import Wrong
from .wording import quoted

WORDS: Final = ("off", "hourly", "daily")
"""With a minute, and for ``daily`` an hour, that the site's name chooses."""
SHORTHANDS: Final = ("minutely", "weekly", "monthly", "quarterly", "semiannually", "yearly", "annually")
"""systemd's own words; what it calls hourly and daily is ours."""
LONGEST: Final = 100

_DAY = r"(?:Mon(?:day)?|Tue(?:sday)?|Wed(?:nesday)?|Thu(?:rsday)?|Fri(?:day)?|Sat(?:urday)?|Sun(?:day)?)"
_DAYS = re.compile(rf"{_DAY}(?:\.\.{_DAY})?(?:,{_DAY}(?:\.\.{_DAY})?)*,?", re.IGNORECASE)
_ZONE = re.compile(r"UTC|[A-Z][A-Za-z_]+(?:/[A-Za-z_+-]+)+")
_PART = re.compile(r"(\*|\d+)(?:\.\.(\d+))?(?:/(\d+))?")
_MINUTES = re.compile(r"([1-9][0-9]?)min")


def often(text: str) -> str:
    """Check how often something is to be done.

    Raises:
        Wrong: it is none of the words, no number of minutes from 1 to 30, and no calendar expression.
    """
    if text in WORDS or text in SHORTHANDS:
        return text
    minutes = _MINUTES.fullmatch(text)
    if (minutes and int(minutes[1]) <= 30) or (not minutes and len(text) <= LONGEST and _is_calendar(text)):
        return text
    raise Wrong(
        f"must be one of {', '.join(WORDS)}, minutes from 1min to 30min, or a calendar expression of systemd's such as "
        f'"Mon..Fri 06:30" (on the hub: systemd-analyze calendar)',
        f", not {quoted(text)}",
    )


def _is_calendar(text: str) -> bool:
    """Return whether systemd takes it: days of the week, a date, a time and a time zone, each of them once at most."""
    words = text.split(" ")
    if words and _DAYS.fullmatch(words[0]):
        words = words[1:] or ["00:00"]
    if len(words) > 1 and _ZONE.fullmatch(words[-1]):
        words = words[:-1]
    if words and "-" in words[0]:
        if not _is_date(words[0]):
            return False
        words = words[1:] or ["00:00"]
    return len(words) == 1 and _is_time(words[0])


def _is_date(text: str) -> bool:
    parts = text.replace("~", "-").split("-")
    if len(parts) not in (2, 3):
        return False
    years = parts[0] if len(parts) == 3 else "*"
    return _in(years, 1970, 2199) and _in(parts[-2], 1, 12) and _in(parts[-1], 1, 31)


def _is_time(text: str) -> bool:
    parts = text.split(":")
    if len(parts) not in (2, 3):
        return False
    return _in(parts[0], 0, 23) and all(_in(part, 0, 59) for part in parts[1:])


def _in(text: str, least: int, most: int) -> bool:
    """Return whether a list of values, ranges and steps is between two numbers."""
    for part in text.split(","):
        match = _PART.fullmatch(part)
        if match is None or (match[1] == "*" and match[2]) or (match[3] and not 1 <= int(match[3]) <= most):
            return False
        numbers = [int(number) for number in (match[1], match[2]) if number and number != "*"]
        if any(not least <= number <= most for number in numbers) or numbers != sorted(numbers):
            return False
    return True
