"""When a backup is due, when it was missed, and what may go."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from aegir_components.backups import plan
from aegir_components.backups.book import Backup, Proof
from aegir_components.settings import Keep, Plan

NIGHT = Plan(at="02:00-05:00")


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-{text}").replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("declared", "last", "now", "expected"),
    [
        (NIGHT, None, "10T02:00", True),
        (NIGHT, None, "10T01:59", False),
        (NIGHT, None, "10T05:00", False),
        (NIGHT, "09T02:10", "10T02:00", True),
        (NIGHT, "10T02:10", "10T04:59", False),
        (NIGHT, "09T23:00", "10T03:00", True),
        (NIGHT, "12T02:10", "10T03:00", True),
        (Plan(at="23:00-01:00"), "09T23:10", "10T00:30", False),
        (Plan(at="23:00-01:00"), "08T23:10", "10T00:30", True),
        (Plan(every="week"), "03T02:10", "10T02:00", True),
        (Plan(every="week"), "05T02:10", "10T02:00", False),
        (Plan(every="hour"), "10T14:59", "10T15:00", True),
        (Plan(every="hour"), "10T15:01", "10T15:59", False),
    ],
)
def test_a_backup_is_due_once_in_its_window(declared: Plan, last: str | None, now: str, expected: bool) -> None:
    assert expected is plan.is_due(declared, at(last) if last else None, at(now))


@pytest.mark.parametrize(
    ("declared", "last", "now", "expected"),
    [
        (NIGHT, None, "10T12:00", True),
        (NIGHT, "10T02:10", "11T05:00", False),
        (NIGHT, "10T02:10", "11T05:30", True),
        (Plan(every="hour"), "10T02:10", "10T04:00", False),
        (Plan(every="hour"), "10T02:10", "10T04:30", True),
        (NIGHT, "20T02:10", "10T12:00", True),
    ],
)
def test_a_plan_is_missed(declared: Plan, last: str | None, now: str, expected: bool) -> None:
    assert expected is plan.is_missed(declared, at(last) if last else None, at(now))


def made(moment: datetime, **more: Any) -> Backup:
    proof = Proof(at=0, seconds=1.0, ok=more.pop("ok", True), text="")
    return Backup(id=f"{moment:%m%d%H%M}", begun=int(moment.timestamp()), **{"why": "due", "proof": proof, **more})


def when(one: Backup) -> datetime:
    return datetime.fromtimestamp(one.begun, tz=UTC)


def test_a_site_is_started_from_a_backup_once_a_week() -> None:
    well, broken = Proof(at=0, seconds=1.0, ok=True, text=""), Proof(at=0, seconds=1.0, ok=False, text="")
    before = [made(at("01T02:10")), made(at("02T02:10"), start=well), made(at("03T02:10"))]
    assert plan.is_start_due(before[:1], at("02T02:10"), when)
    assert not plan.is_start_due(before, at("08T02:10"), when)
    assert plan.is_start_due(before, at("09T02:05"), when)
    assert plan.is_start_due([made(at("02T02:10"), start=broken)], at("03T02:10"), when), (
        "one that failed is tried again"
    )
    assert plan.is_start_due([*before, made(at("04T02:10"), start=broken)], at("05T02:10"), when)
    assert plan.is_start_due([made(at("20T02:10"), start=well)], at("03T02:10"), when), "of a clock that was ahead"
    assert not plan.is_start_missed([], at("30T02:10"), when)
    assert not plan.is_start_missed(before, at("10T02:10"), when)
    assert plan.is_start_missed(before, at("12T02:10"), when)
    assert not plan.is_start_missed(before[:1], at("09T02:10"), when), "there was no week yet"
    assert plan.is_start_missed([made(at("01T02:10"), start=broken)], at("11T02:10"), when)


def left(backups: list[Backup], keep: Keep, now: datetime) -> list[str]:
    gone = {one.id for one in plan.superfluous(keep, backups, when, now)}
    return [one.id for one in backups if one.id not in gone]


def test_days_weeks_and_months_stay() -> None:
    begin = at("01T02:00")
    backups = [made(begin + timedelta(days=day)) for day in range(29)]
    kept = left(backups, Keep(hourly=0, daily=3, weekly=2, monthly=1), at("29T12:00"))
    assert ["11220200", "11270200", "11280200", "11290200"] == kept


def test_the_last_proven_one_and_those_with_a_note_always_stay() -> None:
    begin = at("01T02:00")
    backups = [made(begin + timedelta(days=day), ok=day == 3, note="keep" if day == 5 else "") for day in range(20)]
    kept = left(backups, Keep(daily=1, weekly=0, monthly=0), at("29T12:00"))
    assert ["11040200", "11060200", "11200200"] == kept


def test_of_one_day_the_good_one_stays() -> None:
    good, bad = made(at("10T02:00")), made(at("10T04:00"), ok=False)
    later = made(at("11T02:00"))
    assert [good.id, later.id] == left([good, bad, later], Keep(daily=2, weekly=0, monthly=0), at("11T03:00"))


def test_a_backup_that_somebody_asked_for_stays_for_a_week() -> None:
    asked, due = made(at("10T02:00"), why="before a restore"), made(at("10T04:00"))
    keep = Keep(daily=1, weekly=0, monthly=0)
    assert [asked.id, due.id] == left([asked, due], keep, at("16T02:00"))
    assert [due.id] == left([asked, due], keep, at("18T02:00"))


def test_a_clock_that_jumped_removes_nothing_more() -> None:
    begin = at("01T02:00")
    backups = [made(begin + timedelta(days=day)) for day in range(7)]
    keep = Keep(daily=7, weekly=0, monthly=0)
    assert left(backups, keep, at("08T02:00")) == left(backups, keep, datetime(2036, 1, 1, tzinfo=UTC))
