"""Calendar expressions by systemd's own grammar (``src/shared/calendarspec.c`` of systemd 247 to 257): what a timer fires at.

systemd.time(7) has the grammar in words. Two things are left out. One is the abbreviation of a machine's own time zone
(``CEST``), which the hub does not know. The other is ``@`` with seconds of the epoch, which is one point in time.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from aegir_components.messages import AegirError, numbered

SHORTHANDS: Final = {
    "minutely": "*-*-* *:*",
    "hourly": "*-*-* *:00",
    "daily": "*-*-*",
    "weekly": "Mon",
    "monthly": "*-*-01",
    "quarterly": "*-01,04,07,10-01",
    **dict.fromkeys(("semiannually", "semi-annually", "biannually", "bi-annually"), "*-01,07-01"),
    **dict.fromkeys(("yearly", "annually", "anually"), "*-01-01"),
}
"""systemd's own words, in any case, and what each stands for."""

FIRST_YEAR: Final = 1970
LAST_YEAR: Final = 2199
"""systemd looks no further for a next time."""
SECOND: Final = 1_000_000
"""In microseconds, in which seconds are counted."""
MOST: Final = 2**31 - 1

_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY: Final = r"(?:" + "|".join(f"{day}|{day[:3]}" for day in _DAYS) + ")"
_DAY_RANGE: Final = rf"{_DAY}(?:(?:\.\.|-){_DAY})?"
_WEEKDAYS: Final = re.compile(rf"({_DAY_RANGE}(?:,{_DAY_RANGE})*),?(?: +|$)", re.IGNORECASE)
_ITEM: Final = r"[0-9]+(?:\.\.[0-9]+)?(?:/[0-9]+)?"
_CHAIN: Final = rf"(?:\*|{_ITEM}(?:,{_ITEM})*)"
_TICKS: Final = r"[0-9]+(?:\.[0-9]+)?"
_TICK_ITEM: Final = rf"{_TICKS}(?:\.\.{_TICKS})?(?:/{_TICKS})?"
_DATE: Final = re.compile(rf"(?:({_CHAIN})-)?({_CHAIN})([-~])({_CHAIN})(?: +|$)")
_TIME: Final = re.compile(rf"({_CHAIN}):({_CHAIN})(?::(\*|{_TICK_ITEM}(?:,{_TICK_ITEM})*))?")
_PARTS: Final = re.compile(r"([0-9.]+?)(?:\.\.([0-9.]+))?(?:/([0-9.]+))?")


class NoCalendar(AegirError, ValueError):
    """systemd does not take the expression; the text says why, and what to write."""


@dataclass(frozen=True, slots=True)
class Part:
    """One value, a range, or either with a step; ``stop`` is ``None`` where it goes on to the end."""

    start: int
    stop: int | None
    step: int

    def has(self, value: int) -> bool:
        """Return whether a value is in it."""
        if self.step == 0:
            return value == self.start
        inside = self.start <= value and (self.stop is None or value <= self.stop)
        return inside and (value - self.start) % self.step == 0


