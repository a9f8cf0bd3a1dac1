"""What a run that was killed has left is told once, and what nobody has any more is forgotten."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

import pytest

from aegir_components.providers import unfinished
from tests.provider import test_contract
from tests.provider.test_contract import EXAMPLES, PROVIDERS, Driver, World, created, driver

world = test_contract.world
"""The machines of the contract."""
STACK = "aegir/test"


def killed(*_given: object) -> NoReturn:
    raise KeyboardInterrupt


def told(world: World, state: Mapping[str, Mapping[str, Any]], *, forget: bool = True) -> list[str]:
    return list(unfinished.told(str(world.hub_root), STACK, lambda kind: state.get(kind, {}), forget=forget))


def test_what_the_state_has_is_told_until_it_was_ended(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    made = created("site_config", world)
    state = {"aegir:SiteConfiguration": {"x": made.outs}}
    assert [] == told(world, state)
    with monkeypatch.context() as patch:
        patch.setattr(PROVIDERS["site_config"], "converge", killed)
        with pytest.raises(KeyboardInterrupt):
            made.update(made.inputs)
    for _ in range(2):
        (text,) = told(world, state)
        assert f"while it worked on site_config {made.inputs['site']}. What is declared" in text
    made.update(made.inputs)
    assert [] == told(world, {"aegir:SiteConfiguration": {"x": made.outs}})


@pytest.mark.parametrize("how", ["changed", "removed"])
def test_what_was_done_after_the_engine_was_killed_is_made_as_declared_again(world: World, how: str) -> None:
    """Its provider lives a moment longer, comes to its end, and nobody records that; then the edit is taken back."""
    made = created("site_config", world)
    before = dict(made.outs)
    state = {"aegir:SiteConfiguration": {"x": before}}
    if how == "changed":
        made.update({**made.inputs, "aliases": ["alias.example.com"]})
    else:
        made.delete()
    unrecorded = Driver(made.provider, made.inputs, outs=before)
    assert not unrecorded.diff(made.inputs).changes
    assert [] == told(world, state, forget=False), "a preview changes nothing"
    (text,) = told(world, state)
    assert f"while it worked on site_config {made.inputs['site']}. What is declared" in text
    assert unrecorded.diff(made.inputs).changes


def test_what_the_engine_has_recorded_is_not_made_again(world: World) -> None:
    made = created("site_config", world)
    assert [] == told(world, {"aegir:SiteConfiguration": {"x": made.outs}})
    made.update({**made.inputs, "aliases": ["alias.example.com"]})
    assert [] == told(world, {"aegir:SiteConfiguration": {"x": made.outs}})
    made.delete()
    assert [] == told(world, {})
    assert [] == told(world, {"aegir:SiteConfiguration": {"x": created("site_config", world).outs}})


def test_a_creation_that_was_taken_back_is_told_and_forgotten_by_a_run(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: Driver = driver("machine", world)
    with monkeypatch.context() as patch:
        patch.setattr(PROVIDERS["machine"], "converge", killed)
        with pytest.raises(KeyboardInterrupt):
            begun.create()
    for forget in (False, True):
        (text,) = told(world, {}, forget=forget)
        assert "while it made machine web1, which the state does not have" in text
    assert [] == told(world, {})


def test_another_stack_is_not_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = Driver(PROVIDERS["machine"](), {**EXAMPLES["machine"].inputs(world), "holder": "aegir/other"})
    with monkeypatch.context() as patch:
        patch.setattr(PROVIDERS["machine"], "converge", killed)
        with pytest.raises(KeyboardInterrupt):
            begun.create()
    assert [] == told(world, {})


@pytest.mark.parametrize("kind", ["machine", "database"])
def test_a_machine_that_the_state_has_under_two_names_is_made_as_declared_again(world: World, kind: str) -> None:
    """A run was killed while an entry got another name: what the state has of the former one may be true no more."""
    former = created(kind, world)
    world.farm.hosts["other"] = world.farm.hosts["web1" if kind == "machine" else "db1"]
    conn = {**former.inputs["connection"], "host": "other"}
    again = created(kind, world, {**former.inputs, "host": "other", "connection": conn})
    type_ = {"machine": "aegir:Machine", "database": "aegir:DatabaseService"}[kind]
    assert not former.diff(former.inputs).changes

    state = {type_: {"one": former.outs, "two": again.outs}}
    assert [] == told(world, state, forget=False), "a preview changes nothing"
    (text,) = told(world, state)
    assert former.provider.identity_of(former.inputs) in text
    assert former.diff(former.inputs).changes
    former.update(former.inputs)
    again.update(again.inputs)
    assert [] == told(world, {type_: {"one": former.outs}})


def test_what_a_creation_left_on_a_machine_is_looked_for_under_its_other_name(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    former = created("database", world)
    world.farm.hosts["other"] = world.farm.hosts["db1"]
    inputs = {**former.inputs, "host": "other", "connection": {**former.inputs["connection"], "host": "other"}}
    with monkeypatch.context() as patch:
        patch.setattr(PROVIDERS["database"], "converge", killed)
        with pytest.raises(KeyboardInterrupt):
            created("database", world, inputs)

    (text,) = told(world, {"aegir:DatabaseService": {"one": former.outs}})
    assert "which the state does not have" in text
    assert former.diff(former.inputs).changes


def test_a_machine_under_two_names_has_all_made_as_declared_also_what_the_state_has_once(world: World) -> None:
    """The engine was killed before it recorded the database service under the other name, which has another password there."""
    connection = EXAMPLES["database"].inputs(world)["connection"]
    service = created("database", world)
    world.farm.hosts["other"] = world.farm.hosts["db1"]
    example = EXAMPLES["machine"].inputs(world)
    machines = [
        created("machine", world, {**example, "host": name, "connection": {**connection, "host": name}})
        for name in ("db1", "other")
    ]
    state = {
        "aegir:Machine": {each.inputs["host"]: each.outs for each in machines},
        "aegir:DatabaseService": {"one": service.outs},
    }
    assert not service.diff(service.inputs).changes

    (text,) = told(world, state)

    assert service.provider.identity_of(service.inputs) in text
    assert service.diff(service.inputs).changes
