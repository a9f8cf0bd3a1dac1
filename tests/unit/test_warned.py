"""Warnings that say the same of many machines come once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
import pytest

from aegir_components import process
from aegir_components.hub.records import Records
from aegir_components.inputs.props import Props
from aegir_components.providers import names, warned
from aegir_components.providers.lifecycle import Lifecycle
from aegir_components.providers.warned import MOST, Warned


def test_what_is_the_same_of_many_machines_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", said.append)
    warned = Warned()
    for host in ("web2", "web1", "web3"):
        warned.say(host, "new uploads cannot be read")
    warned.say("web2", "a directory was open")
    warned.tell()
    assert ["web1, web2, web3: new uploads cannot be read", "web2: a directory was open"] == said
    warned.tell()
    assert 2 == len(said)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lines.append)
    return lines


@dataclass(frozen=True, kw_only=True, slots=True)
class Inputs(Props):
    host: str


class Provider(Lifecycle[Inputs, Inputs]):
    """A machine whose name leads nowhere; all machines are at work before the first has ended."""

    together = threading.Barrier(1)
    fails = ""

    def identity(self, want: Inputs) -> str:
        return want.host

    def converge(self, want: Inputs, was: Inputs | None) -> dict[str, Any]:
        host = want.host
        said = f"the hub does not resolve {host}"
        warned.warn(self.process, host, f"{host}: {said}", names._without(said, {host: "its name"}))
        self.together.wait(10)
        if host == self.fails:
            raise RuntimeError("it broke")
        return {}


def made(provider: Provider, root: Path, *hosts: str) -> None:
    Provider.together = threading.Barrier(len(hosts))
    props = [
        {"host": host, "holder": "aegir/prod", "connection": {"host": host, "address": "x", "hub_root": str(root)}}
        for host in hosts
    ]
    with ThreadPoolExecutor(len(hosts)) as pool:
        for each in [pool.submit(provider.create, each) for each in props]:
            each.exception()


def test_resources_that_warn_of_the_same_say_it_once_with_all_names(said: list[str], tmp_path: Path) -> None:
    made(Provider(), tmp_path, "web2", "web1", "web3")
    assert ["web1, web2, web3: the hub does not resolve its name"] == said
    counted = [record for record in Records(str(tmp_path), "worked").all() if record["key"][1] == "warned"]
    assert ["aegir/prod"] == [record["key"][0] for record in counted]
    made(Provider(), tmp_path, "web9")
    assert ["web9: the same as of web1: the hub does not resolve its name"] == said[1:]


def test_one_machine_is_warned_of_in_its_own_words(said: list[str], tmp_path: Path) -> None:
    made(Provider(), tmp_path, "web1")
    assert ["web1: the hub does not resolve web1"] == said


def test_a_resource_that_fails_loses_no_warning(
    said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Provider, "fails", "web2")
    made(Provider(), tmp_path, "web1", "web2")
    assert ["web1, web2: the hub does not resolve its name"] == said


def test_of_very_many_machines_the_first_are_named(said: list[str]) -> None:
    many = Warned()
    for number in range(1000):
        many.say(f"web{number:04}", "no")
    many.tell()
    assert said[0].endswith(f"web{MOST - 1:04} and {1000 - MOST} more: no")


def test_a_machine_that_is_given_up_is_said_once_for_all_that_was_on_it(said: list[str]) -> None:
    process.current().abandoned = frozenset({"web1"})
    for kind in ("one", "two", "three"):
        Provider().delete(kind, {"host": "web1", "kind": kind})
    assert ["web1: the machine is abandoned (aegir:forget); nothing was done there"] == said


def test_a_hub_that_cannot_keep_records_says_so_once(said: list[str], tmp_path: Path) -> None:
    (tmp_path / "records").write_text("no directory")
    for number in range(3):
        Records(str(tmp_path), "worked").put({}, str(number))
    assert 1 == len(said)
