"""Methods of dataclasses that are made without compiling a text for each.

Python 3.11 writes six methods of a frozen dataclass as text and compiles each alone. The program makes 160 such classes before
its first line, and that is half of what the imports of our own modules cost. Here all but the constructor are
closures. They do what the compiled ones do.

Classes of other modules keep compiled methods. A dynamic provider in the user's own program is pickled with the classes that it
uses, and the state has that text. With other methods each of its resources would show as changed.

Upstream: Python 3.13 compiles all methods of a class at once.
Versions: Python 3.11 alone.
Switch: AEGIR_PULUMI_PLAIN_START=1
Test: tests/unit/test_dataclass_methods.py
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, Final, cast

KNOWN: Final = (3, 11)
"""The version of Python whose ``dataclasses`` calls the functions below, with these arguments."""
PACKAGE: Final = "aegir_components"
"""The package whose classes get closures. Their pickles are by reference."""

Fields = Sequence[dataclasses.Field[Any]]

_theirs: Final = cast("Any", dataclasses)
_compiled_cmp: Final[Any] = getattr(_theirs, "_cmp_fn", None)


def install() -> None:
    """Let ``dataclasses`` make methods of our classes in this way, where its functions are the known ones."""
    if sys.version_info[:2] != KNOWN:
        return
    makers: dict[str, Callable[..., Any]] = {
        "_cmp_fn": compare, "_hash_fn": hashed, "_repr_fn": shown, "_frozen_get_del_attr": frozen,
    }  # fmt: skip
    # There is no hook.
    for name, ours in makers.items():
        setattr(_theirs, name, _chosen(ours, getattr(_theirs, name)))


def compare(name: str, op: str, self_tuple: str, other_tuple: str, globals: dict[str, Any]) -> Callable[..., Any]:  # noqa: A002
    """Make ``__eq__``; the methods that order objects are compiled.

    Args:
        name: of the method.
        op: its operator.
        self_tuple: the text of a tuple of the fields, such as ``(self.a,self.b,)``.
        other_tuple: the same of the other object.
        globals: of the class's module.
    """
    if op != "==":
        return cast("Callable[..., Any]", _compiled_cmp(name, op, self_tuple, other_tuple, globals=globals))
    values = _values([word.removeprefix("self.") for word in self_tuple.strip("(),").split(",") if word])

    def __eq__(self: Any, other: object) -> Any:  # noqa: N807 - the name that the method has
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    return __eq__


def hashed(fields: Fields, globals: dict[str, Any]) -> Callable[..., Any]:  # noqa: A002
    """Make ``__hash__`` from these fields."""
    del globals
    values = _values([field.name for field in fields])

    def __hash__(self: Any) -> int:  # noqa: N807
        return hash(values(self))

    return __hash__


def shown(fields: Fields, globals: dict[str, Any]) -> Callable[..., Any]:  # noqa: A002
    """Make ``__repr__`` from these fields."""
    del globals
    names = [field.name for field in fields]

    def __repr__(self: Any) -> str:  # noqa: N807
        return f"{self.__class__.__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in names)})"

    return cast("Callable[..., Any]", _theirs._recursive_repr(__repr__))  # noqa: SLF001


def frozen(cls: Any, fields: Fields, globals: dict[str, Any]) -> tuple[Callable[..., Any], ...]:  # noqa: A002
    """Make ``__setattr__`` and ``__delattr__``, which reject every change."""
    del globals
    names = frozenset(field.name for field in fields)

    def __setattr__(self: Any, name: str, value: object) -> None:  # noqa: N807
        if type(self) is cls or name in names:
            raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")
        super(cls, self).__setattr__(name, value)

    def __delattr__(self: Any, name: str) -> None:  # noqa: N807
        if type(self) is cls or name in names:
            raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")
        super(cls, self).__delattr__(name)

    return __setattr__, __delattr__


def _chosen(ours: Callable[..., Any], compiled: Callable[..., Any]) -> Callable[..., Any]:
    """Give a function that makes a method as ours for our classes, and compiles it for all others."""

    def make(*given: Any, **named: Any) -> Any:
        # The last argument is the globals of the class's module.
        module = str((named.get("globals") or given[-1]).get("__name__", ""))
        return (ours if module.partition(".")[0] == PACKAGE else compiled)(*given, **named)

    return make


def _values(names: Sequence[str]) -> Callable[[Any], tuple[Any, ...]]:
    """Give a function that reads these attributes as a tuple."""
    if len(names) > 1:
        return cast("Callable[[Any], tuple[Any, ...]]", attrgetter(*names))
    if names:
        # attrgetter gives the value of a single name without a tuple, and tuples take NaN for equal to itself.
        read = attrgetter(names[0])
        return lambda thing: (read(thing),)
    return lambda _thing: ()