Chain = tuple[Part, ...]
"""Empty for any value."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Calendar:
    """The days at which an expression fires; its times of the day are checked, and every day has them."""

    weekdays: frozenset[int] = frozenset()
    """0 for Monday; empty for any."""
    years: Chain = ()
    months: Chain = ()
    days: Chain = ()
    from_end: bool = False
    """Whether days are counted from the end of their month, the last one as 1."""

    def fires_from(self, first: date) -> bool:
        """Return whether a day from this one on is one of its days."""
        for year in range(max(first.year, FIRST_YEAR), LAST_YEAR + 1):
            if _in(self.years, year):
                for month in range(1, 13):
                    if _in(self.months, month) and any(day >= first for day in self._days_of(year, month)):
                        return True
        return False

    def _days_of(self, year: int, month: int) -> Iterator[date]:
        last = monthrange(year, month)[1]
        for day in range(1, last + 1):
            found = date(year, month, day)
            counted = self._has_from_end(day, last) if self.from_end else _in(self.days, day)
            if counted and (not self.weekdays or found.weekday() in self.weekdays):
                yield found

    def _has_from_end(self, day: int, last: int) -> bool:
        """Return whether a day is counted from the end; a step goes forward, from the day that is furthest from the end."""
        for part in self.days:
            first, end = (part.start, None) if part.stop is None else (part.stop, last + 1 - part.start)
            if Part(last + 1 - first, end, part.step).has(day):
                return True
        return not self.days


def parse(text: str, is_zone: Callable[[str], bool]) -> Calendar:
    """Read an expression as systemd does.

    Args:
        text: The expression.
        is_zone: Tells whether the zone database has a time zone of this name.

    Raises:
        NoCalendar: systemd does not take it.
    """
    rest = _without_zone(text, is_zone)
    rest = SHORTHANDS.get(rest.lower(), rest)
    weekdays: frozenset[int] = frozenset()
    if found := _WEEKDAYS.match(rest):
        weekdays, rest = _weekdays(found[1]), rest[found.end() :]
    elif not rest:
        raise NoCalendar(numbered(1051, "there is no day and no time in it"))
    years: Chain = ()
    months: Chain = ()
    days: Chain = ()
    from_end = False
    if found := _DATE.match(rest):
        from_end = found[3] == "~"
        years = _chain(found[1] or "*", "years", FIRST_YEAR, LAST_YEAR)
        months = _chain(found[2], "months", 1, 12)
        # Each month has 28 days, so that each can be counted from its end.
        days = _chain(
            found[4], "days from the month's end" if from_end else "days", 1, 28 if from_end else 31, from_end=from_end
        )
        rest = rest[found.end() :]
    if rest:
        _check_time(rest)
    return Calendar(weekdays=weekdays, years=years, months=months, days=days, from_end=from_end)


def _without_zone(text: str, is_zone: Callable[[str], bool]) -> str:
    before, space, last = text.rpartition(" ")
    if not space:
        return text
    if last.upper() == "UTC" or is_zone(last):
        return before
    if re.match(r"[A-Za-z]", last) and not _WEEKDAYS.match(last):
        parse(before, is_zone)
        raise NoCalendar(numbered(1051, f"there is no time zone {last}"))
    return text


def _weekdays(text: str) -> frozenset[int]:
    found: set[int] = set()
    for item in text.lower().split(","):
        first, *end = (_number_of(day) for day in re.split(r"\.\.|-", item))
        last = end[0] if end else first
        if last < first:
            raise NoCalendar(numbered(1051, f"weekdays go from Mon to Sun; write {_range(first, 6)},{_range(0, last)}"))
        found.update(range(first, last + 1))
    return frozenset(found)


def _number_of(day: str) -> int:
    return next(number for number, name in enumerate(_DAYS) if day in (name, name[:3]))


def _range(first: int, last: int) -> str:
    ends = dict.fromkeys(_DAYS[day][:3].title() for day in (first, last))
    return "..".join(ends)


def _check_time(text: str) -> None:
    found = _TIME.fullmatch(text)
    if found is None:
        if len(text.split()) == 5:
            raise NoCalendar(
                numbered(1051, "the five fields of a crontab are another form; 30 6 * * 1-5 is Mon..Fri 06:30 here")
            )
        starred = re.search(r"\*(/[0-9]+|,)", text)
        if starred and starred[1] != ",":
            raise NoCalendar(
                numbered(
                    1051,
                    f"* takes no step; write 0{starred[1]} for hours, minutes and seconds, 1{starred[1]} for dates",
                )
            )
        raise (
            NoCalendar(numbered(1051, "* stands for all values, and has no place in a list"))
            if starred
            else NoCalendar(
                numbered(1051, "it is no weekday, date and time in this order, such as Mon..Fri *-*-01 06:30")
            )
        )
    _chain(found[1], "hours", 0, 23)
    _chain(found[2], "minutes", 0, 59)
    _chain(found[3] or "0", "seconds", 0, 60 * SECOND - 1, unit=SECOND)


def _chain(text: str, what: str, low: int, high: int, *, from_end: bool = False, unit: int = 1) -> Chain:
    if text == "*":
        return ()
    found = {_part(item, what, unit): item for item in text.split(",")}
    parts = sorted(found, key=lambda part: (part.start, -1 if part.stop is None else part.stop, part.step))
    for place, part in enumerate(parts):
        # systemd takes three days off the limit again for each further value: it is no rule of its manual, but it holds.
        _check_part(part, found[part], what, low, high - 3 * place * from_end, from_end=from_end, unit=unit)
    return tuple(parts)


def _part(item: str, what: str, unit: int) -> Part:
    found = _PARTS.fullmatch(item)
    assert found is not None, item
    start, stop, step = (None if each is None else _number(each, unit) for each in found.groups())
    assert start is not None
    if step == 0:
        raise NoCalendar(numbered(1051, f"{item} has a step of 0"))
    if unit > 1 and step is None and stop is not None and start + unit > stop:
        raise NoCalendar(numbered(1051, f"{item} is a range of less than a second"))
    if what == "years":
        start, stop = _full_year(start), None if stop is None else _full_year(stop)
    if stop is None:
        return Part(start, None, step or 0)
    step = step or unit
    stop -= (stop - start) % step if stop > start else 0
    return Part(start, None, 0) if start == stop else Part(start, stop, step)


def _check_part(part: Part, item: str, what: str, low: int, high: int, *, from_end: bool, unit: int) -> None:
    if not all(low <= value <= high for value in (part.start, part.stop) if value is not None):
        raise NoCalendar(numbered(1051, f"{what} are from {low} to {high // unit}, and {item} is not"))
    if part.stop is not None and part.stop < part.start:
        raise NoCalendar(numbered(1051, f"{item} ends before it begins"))
    misses = part.start - part.step < low if from_end else part.start + part.step > high
    if part.step > high - low or (part.stop is None and misses):
        raise NoCalendar(numbered(1051, f"{item} has no second value among the {what} ({low} to {high // unit})"))


def _number(text: str, unit: int) -> int:
    """Read a number; seconds have six decimal places, the last one rounded."""
    whole, _, fraction = text.partition(".")
    value = int(whole) * unit
    if fraction:
        value += int(fraction[:6].ljust(6, "0")) + (fraction[6:7] >= "5")
    if value > MOST:
        raise NoCalendar(numbered(1051, f"{text} is too large"))
    return value


def _full_year(year: int) -> int:
    """Years may have two digits: 70 to 99 are of the twentieth century."""
    if year < 70:
        return year + 2000
    return year + 1900 if year < 100 else year


def _in(chain: Chain, value: int) -> bool:
    return not chain or any(part.has(value) for part in chain)
