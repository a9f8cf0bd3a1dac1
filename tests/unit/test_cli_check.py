"""What `aegir check` says of one site, out of what is known of its platform."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from aegir_components.cli.check import Result, of_site, unavailable

HELD = "site one.example.com is held back on release 1111111111111111: its update failed"
WORK = "site one.example.com: an update of it was not ended"


@pytest.mark.parametrize(
    ("identity", "faults", "outcome"),
    [
        ("one.example.com", (HELD, WORK), "fail"),
        ("two.example.com", (), "pass"),
        ("one.example", (), "pass"),
    ],
)
def test_a_site_that_is_held_back_fails_and_its_neighbours_do_not(
    identity: str, faults: tuple[str, ...], outcome: str
) -> None:
    found = Result(site="any.example.com", part="it is on the platform's release", outcome="fail", faults=(HELD, WORK))
    site: Any = SimpleNamespace(name=f"www.{identity}", identity=identity)
    assert (f"www.{identity}", faults, outcome) == (of_site(found, site).site, *_told(of_site(found, site)))


def test_what_could_not_be_looked_at_stays_unknown() -> None:
    found = Result(site="any.example.com", part="x", outcome="unknown", faults=("web1: no answer",))
    site = cast("Any", SimpleNamespace(name="www.example.com", identity="www.example.com"))
    assert (("web1: no answer",), "unknown") == _told(of_site(found, site))


def _told(found: Result) -> tuple[tuple[str, ...], str]:
    return found.faults, found.outcome


def test_a_site_that_answers_503_is_named_once_because_somebody_may_have_closed_it() -> None:
    closed = Result(
        site="b.example.com", part="x", outcome="fail", faults=("web1: b.example.com answers 503: Maintenance",)
    )
    down = Result(site="a.example.com", part="x", outcome="fail", faults=("web1: a.example.com answers 500: Error",))
    assert ["b.example.com"] == unavailable([down, closed, closed])
