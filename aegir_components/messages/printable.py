"""Text that others wrote, made fit for a terminal and for a message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

LONGEST: Final = 8_000
"""Characters of a message; a machine that was taken over may answer with millions."""
KEPT: Final = "\n\t"
UNITS: Final = ("bytes", "kB", "MB", "GB", "TB")


def printable(text: str, *, keep: str = KEPT, longest: int = LONGEST) -> str:
    """Replace what drives a terminal or hides text, and cut off what is too long.

    Args:
        text: anything.
        keep: characters that stay although they are no text.
        longest: characters that stay.
    """
    shown = text[:longest]
    if not shown.isprintable():
        shown = "".join(character if character.isprintable() or character in keep else "?" for character in shown)
    more = len(text) - len(shown)
    return f"{shown}… and {more} characters more" if more else shown


def one_line(text: str, *, longest: int = LONGEST) -> str:
    """Give a name, such as of a file or a table, so that it adds no line to a message.

    Args:
        text: anything.
        longest: characters that stay.
    """
    return printable(text, keep="", longest=longest)


def first_of(words: Sequence[str], most: int, *, between: str = ", ") -> str:
    """Name the first of many things, and say how many more there are; empty without any.

    Args:
        words: their names.
        most: how many are named.
        between: what stands between two of them.
    """
    more = f" and {len(words) - most} more" if len(words) > most else ""
    return between.join(words[:most]) + more


def count(number: int, one: str, several: str) -> str:
    """Write a number with its noun, and a verb where there is one, in the singular or the plural.

    Args:
        number: how many.
        one: what follows the number one.
        several: what follows any other number.
    """
    return f"{number} {one if number == 1 else several}"


def size(bytes_: int) -> str:
    """Write a size as people read it, with three digits."""
    value, unit = float(bytes_), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.3g} {unit}" if value < 999.5 else f"{value:.0f} {unit}"


def readable(bytes_: int) -> str:
    """Write a number of bytes with its unit, such as ``12.3 MB``."""
    value, unit = float(bytes_), 0
    while value >= 1000 and unit < len(UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.3g} {UNITS[unit]}" if unit else f"{bytes_} bytes"
