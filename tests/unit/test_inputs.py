"""Inputs of resources as dataclasses: what a state has is read, and what is declared is what was declared before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pulumi
import pytest

from aegir_components.inputs.props import Known, MissingInput, Props, left_out
from aegir_components.remote.connection import Connection
from aegir_components.testing.wire import wire


@dataclass(frozen=True, kw_only=True, slots=True)
class Part(Props):
    connection: Connection
    own: bool = left_out(False)


@dataclass(frozen=True, kw_only=True, slots=True)
class ThingInputs(Props):
    name: str
    port: int
    password: str = field(repr=False)
    members: Mapping[str, Part]
    rows: tuple[tuple[str, int], ...] = ()
    mode: Literal["one", "two"] = "one"
    ratio: float = 0.5
    number: int | None = None
    values: Mapping[str, str] = left_out({})
    aliases: tuple[str, ...] = left_out(())


@dataclass(frozen=True, kw_only=True, slots=True)
class ThingState(ThingInputs):
    version: str = ""


CONNECTION = Connection(host="web1", address="10.0.0.2", port=2222)
THING = ThingInputs(name="a", port=80, password="p", members={"web1": Part(connection=CONNECTION)}, rows=(("a", 1),))
PROPS = {
    "name": "a",
    "port": 80,
    "password": "p",
    "members": {"web1": {"connection": CONNECTION.to_props()}},
    "rows": [["a", 1]],
    "mode": "one",
    "ratio": 0.5,
}


def test_all_is_declared_but_nothing_and_what_says_nothing() -> None:
    assert PROPS == THING.to_props()
    assert "rows" in ThingInputs(name="a", port=1, password="p", members={}).to_props(), "a default is declared as well"


def test_what_travelled_is_what_was_declared() -> None:
    assert THING == ThingInputs.from_props(wire(THING.to_props()))
    full = ThingInputs(
        name="a", port=80, password="p", members={"web1": Part(connection=CONNECTION, own=True)}, mode="two", ratio=2.0,
        number=7, values={"a": "b"}, aliases=("one", "two"),
    )  # fmt: skip
    assert full == ThingInputs.from_props(wire(full.to_props()))
    assert isinstance(ThingInputs.from_props(wire(full.to_props())).port, int)


def test_a_state_of_another_version_is_read() -> None:
    assert THING == ThingInputs.from_props(
        {**PROPS, "drift": [], "of another version": 1, "number": None, "mode": None}
    )
    assert ThingState.from_props({**PROPS, "version": "1"}).version == "1"


@dataclass(frozen=True, kw_only=True, slots=True)
class Whole(Props):
    part: Part | None = None
    number: int | None = None


def test_what_was_recorded_as_empty_is_not_there() -> None:
    """As the numbers of an account that a machine did not have yet."""
    assert Whole() == Whole.from_props({"part": {}})
    assert Whole(number=0) == Whole.from_props({"number": 0.0})
    assert Whole(part=Part(connection=CONNECTION)) == Whole.from_props({"part": Part(connection=CONNECTION).to_props()})


def test_a_key_that_every_version_has_is_named_with_the_resource() -> None:
    with pytest.raises(MissingInput, match="the inputs of Thing lack port, password"):
        ThingState.from_props({"name": "a", "members": {}})


def test_an_output_is_declared_as_it_is() -> None:
    later: Any = pulumi.Output.from_input("p")
    made = ThingInputs(name="a", port=80, password=later, members={}, aliases=later)
    assert made.to_props()["password"] is later
    assert made.to_props()["aliases"] is later


def test_a_secret_is_not_shown() -> None:
    assert "password" not in repr(THING)


def test_what_is_not_known_is_not_there() -> None:
    known = Known(ThingInputs.partly({"port": 80.0, "members": {}}, {"name", "aliases"}))
    assert 80 == known.ask(lambda inputs: inputs.port, None)
    assert known.ask(lambda inputs: inputs.name, None) is None
    assert known.ask(lambda inputs: inputs.aliases, "unknown") == "unknown"
    assert known.ask(lambda inputs: (inputs.rows, inputs.values), None) == ((), {}), "an absent key has its meaning"
    assert known.ask(lambda inputs: f"{inputs.port} {inputs.password}", None) is None, "nor is what nobody gave"
    assert known.ask(ThingInputs.to_props, None) is None


def test_a_part_that_lacks_what_a_failed_resource_would_have_made_is_not_known() -> None:
    """In an update the engine leaves an unknown value out, however deep it is: the check of what is skipped must not fail."""
    part = wire(Part(connection=CONNECTION, own=True).to_props())
    known = Known(ThingInputs.partly({"port": 80.0, "members": {"web1": part, "web2": {"own": True}}}, ()))
    assert 80 == known.ask(lambda inputs: inputs.port, None)
    assert known.ask(lambda inputs: inputs.members, None) is None
    assert Known(Whole.partly({"part": {"own": True}}, ())).ask(lambda inputs: inputs.part, "unknown") == "unknown"


def test_a_wrong_name_is_no_unknown_value() -> None:
    known = Known(ThingInputs.partly({}, ()))
    with pytest.raises(AttributeError):
        known.ask(lambda inputs: inputs.nmae, None)  # type: ignore[attr-defined]


@dataclass(frozen=True, kw_only=True, slots=True)
class Wrong(Props):
    thing: set[str]


def test_no_input_is_of_a_type_that_does_not_travel() -> None:
    with pytest.raises(TypeError, match="set"):
        Wrong.from_props({"thing": ["a"]})
