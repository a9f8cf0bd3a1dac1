"""How often cron runs: what is taken, and that systemd takes it as well."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from aegir_components.deploy import cron
from aegir_components.settings import calendars, names, systemd_calendar
from tests import calendar_expressions

TAKEN = (
    "hourly", "daily", "weekly", "1min", "5min", "30min", "*:0/10", "Mon..Fri 06:30", "Sat,Sun 04:00:30", "*-*-01 03:15",
    "2027-01-01 00:00:00", "Mon *-*-1..7 08..17/2:15 Europe/Berlin", "06:30 UTC", "*-02~03 05:00", "Mon", "01-15", "0..23/2:07",
    "06:30 Etc/GMT+5", "Mon UTC", "*~05 06:30", "Mon-Fri 6:30", "weekly Europe/Berlin", "02-29", "2020-01-01",
)  # fmt: skip
REJECTED = {
    "": "", " ": "", "0min": "minutes are from 1 to 30", "31min": "minutes are from 1 to 30", "5 min": "write 5min",
    "min": "", "every day": "", "25:00": "hours are from 0 to 23, and 25 is not", "12:60": "minutes are from 0 to 59",
    "13-45 10:00": "months are from 1 to 12", "*": "", "5": "write 5min", "Mon..Foo 06:30": "", "06:30; rm": "",
    "*:0/0": "0/0 has a step of 0", "06:30\n07:30": "", "12:00 12:00": "", "8..5:00": "8..5 ends before it begins",
    "*-*-00 06:00": "days are from 1 to 31", "a" * 200: "more than 100 characters", "HOURLY": "write hourly, in lower case",
    "*/5:00": "write 0/5 for hours", "*,5:00": "no place in a list", "*:*/5": "write 0/5 for hours", "*/2:00": "write 0/2",
    "*-1/12-1 00:00": "1/12 has no second value among the months", "Fri..Mon 06:30": "write Fri..Sun,Mon",
    "2026~02-30": "", "06:30 Europe/Nowhere": "there is no time zone Europe/Nowhere", "weekley": "did you mean weekly?",
    "06:30 europe/berlin": "did you mean Europe/Berlin?", "0 6 * * 1": "30 6 * * 1-5 is Mon..Fri 06:30 here",
    "02-30": "never fires", "Mon 2027-01-05": "never fires", "*-04-31": "never fires", "2027-02-29 06:30": "never fires",
}  # fmt: skip
"""Each with what its message says."""
RECORDED = Path(__file__).parents[1] / "fixtures" / "calendar-expressions.txt"
"""What systemd 247, 252 and 257 said with one voice on the 28th of November 2026."""


@pytest.mark.parametrize("text", TAKEN)
def test_it_is_taken_and_systemd_takes_it(text: str) -> None:
    assert text == calendars.often(text)
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed here")
    expression = cron.calendar("www.example.com", text)
    done = subprocess.run([program, "calendar", expression], capture_output=True, text=True, timeout=20, check=False)
    assert 0 == done.returncode, done.stderr


@pytest.mark.parametrize(("text", "why"), REJECTED.items())
def test_it_is_rejected(text: str, why: str) -> None:
    with pytest.raises(names.Wrong, match=r"must be one of off, hourly, daily, minutes|never fires") as wrong:
        calendars.often(text)
    assert why in str(wrong.value)


def test_systemd_says_the_same_of_recorded_expressions() -> None:
    rows = [line.split("\t") for line in RECORDED.read_text(encoding="utf-8").splitlines()]

    found = calendar_expressions.differences([row[1] for row in rows], [row[0] for row in rows], date(2026, 11, 28))

    assert ([], {"fires", "never", "wrong"}) == (found, {row[0] for row in rows})


@pytest.mark.slow
def test_the_systemd_of_this_machine_says_the_same() -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed here")
    texts = calendar_expressions.expressions(3, 120)

    done = subprocess.run(
        ["/bin/sh", "-c", calendar_expressions.PROGRAM], input="\n".join([*texts, ""]),
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip

    assert [] == calendar_expressions.differences(texts, done.stdout.split(), datetime.now(UTC).date())


@pytest.mark.parametrize(
    ("text", "today", "fires"),
    [
        ("2026-11-28", date(2026, 11, 28), True),
        ("2026-11-28", date(2026, 11, 29), False),
        ("02-29", date(2096, 3, 1), True),
        ("Tue 2027-01-05", date(2026, 11, 28), True),
        ("2028-02~01", date(2028, 2, 29), True),
        ("2028-02~01", date(2028, 3, 1), False),
        ("2027-03~1..7/4", date(2027, 3, 28), True),
        ("2027-03~1..7/4", date(2027, 4, 1), False),
        ("*~07/1", date(2199, 12, 31), True),
    ],
)
def test_whether_it_fires_from_a_day_on(text: str, today: date, fires: bool) -> None:
    assert fires == systemd_calendar.parse(text, calendars.is_zone).fires_from(today)


def test_days_that_have_passed_are_told_apart_from_days_that_never_come() -> None:
    now = datetime(2026, 11, 28, 12, tzinfo=UTC)
    assert calendars.has_ended("2020-01-01", now)
    assert not any(calendars.has_ended(text, now) for text in ("2026-11-27", "Mon", "hourly", "off", "5min"))


def test_sites_have_minutes_and_seconds_of_their_own() -> None:
    times = {cron.calendar(f"site{number}.example.com", "5min") for number in range(200)}
    assert len(times) > 100
    assert {time.partition("/")[0].rpartition(":")[2] for time in times} == {"00", "01", "02", "03", "04"}
