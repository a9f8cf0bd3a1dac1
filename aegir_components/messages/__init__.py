"""Messages have numbers: ``AEGIR-1042`` stands behind the text, and ``aegir explain AEGIR-1042`` says more of it.

A message gets its number where it is written: ``raise Refusal(numbered(1042, f"…"))``. It is a text as any other one, until it
is shown to a person: ``shown`` puts the number behind it. In shell scripts it is ``fail NUMBER "…"``.

What the numbers mean is in ``entries/``, a file for each topic (``catalogue``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

PREFIX: Final = "AEGIR-"
_MARKED: Final = re.compile(rf"(.*) \[{PREFIX}([0-9]{{4}})\]", re.DOTALL)
_FARTHEST: Final = 20
"""Exceptions of a chain that are inspected."""


class Message(str):
    """A text for people, with the number of its entry in the catalogue."""

    __slots__ = ("number",)
    number: int

    def __new__(cls, number: int, text: str) -> Message:
        """Make it of a number and a text."""
        made = super().__new__(cls, text)
        made.number = number
        return made

    def __getnewargs__(self) -> tuple[int, str]:  # type: ignore[override]
        """Pickle by number and text: errors cross processes."""
        return self.number, str(self)


class AegirError(Exception):
    """An error of this program whose text a person reads: the root of all of them.

    Its text names the machine or the setting, what was tried, and what to do; ``shown`` gives it with its number.
    """


def numbered(number: int, text: str) -> Message:
    """Give a message its number.

    Args:
        number: its entry in the catalogue.
        text: what happened, where, and what to do.
    """
    return Message(number, text)


def around(part: str | BaseException, text: str) -> str:
    """Give a text that a message stands in; it has the number of the message, if there is one.

    Args:
        part: the message, or the error that has it.
        text: the text around it.
    """
    number = number_of(part)
    return Message(number, text) if number else text


def joined(parts: Iterable[str], between: str = "; ") -> str:
    """Join messages to one text: with one number if all have the same, and otherwise each with its own."""
    texts = list(parts)
    if len({number_of(text) for text in texts}) == 1:
        return around(texts[0], between.join(texts))
    return between.join(map(shown, texts))


def number_of(told: str | BaseException) -> int:
    """Find the number of a message or an error; 0 where it has none.

    An error that quotes another one has the number of that one.
    """
    if isinstance(told, str):
        return told.number if isinstance(told, Message) else 0
    text = str(told)
    error: BaseException | None = told
    for _ in range(_FARTHEST):
        if error is None:
            break
        for word in error.args:
            if isinstance(word, Message) and word in text:
                return word.number
        error = error.__cause__ or error.__context__
    return 0


def text_of(error: BaseException) -> str:
    """Give an error's text, as a message with the number that it has."""
    return around(error, str(error))


def shown(told: str | BaseException) -> str:
    """Give a message, or an error's text, as a person is to see it: with its number at the end."""
    return marked(number_of(told), str(told))


def read_back(text: str) -> str:
    """Read a message as ``shown`` gave it in another process; a text without a number stays."""
    match = _MARKED.fullmatch(text)
    return Message(int(match[2]), match[1]) if match else text


def marked(number: int, text: str) -> str:
    """Put a number behind a text; not where a quoted message has put it there already, and none for 0."""
    mark = f"[{PREFIX}{number}]"
    return text if not number or mark in text else f"{text} {mark}"
