"""A machine that was installed anew under its old name, its new host key in the stack file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from lab import HostSpec, Lab
from tests.integration.farm import Farm, fetch, web_and_database, with_another_key

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(600)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
SITE = "www.example.com"


def test_a_new_host_key_and_a_word_that_the_machine_is_a_replacement_bring_everything_back(
    lab_factory: LabFactory, wordpress: Path, tmp_path: Path
) -> None:
    lab = lab_factory("replaced", [HostSpec("web1", image="web"), HostSpec("db1", image="db")])
    web = lab.host("web1")
    farm = Farm(tmp_path, web_and_database(lab, source=wordpress))
    server = farm.settings["servers"][web.spec.fqdn]
    server["ssh"] = {"host_key": web.host_key}
    farm.up()
    assert 200 == fetch(web, SITE).status

    web.kill()
    farm.disconnect()
    web.discard()
    lab.up([web.spec])
    shown = with_another_key(web)
    assert "the host key has changed" in farm.up("--refresh", ok=False).sentence

    server["ssh"] = {"host_key": shown}
    stopped = farm.up(ok=False).sentence
    assert f"the files of {SITE} are not in" in stopped
    assert f"name it in aegir:replaced ({web.spec.fqdn})" in stopped

    farm.settings["replaced"] = [web.spec.fqdn]
    farm.up()
    assert 200 == fetch(web, SITE).status
    del farm.settings["replaced"]
    farm.unchanged("--refresh")
