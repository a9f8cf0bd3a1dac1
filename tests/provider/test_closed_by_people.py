"""A site that a person has closed stays so through every run, and no run fails for it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from aegir_components.applications.base import Answer
from aegir_components.deploy import site_closing
from aegir_components.deploy.site_closing import By, Reason
from aegir_components.health import probe
from aegir_components.providers import answering, warned
from tests.provider import test_contract
from tests.provider.test_contract import World, created

world = test_contract.world
"""The machines of the contract."""
CLOSED = Answer(status=503, headers={}, body="This site is closed for maintenance")
OPEN = "nobody has closed it"
BROKEN = Answer(status=500, headers={}, body="syntax error")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is warned of."""
    heard: list[str] = []
    monkeypatch.setattr(warned, "warn", lambda _process, _subject, alone, _several: heard.append(alone))
    monkeypatch.setattr(answering, "AGAIN", 0)
    return heard


def _answers(monkeypatch: pytest.MonkeyPatch, answer: Answer, why: str) -> None:
    def seen(members: Mapping[str, object], _site: str) -> dict[str, Reason]:
        return {} if why == OPEN else dict.fromkeys(members, Reason.read(why))

    monkeypatch.setattr(site_closing, "seen", seen)
    monkeypatch.setattr(probe, "get", lambda *_args, **_named: answer)


def test_a_refresh_and_a_run_leave_it_closed_and_say_who_did_it(
    world: World, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = created("installation", world)
    _answers(monkeypatch, CLOSED, "admin: the bank moves")
    assert made.read()
    assert made.outs["drift"] == []
    assert not made.diff(made.inputs).changes
    made.update({**made.inputs, "title": "Another title"})
    assert "is closed, so nobody asked it for its pages (admin: the bank moves). aegir open" in told[0]
    assert len(set(told)) == 1


def test_a_file_without_a_reason_is_a_persons_too(
    world: World, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = created("installation", world)
    _answers(monkeypatch, CLOSED, "")
    made.read()
    assert made.outs["drift"] == []
    assert "(no reason given)" in told[0]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (BROKEN, "admin: the bank moves"),
        (CLOSED, OPEN),
        (CLOSED, Reason.of(By.UPDATE).text),
        (CLOSED, Reason.of(By.RESTORE, " x").text),
    ],
)
def test_what_is_broken_or_closed_by_a_run_is_named_as_ever(
    world: World, told: list[str], monkeypatch: pytest.MonkeyPatch, answer: Answer, why: str
) -> None:
    made = created("installation", world)
    _answers(monkeypatch, answer, why)
    made.read()
    assert made.outs["drift"]
    assert made.diff(made.inputs).changes
    with pytest.raises(RuntimeError, match="does not work"):
        made.update({**made.inputs, "title": "Another title"})
    assert told == []
