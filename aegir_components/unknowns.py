"""Values that a preview does not know, such as the address of a server that the same run makes.

Everything that is checked and derived from settings works with plain values. So an unknown value has a stand-in of the
same form: an address, a fingerprint or a word. No machine has the address (240.0.0.0/4 is reserved, RFC 1112), and no
key has the fingerprint. Where a resource gets its inputs, each stand-in becomes the output again. Nothing is contacted
at a stand-in, because :func:`is_stand_in` tells.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar, cast

import pulumi

Value = TypeVar("Value")

_STAND_IN: Final = re.compile(r"240\.0\.\d+\.\d+\b|SHA256:unknown[0-9]{36}|unknown-until-up-\d+(?:@unknown\.invalid)?")


@dataclass(slots=True)
class Unknowns:
    """The unknown values of a program, by their stand-ins."""

    outputs: dict[str, pulumi.Output[Any]] = field(default_factory=dict)

    def stand_in(self, output: pulumi.Output[Any], key: str) -> str:
        """Give what stands for an output.

        Args:
            output: the unknown value; the same one has one stand-in for each form.
            key: the setting, which tells the form.
        """
        form = _FORMS.get(key, "unknown-until-up-{}")
        for known, other in self.outputs.items():
            if other is output and _STAND_IN.fullmatch(known) and known.startswith(form[:6]):
                return known
        number = len(self.outputs) + 1
        text = form.format(f"{number // 250}.{number % 250 + 1}" if key == "address" else number)
        self.outputs[text] = output
        return text

    def reveal(self, value: Any) -> Any:
        """Put outputs in the place of their stand-ins, however deep."""
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, pulumi.Output):
            return value.apply(self.reveal)
        if isinstance(value, Mapping):
            if any(isinstance(key, str) and self._has(key) for key in value):
                pairs = [pulumi.Output.all(self.reveal(key), self.reveal(inner)) for key, inner in value.items()]
                return pulumi.Output.all(*pairs).apply(lambda found: {pair[0]: pair[1] for pair in found})
            return {key: self.reveal(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self.reveal(inner) for inner in value]
        return value

    def has(self, value: Any) -> bool:
        """Return whether there is a stand-in anywhere in a value."""
        if isinstance(value, Mapping):
            return any(self.has(key) or self.has(inner) for key, inner in value.items())
        if isinstance(value, list | tuple):
            return any(self.has(inner) for inner in value)
        return isinstance(value, str) and self._has(value)

    def _has(self, text: str) -> bool:
        return any(found in self.outputs for found in _STAND_IN.findall(text))

    def _text(self, text: str) -> str | pulumi.Output[str]:
        if text in self.outputs:
            return self.outputs[text]
        if not self._has(text):
            return text
        parts, end = [], 0
        for match in _STAND_IN.finditer(text):
            parts += [text[end : match.start()], self.outputs.get(match[0], match[0])]
            end = match.end()
        return pulumi.Output.concat(*parts, text[end:])


_FORMS: Final = {
    "address": "240.0.{}",
    "host_key": "SHA256:unknown{:036}",
    "mail": "unknown-until-up-{}@unknown.invalid",
    "redirect": "unknown-until-up-{}@unknown.invalid",
}
_current: ContextVar[Unknowns | None] = ContextVar("unknowns", default=None)


@contextmanager
def standing_in(unknowns: Unknowns) -> Iterator[None]:
    """Let all that is declared meanwhile take stand-ins for what they stand for."""
    token = _current.set(unknowns)
    try:
        yield
    finally:
        _current.reset(token)


def later(value: pulumi.Output[Value]) -> Value:
    """Give an output in the place of the value that it will have, as a field of a resource's inputs.

    A component declares inputs whose values another resource of the same run has not made yet. The dataclass of the inputs
    has the types that the provider gets. It only carries the output to Pulumi (``Props.to_props``), and Pulumi hands over
    the value. So no code may read such a field in the program.
    """
    return cast("Value", value)


def is_stand_in(text: str) -> bool:
    """Return whether a text stands for a value that is not known."""
    found = _current.get()
    return found is not None and text in found.outputs


def has_stand_in(value: Any) -> bool:
    """Return whether anything in a value is not known, such as the machine that a connection goes through."""
    found = _current.get()
    return found is not None and bool(found.outputs) and found.has(value)


def revealed(value: Any) -> Any:
    """Put outputs in the place of stand-ins; without any, a value is what it is."""
    found = _current.get()
    return found.reveal(value) if found is not None and found.outputs else value
