"""Inputs of resources: typed in our code, and a plain mapping where Pulumi has them.

Each resource has one frozen dataclass of its inputs. A field's name is the key that the state has, and its docstring is the
documentation of the input. ``to_props`` gives the mapping that a component declares, ``from_props`` reads it back, and also
what an earlier version recorded. A field that a version adds has a default, because states of before lack its key.
"""

from __future__ import annotations

import contextlib
import types
from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from typing import (
    TYPE_CHECKING,
    Any,
    Final,
    Generic,
    Literal,
    Self,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

from aegir_components.messages import AegirError, numbered

Value = TypeVar("Value")
Other = TypeVar("Other")
PropsT = TypeVar("PropsT", bound="Props")
Reader = Callable[[Any], Any]

_LEFT_OUT: Final = "left_out"
_DECLARED: Final = "declared"
_known: dict[type[Any], tuple[_Key, ...]] = {}
"""The fields of each class that was read."""


class MissingInput(AegirError, ValueError):
    """Inputs lack a key that every version has declared."""


class NotKnown(Exception):
    """An input that is read has no value yet."""


def left_out(default: Value, *, secret: bool = False) -> Value:
    """Give a field that is declared only where its value differs from the default.

    Most inputs that came later are such: the states of stacks that do not use them stay as they are.

    Args:
        default: what the absence of the key means.
        secret: whether ``repr`` is to keep the value to itself.
    """
    how: dict[str, Any] = {"metadata": {_LEFT_OUT: True}, "repr": not secret}
    return field(default_factory=type(default), **how) if isinstance(default, dict) else field(default=default, **how)


def as_declared(default: Value, *, always: bool = False) -> Value:
    """Give a field that has what the stack file declares under the same name.

    Args:
        default: what the absence of the key means.
        always: whether the state has the key for the default as well, as those of early versions do.
    """
    return field(default=default, metadata={_DECLARED: True} if always else {_DECLARED: True, _LEFT_OUT: True})


@dataclass(frozen=True, kw_only=True, slots=True)
class Props:
    """Inputs of a resource, or a part of them."""

    @classmethod
    def declared_by(cls, settings: object) -> dict[str, Any]:
        """Give those that have what the stack file declares, by name.

        Args:
            settings: what is declared of the thing; or inputs, which have it from there.
        """
        return {each.name: getattr(settings, each.name) for each in fields(cls) if _DECLARED in each.metadata}

    @classmethod
    def from_props(cls, props: Mapping[str, Any]) -> Self:
        """Read a mapping: numbers are floats in it, ``None`` and an absent key are one, and other keys are not ours.

        Raises:
            MissingInput: there is no value of a field without a default.
        """
        given, lacking = {}, []
        for key in _keys(cls):
            if (value := props.get(key.name)) is not None:
                given[key.name] = key.read(value)
            elif key.default is MISSING:
                lacking.append(key.name)
        if lacking:
            raise MissingInput(numbered(8560, f"the inputs of {_thing(cls)} lack {', '.join(lacking)}"))
        return cast("Any", cls)(**given)  # type: ignore[no-any-return]

    @classmethod
    def read_one(cls, name: str, value: Any) -> Any:
        """Read the value of one field alone.

        Args:
            name: of the field.
            value: as the mapping has it.

        Raises:
            MissingInput: a part of it lacks a value.
        """
        return next(key.read(value) for key in _keys(cls) if key.name == name)

    @classmethod
    def partly(cls, props: Mapping[str, Any], unknown: Collection[str]) -> Self:
        """Read a mapping of which some values are not known; :class:`Known` reads what comes of it.

        In an update the engine leaves out what another resource would have made that failed, however deep it is. A part that
        lacks a value is not known either.

        Args:
            props: those that are known.
            unknown: the keys of the others.
        """
        found = object.__new__(cls)
        for key in _keys(cls):
            if key.name not in unknown:
                if (value := props.get(key.name)) is not None:
                    with contextlib.suppress(MissingInput):
                        object.__setattr__(found, key.name, key.read(value))
                elif key.default is not MISSING:
                    object.__setattr__(found, key.name, key.default)
        return found

    def to_props(self) -> dict[str, Any]:
        """Give the mapping that is declared: without ``None``, and without what :func:`left_out` leaves out."""
        found = {}
        for key in _keys(type(self)):
            value = getattr(self, key.name)
            if value is not None and not (key.left_out and value == key.default):
                found[key.name] = plain(value)
        return found

    def narrowed(self, kind: type[PropsT]) -> PropsT:
        """Give those of them that another class has as well.

        Args:
            kind: the class.
        """
        return kind(**{name: getattr(self, name) for name in names(kind)})

    if not TYPE_CHECKING:  # or mypy would take any name for an attribute

        def __getattr__(self, name: str) -> Any:
            """Answer for a field without a value, which :meth:`partly` leaves so."""
            if any(name == each.name for each in fields(self)):
                raise NotKnown(name)
            raise AttributeError(name)


class Known(Generic[PropsT]):
    """Inputs as far as they are known, which they need not all be in a preview."""

    def __init__(self, inputs: PropsT) -> None:
        self._inputs = inputs

    def ask(self, read: Callable[[PropsT], Value], otherwise: Other) -> Value | Other:
        """Give what a function finds in the inputs; ``otherwise`` if it reads one that has no value yet."""
        try:
            return read(self._inputs)
        except NotKnown:
            return otherwise


def plain(value: Any) -> Any:
    """Give a value as a mapping has it; outputs of Pulumi, which are not known yet, stay what they are."""
    # Not of the value: an output has every attribute that it is asked for.
    if hasattr(type(value), "to_props"):
        return value.to_props()
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return value


@dataclass(frozen=True, slots=True)
class _Key:
    """A field, as it is read and given."""

    name: str
    read: Reader
    default: Any
    """``MISSING`` where it has none."""
    left_out: bool


def _keys(kind: type[Any]) -> tuple[_Key, ...]:
    """Give the fields of a class of inputs; their annotations are looked up once."""
    if kind not in _known:
        hints = get_type_hints(kind)
        _known[kind] = tuple(
            _Key(each.name, _reader(hints[each.name]), _default_of(each), _LEFT_OUT in each.metadata)
            for each in fields(kind)
        )
    return _known[kind]


def names(kind: type[Any]) -> set[str]:
    """Name the fields of a class of inputs."""
    return {each.name for each in fields(cast("Any", kind))}


def _thing(kind: type[Any]) -> str:
    """Name what inputs are of, for messages."""
    return kind.__name__.removesuffix("Inputs").removesuffix("State")


def _default_of(each: Field[Any]) -> Any:
    return each.default if each.default_factory is MISSING else each.default_factory()


def _reader(kind: Any) -> Reader:
    """Give what reads a value of a type.

    Raises:
        TypeError: values of this type do not come from a mapping.
    """
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        (only,) = (each for each in inner if each is not types.NoneType)
        read_one = _reader(only)
        # What is not there yet was recorded as an empty mapping, such as the numbers of an account.
        return (lambda found: read_one(found) if found != {} else None) if _needs(only) else read_one
    if origin is tuple:
        return _tuple_reader(inner)
    if origin in (list, Mapping, dict):
        read = _reader(inner[-1])
        return (lambda found: [read(each) for each in found]) if origin is list else _mapping_reader(read)
    if kind is Any or origin is Literal:
        return lambda found: found
    if hasattr(kind, "from_props"):
        return cast("Reader", kind.from_props)
    if kind in (str, int, float, bool):
        return cast("Reader", kind)
    raise TypeError(f"no input is a {kind}")


def _needs(kind: Any) -> bool:
    """Return whether it is a class of which an empty mapping lacks something."""
    return is_dataclass(kind) and any(_default_of(each) is MISSING for each in fields(kind))


def _tuple_reader(inner: tuple[Any, ...]) -> Reader:
    if inner[-1] is Ellipsis:
        read = _reader(inner[0])
        return lambda found: tuple(read(each) for each in found)
    each_one = [_reader(kind) for kind in inner]
    return lambda found: tuple(read(each) for read, each in zip(each_one, found, strict=True))


def _mapping_reader(read: Reader) -> Reader:
    def every(found: Mapping[str, Any]) -> dict[str, Any]:
        return {str(key): read(value) for key, value in found.items() if value is not None}

    return every
