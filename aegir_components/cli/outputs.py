"""Outputs of resources as the state has them, read as inputs of which mypy sees every key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from aegir_components.inputs.props import MissingInput, NotKnown, PropsT
from aegir_components.inputs.props import Props as Inputs
from aegir_components.messages import around, numbered

from .ends import Refusal

Props = Mapping[str, Any]
Value = TypeVar("Value")


class Outputs(dict[str, Any]):
    """Outputs of a resource; a command that needs one of them that is not there ends with a sentence that names it."""

    def __init__(self, values: Props, *, resource: str, stack: str, above: str = "") -> None:
        """Take what the state has.

        Args:
            values: by key.
            resource: its kind and name, such as ``Release code``.
            stack: the stack's name.
            above: the key that has these values, with a dot, where they are a part of the outputs.
        """
        super().__init__(values)
        self._resource, self._stack, self._above = resource, stack, above
        self._partly: dict[type[Any], Any] = {}
        for key, value in values.items():
            if isinstance(value, Mapping):
                self[key] = Outputs(value, resource=resource, stack=stack, above=f"{above}{key}.")

    def __missing__(self, key: str) -> Any:
        """Name the resource and what it lacks.

        Raises:
            Refusal: always.
        """
        raise self.lacks(key)

    def lacks(self, key: str) -> Refusal:
        """Say that the resource has no value of a key."""
        return Refusal(
            numbered(
                8560,
                f"{self._resource} has no {self._above}{key} in the state of {self._stack}; "
                f"run pulumi up --stack {self._stack}",
            )
        )

    def _why(self, kind: type[Inputs], key: str) -> Refusal:
        """Say why there is nothing to read of a key: it is not there, or a part of it is not."""
        try:
            if key in self:
                kind.read_one(key, self[key])
        except MissingInput as fault:
            return self._unread(fault)
        return self.lacks(key)

    def _unread(self, fault: MissingInput) -> Refusal:
        where = f"{self._resource} in the state of {self._stack}"
        return Refusal(around(fault, f"{where}: {fault}; run pulumi up --stack {self._stack}"))

    def inputs(self, kind: type[PropsT]) -> PropsT:
        """Give them as inputs.

        Raises:
            Refusal: one that every version has declared is not there.
        """
        try:
            return kind.from_props(self)
        except MissingInput as fault:
            raise self._unread(fault) from None

    def read(self, kind: type[PropsT], read: Callable[[PropsT], Value]) -> Value:
        """Read them as inputs, of which only those have to be there that are asked for.

        Args:
            kind: the class of the inputs.
            read: asks for them.

        Raises:
            Refusal: one of them is not there.
        """
        try:
            if kind not in self._partly:
                self._partly[kind] = kind.partly(self, ())
            return read(self._partly[kind])
        except NotKnown as fault:
            raise self._why(kind, str(fault)) from None
        except MissingInput as fault:
            raise self._unread(fault) from None
