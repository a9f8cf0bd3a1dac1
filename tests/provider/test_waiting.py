"""A site that a command has for itself is not changed by a run, and all else is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from aegir_components.hub import at_work
from aegir_components.hub.at_work import Claim
from tests.provider import test_contract
from tests.provider.test_contract import PROVIDERS, World, created, driver

world = test_contract.world
"""The machines of the contract."""
STACK = "aegir/test"
OF_SITES = ("installation", "site_config", "site_database")


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(at_work.wait_for, "__kwdefaults__", {"seconds": 0.1})
    monkeypatch.setattr(at_work, "_POLL", 0.01)


def noted(done: list[str], work: str, *_given: object) -> dict[str, str]:
    done.append(work)
    return {}


@contextmanager
def at_it(world: World, site: str, *, alone: bool = True) -> Iterator[None]:
    """Have a command at work on a site, or on all of the stack where none is named."""
    sites = {site: f"{site}, the name"} if site else {}
    command = "restore" if site else "keys rotate"
    with at_work.claimed(world.hub_root, Claim(stack=STACK, command=command, sites=sites, who="ann@hub", alone=alone)):
        yield


def test_what_waits_is_what_belongs_to_a_site_or_has_the_hubs_key() -> None:
    assert {*OF_SITES, "machine"} == {name for name, provider in PROVIDERS.items() if provider.waits}


@pytest.mark.parametrize("name", OF_SITES)
def test_a_site_that_a_command_has_for_itself_is_not_changed(
    world: World, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = created(name, world)
    site = made.inputs["site"]
    done: list[str] = []
    for work in ("converge", "remove"):
        monkeypatch.setattr(PROVIDERS[name], work, partial(noted, done, work))
    with at_it(world, site):
        said = rf"was not changed: ann@hub runs aegir restore on {re.escape(site)}, the name \(process \d+, since .*had not"
        with pytest.raises(RuntimeError, match=said):
            made.update(made.inputs)
        with pytest.raises(RuntimeError, match="was not changed"):
            made.delete()
    assert not done
    # Nothing was begun: the next run does not take it for what a killed one has left.
    assert not made.provider.diff(made.id, made.outs, made.inputs).changes
    with at_it(world, "another.example.com"), at_it(world, site, alone=False):
        made.update(made.inputs)
    assert ["converge"] == done


@pytest.mark.parametrize("name", ["machine", "web_service"])
def test_a_command_for_the_hubs_key_keeps_a_run_from_machines_keys_alone(world: World, name: str) -> None:
    begun = driver(name, world)
    with at_it(world, "www.example.com"):
        begun.create()
    with at_it(world, ""):
        if name != "machine":
            begun.update(begun.inputs)
            return
        with pytest.raises(
            RuntimeError, match="web1 was not changed: ann@hub runs aegir keys rotate on all sites of test"
        ):
            begun.update(begun.inputs)


def test_a_refresh_is_not_hindered(world: World) -> None:
    made = created("site_config", world)
    with at_it(world, made.inputs["site"]):
        made.read()
