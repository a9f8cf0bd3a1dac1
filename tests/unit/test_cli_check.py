"""What `aegir check` says of one site, out of what is known of its platform."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from aegir_components.applications import APPLICATIONS, Answer
from aegir_components.cli import check
from aegir_components.cli.check import Result, of_site, unavailable
from aegir_components.messages import around
from aegir_components.providers import installation

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
    found = Result(
        site="any.example.com", part="it is on the platform's release", outcome="fail", faults=(HELD, WORK),
        of_sites={"one.example.com": (HELD, WORK)},
    )  # fmt: skip
    site: Any = SimpleNamespace(name=f"www.{identity}", identity=identity)
    assert (f"www.{identity}", faults, outcome) == (of_site(found, site).site, *_told(of_site(found, site)))


def test_what_could_not_be_looked_at_stays_unknown() -> None:
    found = Result(site="any.example.com", part="x", outcome="unknown", faults=("web1: no answer",))
    site = cast("Any", SimpleNamespace(name="www.example.com", identity="www.example.com"))
    assert (("web1: no answer",), "unknown") == _told(of_site(found, site))


def _told(found: Result) -> tuple[tuple[str, ...], str]:
    return found.faults, found.outcome


class Answering(installation.InstallationProvider):
    """A provider that has seen an answer."""

    def __init__(self, status: int) -> None:
        super().__init__()
        self.status = status

    def observed(self, _props: Any) -> dict[str, Any]:
        said = APPLICATIONS["drupal"].judge(Answer(status=self.status, headers={}, body="Hello"))
        return {"drift": [around(said, f"web1: www.example.com {said}") if said else "it is broken and answers 503"]}


@pytest.mark.parametrize(("status", "is_unavailable"), [(503, True), (500, False), (404, False)])
def test_a_site_that_answers_503_is_told_by_the_kind_of_the_answer_and_not_by_words(
    monkeypatch: pytest.MonkeyPatch, status: int, is_unavailable: bool
) -> None:
    monkeypatch.setattr(check, "PARTS", {"Installation": ("the site answers", Answering(status))})
    site = cast("Any", SimpleNamespace(name="www.example.com"))
    found = check._one(site, "Installation", {})
    assert (found.outcome, found.unavailable) == ("fail", is_unavailable)
    assert f"web1: www.example.com answers {status}" in found.faults[0]
    assert "[AEGIR-26" in found.faults[0]
    assert (["www.example.com"] if is_unavailable else []) == unavailable([found, found])
    assert set(found.plain()) == {"site", "part", "outcome", "faults"}
