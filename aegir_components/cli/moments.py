"""Times as an operator types them: ``90s``, ``15min``, ``2h``, ``3d``, or a date."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import Any, Final

import click

_UNITS: Final = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}


class Moment(click.ParamType[float]):
    """A time in the past: an age, or a date in UTC; seconds since 1970."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read it."""
        if isinstance(value, float):
            return value
        if found := re.fullmatch(r"(\d{1,9})(s|m|min|h|d|w)", value):
            return time.time() - int(found[1]) * _UNITS[found[2]]
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            self.fail(
                f"{value!r} is no time; write an age (90s, 15min, 2h, 3d) or a date (2026-01-31T12:00)", param, ctx
            )
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


MOMENT: Final = Moment()


def age(seconds: float) -> str:
    """Say how long something is or was ago, in its largest unit: ``3 h``."""
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0, seconds):.0f} s"


def utc(at: float) -> str:
    """Write a time in UTC."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}"
