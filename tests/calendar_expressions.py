"""Calendar expressions for systemd, right and wrong ones, and the verdict of a machine's own systemd on them."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import date

from aegir_components.settings import calendars, systemd_calendar

DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun", "Monday", "tuesday", "THU", "Sunday"]
ZONES = ["UTC", "utc", "Etc/UTC", "Etc/GMT+5", "Europe/Berlin", "Asia/Kolkata", "America/Argentina/Buenos_Aires"]
ODD = (
    "Tues",
    "Mon..",
    "Fri..Mon",
    "*/5",
    "*,5",
    "5,",
    "1..",
    "99",
    "60",
    "24",
    "31/1",
    "0/0",
    "7..7",
    "9..3",
    "2..9/12",
    "",
    "x",
    "-1",
)
WORDS = [
    "minutely",
    "hourly",
    "daily",
    "weekly",
    "Monthly",
    "quarterly",
    "semiannually",
    "semi-annually",
    "biannually",
    "yearly",
    "annually",
    "fortnightly",
]
NO_ZONES = ["Europe/Nowhere", "europe/berlin", "Europe", "Europe/", "/Europe/Berlin", "Europe//Berlin"]

PROGRAM = """\
while IFS= read -r each; do
    said=$(systemd-analyze calendar -- "$each" 2>&1) || said=wrong
    case $said in wrong) echo wrong ;; *"Next elapse: never"*) echo never ;; *) echo fires ;; esac
done
"""
"""For a shell: reads expressions, one a line, and prints systemd's verdict on each."""


def expressions(seed: int, count: int) -> list[str]:
    """Make different expressions of all forms; about half of them are wrong in one place."""
    chance = random.Random(seed)
    found: set[str] = set()
    while len(found) < count:
        found.add(_expression(chance))
    return sorted(found)


def verdict(text: str, today: date) -> str:
    """Say what we think of an expression: ``wrong``, ``never`` or ``fires``, as the shell program does."""
    try:
        calendar = systemd_calendar.parse(text, calendars.is_zone)
    except systemd_calendar.NoCalendar:
        return "wrong"
    return "fires" if calendar.fires_from(today) else "never"


def differences(texts: Iterable[str], verdicts: Iterable[str], today: date) -> list[tuple[str, str, str]]:
    """List the expressions on which we and a systemd differ, with both verdicts."""
    pairs = zip(texts, verdicts, strict=True)
    return [(text, ours, theirs) for text, theirs in pairs if (ours := verdict(text, today)) != theirs]


def _expression(chance: random.Random) -> str:
    if chance.random() < 0.06:
        parts = [chance.choice(WORDS)]
    else:
        weekdays = [_weekdays(chance)] if chance.random() < 0.35 else []
        days = [_date(chance)] if chance.random() < 0.55 else []
        times = [_time(chance)] if chance.random() < 0.8 or not (weekdays or days) else []
        parts = [*weekdays, *days, *times]
    if chance.random() < 0.2:
        parts.append(chance.choice(ZONES))
    if chance.random() < 0.04:
        parts.append(chance.choice(NO_ZONES))
    text = chance.choice([" "] * 30 + ["  "]).join(parts)
    if chance.random() < 0.35 and len(words := text.replace("-", " - ").replace(":", " : ").split(" ")) > 1:
        words[chance.randrange(len(words))] = chance.choice(ODD)
        text = " ".join(words).replace(" - ", "-").replace(" : ", ":")
    return text


def _weekdays(chance: random.Random) -> str:
    items = []
    for _ in range(chance.choice([1, 1, 2])):
        first, last = sorted(chance.sample(range(7), 2))
        items.append(DAYS[first] + chance.choice(["", "", f"..{DAYS[last]}", f"-{DAYS[last]}"]))
    return ",".join(items) + chance.choice(["", "", "", ","])


def _date(chance: random.Random) -> str:
    year = chance.choice(["*-", "*-", "", _chain(chance, 2027, 2090) + "-", _chain(chance, 2020, 2025) + "-", "28-"])
    return f"{year}{_chain(chance, 1, 12)}{chance.choice('---~')}{_chain(chance, 1, 31)}"


def _time(chance: random.Random) -> str:
    seconds = [":*", f":{_chain(chance, 0, 59)}", ":10.5", ":0..30/7.25", ":0.9999995"]
    return f"{_chain(chance, 0, 23)}:{_chain(chance, 0, 59)}" + chance.choice([*[""] * 8, *seconds])


def _chain(chance: random.Random, low: int, high: int) -> str:
    if chance.random() < 0.4:
        return "*"
    return ",".join(_item(chance, low, high) for _ in range(chance.choice([1, 1, 1, 2, 3])))


def _item(chance: random.Random, low: int, high: int) -> str:
    first, last = sorted((chance.randint(low, high), chance.randint(low, high)))
    stop = f"..{last}" if chance.random() < 0.25 else ""
    step = f"/{chance.randint(1, max(2, (high - low) // 3))}" if chance.random() < 0.25 else ""
    return f"{first:02}{stop}{step}"
