"""How often cron runs: what is taken, and that systemd takes it as well."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from aegir_components.services import cron
from aegir_components.settings import calendars, names

TAKEN = (
    "hourly", "daily", "weekly", "1min", "5min", "30min", "*:0/10", "Mon..Fri 06:30", "Sat,Sun 04:00:30", "*-*-01 03:15",
    "2027-01-01 00:00:00", "Mon *-*-1..7 08..17/2:15 Europe/Berlin", "06:30 UTC", "*-02~03 05:00", "Mon", "01-15", "0..23/2:07",
)  # fmt: skip
REJECTED = (
    "", " ", "0min", "31min", "5 min",
    "min", "every day", "25:00", "12:60", "13-45 10:00", "*", "5", "Mon..Foo 06:30", "06:30; rm",
    "*:0/0", "06:30\n07:30", "12:00 12:00", "8..5:00", "*-*-00 06:00", "a" * 200,
)  # fmt: skip


@pytest.mark.parametrize("text", TAKEN)
def test_it_is_taken_and_systemd_takes_it(text: str) -> None:
    assert text == calendars.often(text)
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed here")
    expression = cron.calendar("www.example.com", text)
    done = subprocess.run([program, "calendar", expression], capture_output=True, text=True, timeout=20, check=False)
    assert 0 == done.returncode, done.stderr


@pytest.mark.parametrize("text", REJECTED)
def test_it_is_rejected(text: str) -> None:
    with pytest.raises(names.Wrong):
        calendars.often(text)


def test_sites_have_minutes_and_seconds_of_their_own() -> None:
    times = {cron.calendar(f"site{number}.example.com", "5min") for number in range(200)}
    assert len(times) > 100
    assert {time.partition("/")[0].rpartition(":")[2] for time in times} == {"00", "01", "02", "03", "04"}
