"""Methods of dataclasses that are closures do what the compiled ones do."""

from __future__ import annotations

import dataclasses
import inspect
import math
import operator
import sys
from collections.abc import Callable
from dataclasses import FrozenInstanceError, dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from aegir_components.pulumi_workarounds import dataclass_methods

PATCHED = ("_cmp_fn", "_hash_fn", "_repr_fn", "_frozen_get_del_attr")


def classes() -> SimpleNamespace:
    """Make one class of each kind that the program has."""

    @dataclass(frozen=True, kw_only=True, slots=True)
    class Two:
        name: str
        number: float = 0.0
        secret: str = field(default="s", repr=False)
        note: str = field(default="", compare=False)

    @dataclass(frozen=True)
    class One:
        value: Any

    @dataclass(frozen=True, slots=True)
    class Below(One):
        more: tuple[str, ...] = ()

    @dataclass(frozen=True)
    class Nothing:
        pass

    @dataclass
    class Open:
        values: list[Any] = field(default_factory=list)

    @dataclass(frozen=True, order=True)
    class Ordered:
        at: int

    @dataclass(frozen=True, eq=False, repr=False)
    class Bare:
        value: int

    @dataclass(frozen=True)
    class Own:
        value: int

        def __eq__(self, other: object) -> bool:
            return True

        def __hash__(self) -> int:
            return 7

        def __repr__(self) -> str:
            return "own"

    return SimpleNamespace(
        Two=Two, One=One, Below=Below, Nothing=Nothing, Open=Open, Ordered=Ordered, Bare=Bare, Own=Own
    )


@pytest.fixture
def closures(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    if sys.version_info[:2] != dataclass_methods.KNOWN:
        pytest.skip("this Python is left as it is")
    for name in PATCHED:
        monkeypatch.setattr(dataclasses, name, getattr(dataclasses, name))
    monkeypatch.setattr(dataclass_methods, "PACKAGE", __name__.partition(".")[0])
    dataclass_methods.install()
    made = classes()
    monkeypatch.undo()
    return made


def outcome(action: Callable[..., Any], *given: Any) -> Any:
    """Give what comes of it: a value, or an error with its text."""
    try:
        return action(*given)
    except Exception as error:  # noqa: BLE001 - it is compared
        return type(error), str(error)


def looped(kinds: SimpleNamespace) -> Any:
    made = kinds.Open()
    made.values.append(made)
    return made


def asked(kinds: SimpleNamespace) -> list[Any]:
    """Ask of the classes whatever can be asked."""
    nan = math.nan
    two = [kinds.Two(name="a"), kinds.Two(name="a", note="other"), kinds.Two(name="b", secret="x")]
    two.append(kinds.Two(name="a", number=nan))
    one = [kinds.One(nan), kinds.One(1), kinds.One(1.0), kinds.One((1, 2)), kinds.One([])]
    rest = [kinds.Below(1), kinds.Below(1, ("x",)), kinds.Nothing(), kinds.Nothing(), kinds.Open([1]), kinds.Open([1])]
    more = [kinds.Ordered(1), kinds.Ordered(2), kinds.Own(1), kinds.Own(2), "none of them"]
    things = [*two, *one, *rest, *more]
    bare = kinds.Bare(1)
    return [
        [repr(thing) for thing in [*things, looped(kinds)]],
        [outcome(hash, thing) for thing in things],
        [left == right for left in things for right in things],
        [left != right for left in things for right in things],
        [outcome(operator.lt, left, right) for left in more for right in more],
        [bare == kinds.Bare(1), repr(bare).startswith("<")],
        [outcome(setattr, thing, "value", 2) for thing in things],
        [outcome(setattr, thing, "strange", 2) for thing in things],
        [outcome(delattr, thing, "value") for thing in things],
        [outcome(dataclasses.replace, thing) == thing for thing in things[:-1]],
        [
            (name, method, list(inspect.signature(found).parameters), found.__qualname__)
            for name, kind in vars(kinds).items()
            for method in ("__init__", "__repr__", "__eq__", "__hash__", "__setattr__", "__delattr__")
            if inspect.isfunction(found := getattr(kind, method))
        ],
    ]


def test_closures_do_what_compiled_methods_do(closures: SimpleNamespace) -> None:
    assert asked(classes()) == asked(closures)


def test_a_frozen_object_rejects_changes(closures: SimpleNamespace) -> None:
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'name'"):
        closures.Two(name="a").name = "b"
    with pytest.raises(FrozenInstanceError, match="cannot delete field 'value'"):
        del closures.One(1).value


def test_subclasses_compare_as_the_original_does(closures: SimpleNamespace) -> None:
    assert closures.One(1) != closures.Below(1)
    assert closures.Below(1) == closures.Below(1)


def test_classes_of_others_keep_compiled_methods_which_their_pickles_have(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PATCHED:
        if hasattr(dataclasses, name):
            monkeypatch.setattr(dataclasses, name, getattr(dataclasses, name))
    compiled = classes()
    dataclass_methods.install()
    after = classes()
    for method in ("__eq__", "__hash__", "__repr__", "__setattr__", "__delattr__"):
        mine, theirs = (inspect.unwrap(getattr(made.Two, method)) for made in (after, compiled))
        assert mine.__code__.co_code == theirs.__code__.co_code
        assert mine.__module__ == theirs.__module__


def test_another_python_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    before = [getattr(dataclasses, name, None) for name in PATCHED]
    monkeypatch.setattr(dataclass_methods, "KNOWN", (2, 7))
    dataclass_methods.install()

    assert before == [getattr(dataclasses, name, None) for name in PATCHED]
