"""How messages show names and values: on one line, escaped, and of bearable length."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Final

from aegir_components.messages.printable import first_of

FEW: Final = 12

_LONG_KEY = re.compile(r'\["((?:[^"\\]|\\.){65,})"\]')


def key_text(key: str) -> str:
    """Write a key as it stands in a path: quoted, and on one line whatever it holds."""
    return '"' + "".join(_escaped(character) for character in key) + '"'


def quoted(value: str) -> str:
    """Quote a value for a message: on one line, and of bearable length."""
    return key_text(shortened(value))


def shortened(text: str, longest: int = 64) -> str:
    """Leave out the middle of a long text."""
    return text if len(text) <= longest else f"{text[: longest - 16]}…{text[-15:]}"


def shown_path(path: str) -> str:
    """Shorten the long keys of a path."""
    return _LONG_KEY.sub(lambda match: f'["{match[1][:48]}…{match[1][-15:]}"]', path)


def suggestion(word: str, words: Iterable[str]) -> str:
    """Say which known word is nearest, or else all that are known."""
    every = sorted(words)
    near = difflib.get_close_matches(word, every, n=1, cutoff=0.7)
    return f"did you mean {quoted(near[0])}?" if near else f"known: {listed(every)}"


def known(word: str, words: Iterable[str]) -> str:
    """List the names that are known where those are few, else give the nearest."""
    every = sorted(words)
    return f"known: {listed(every)}" if len(every) <= FEW else suggestion(word, every)


def listed(words: Iterable[str], most: int = FEW) -> str:
    """List words, but not a hundred of them."""
    return first_of([visible(word) for word in sorted(words)], most) or "none"


def visible(text: str) -> str:
    """Escape what does not print, and shorten."""
    return one_line(shortened(text))


def one_line(text: str) -> str:
    """Escape what does not print."""
    # Most texts are printable as a whole, and one call asks that of all their characters.
    return text if text.isprintable() else "".join(c if c.isprintable() else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if character.isprintable():
        return character
    return character.encode("unicode_escape").decode("ascii")
