"""What a stack file's environment is compared with, and what is recorded of it."""

from __future__ import annotations

from typing import Any

import pulumi
import pytest

from aegir_components import settings
from aegir_components.messages import shown
from aegir_components.providers import environment

HUB = {"address": "192.0.2.1"}


def failures(before: str | None, now: Any, formerly: Any = None) -> list[str]:
    olds = None if before is None else {"environment": before, "revision": 1.0, "__provider": "x"}
    news = {"environment": now} | ({"formerly": formerly} if formerly else {})
    return [failure.reason for failure in environment.EnvironmentProvider().check(olds, news).failures]


@pytest.mark.parametrize("now", ["development", "production"])
def test_a_stack_that_has_no_record_gets_one(now: str) -> None:
    assert [] == failures(None, now)


def test_the_same_environment_is_no_change() -> None:
    assert [] == failures("production", "production")


@pytest.mark.parametrize("formerly", [None, "acceptance", "testing"])
def test_another_environment_is_refused_without_leave_to_change_from_this_one(formerly: str | None) -> None:
    assert [shown(environment.refusal("production", "testing"))] == failures("production", "testing", formerly)


def test_with_leave_to_change_from_it_a_stack_becomes_another_environment() -> None:
    assert [] == failures("acceptance", "production", "acceptance")


def test_the_leave_to_change_is_not_recorded_so_that_it_is_for_one_run() -> None:
    result = environment.EnvironmentProvider().check(
        {"environment": "testing"}, {"environment": "acceptance", "formerly": "testing"}
    )
    assert {"environment": "acceptance", "revision": 1, "drift": []} == result.inputs


def test_a_leave_that_was_used_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", said.append)
    assert [] == failures("production", "production", "acceptance")
    assert 1 == len(said)
    assert "a stack that is acceptance" in said[0]
    assert [] == failures("acceptance", "production", "acceptance")
    assert 1 == len(said)


def test_what_is_not_known_yet_is_not_compared() -> None:
    assert [] == failures("production", pulumi.UNKNOWN)


def test_the_refusal_says_which_the_stack_is_and_what_to_do() -> None:
    assert (
        "aegir:environment: this stack is production, and the stack file says testing; nothing was touched. If it is "
        "another stack's file, run with the right one (--stack, --config-file). If the stack is to become testing, write "
        "aegir:environment_formerly: production beside aegir:environment for one `pulumi up`"
    ) == environment.refusal("production", "testing")


def load(**config: Any) -> settings.Settings:
    return settings.load({"hub": HUB, **config}, lambda _path: False)


def test_the_stack_file_may_say_what_the_stack_was() -> None:
    assert load(environment="production").environment_formerly is None
    assert "testing" == load(environment="production", environment_formerly="testing").environment_formerly


@pytest.mark.parametrize(
    ("config", "fault"),
    [
        (
            {"environment": "testing", "environment_formerly": "testing"},
            "aegir:environment_formerly: is what aegir:environment says already; write what the stack was before it "
            "became testing",
        ),
        (
            {"environment": "testing", "environment_formerly": "live"},
            'aegir:environment_formerly: must be one of development, testing, acceptance, production, not "live"',
        ),
    ],
)
def test_a_wrong_word_for_what_it_was_is_refused(config: dict[str, Any], fault: str) -> None:
    with pytest.raises(settings.SettingsError) as caught:
        load(**config)
    assert (fault,) == caught.value.faults
