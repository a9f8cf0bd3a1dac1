"""The catalogue of messages: what happened, why that matters, and what to do, by number.

Each file of ``entries/`` is a topic.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from . import PREFIX

PLACE: Final = Path(__file__).with_name("entries")
_NAME = re.compile(rf"(?:{PREFIX})?(\d{{4}})", re.IGNORECASE)


class CatalogueError(ValueError):
    """A file of the catalogue is not as it has to be; it is a mistake of the program's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """What there is to say of a message."""

    number: int
    happened: str
    """What the program has found or could not do, in other words than the message's."""
    matters: str
    """What would follow, or what has been left as it was."""
    do: str
    """What to inspect, to write or to type."""

    @property
    def name(self) -> str:
        """Give the number as it is shown."""
        return f"{PREFIX}{self.number}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Sight:
    """What somebody may see that another program says, or that is no message at all."""

    seen: str
    """It, in Markdown."""
    happened: str
    do: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Topic:
    """A file of the catalogue: a section of the page."""

    title: str
    entries: tuple[Entry, ...]
    sights: tuple[Sight, ...]


def number_in(word: str) -> int:
    """Read a number as somebody types it: ``AEGIR-1042``, ``aegir-1042`` or ``1042``; 0 for anything else."""
    match = _NAME.fullmatch(word.strip().strip("[]"))
    return int(match[1]) if match else 0


@cache
def topics(place: Path = PLACE) -> tuple[Topic, ...]:
    """Read the catalogue, in the order of its files' names.

    Raises:
        CatalogueError: a file has other keys than these, an entry lacks one, or two entries have one number.
    """
    found = tuple(_topic(path) for path in sorted(place.glob("*.yaml")))
    numbers = [entry.number for topic in found for entry in topic.entries]
    if twice := sorted({number for number in numbers if numbers.count(number) > 1}):
        raise CatalogueError(f"numbers of two entries: {twice}")
    return found


def entries() -> Mapping[int, Entry]:
    """Give all entries by number."""
    return {entry.number: entry for topic in topics() for entry in topic.entries}


def _topic(path: Path) -> Topic:
    read = yaml.safe_load(path.read_text(encoding="utf-8"))
    try:
        return Topic(title=read["title"], entries=tuple(_entries(read)), sights=tuple(_sights(read)))
    except (KeyError, TypeError) as fault:
        raise CatalogueError(f"{path.name}: {fault}") from None


def _entries(read: Mapping[str, Any]) -> Iterator[Entry]:
    for number, words in read["messages"].items():
        yield Entry(number=int(number), **{key: " ".join(str(text).split()) for key, text in words.items()})


def _sights(read: Mapping[str, Any]) -> Iterator[Sight]:
    for words in read.get("others") or ():
        yield Sight(**{key: " ".join(str(text).split()) for key, text in words.items()})
