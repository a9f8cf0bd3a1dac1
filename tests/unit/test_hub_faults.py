"""A stack file with faults is told what certificates and code on the hub say of it as well, in one message."""

from __future__ import annotations

from pathlib import Path

import pytest

from aegir_components import settings
from aegir_components.preview import on_the_hub
from tests.unit import stacks

WHERE = 'aegir:sites["www.example.com"]'


def told(**changes: object) -> tuple[str, ...]:
    with pytest.raises(settings.SettingsError) as caught:
        stacks.declared(**changes)
    return on_the_hub.with_others(caught.value).faults


@pytest.fixture
def code(tmp_path: Path) -> str:
    (tmp_path / "wp-includes").mkdir()
    (tmp_path / "wp-includes" / "version.php").write_text("<?php $wp_version = '6.9';")
    (tmp_path / "wp-settings.php").write_text("<?php")
    return str(tmp_path)


def test_all_that_is_known_without_a_build_comes_at_once(code: str) -> None:
    found = told(
        platforms__code__source=code, sites__site__cron="never", sites__site__settings={"DB_NAME": "x"},
        sites__site__profile="minimal", sites__site__certificate={"chain": f"{code}/chain.pem", "key": f"{code}/key.pem"},
    )  # fmt: skip
    assert [f"{WHERE}.cron", f"{WHERE}.certificate", f"{WHERE}.profile", f'{WHERE}.settings["DB_NAME"]'] == [
        fault.partition(": ")[0] for fault in found
    ]


def test_a_value_with_a_fault_has_no_second_one(code: str) -> None:
    found = told(
        platforms__code__source=code, sites__site__profile="No Profile", sites__site__certificate={"chain": "x", "key": "/y"}
    )  # fmt: skip
    assert {f"{WHERE}.profile", f"{WHERE}.certificate.chain"} == {fault.partition(": ")[0] for fault in found}


def test_a_source_that_is_built_or_cannot_be_read_is_not_looked_at(tmp_path: Path) -> None:
    alone = told(sites__site__cron="never", sites__site__settings={"DB_NAME": "x"})
    gone = told(platforms__code__source=str(tmp_path / "gone"), sites__site__cron="never")
    assert [1, 1] == [len(alone), len(gone)]


def test_an_error_without_settings_stays_as_it_is() -> None:
    error = settings.SettingsError(["aegir:include: wrong"])
    assert error is on_the_hub.with_others(error)
