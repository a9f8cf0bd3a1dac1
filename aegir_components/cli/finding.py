"""What status has found about a site or a server: a text for people, and a kind that code compares."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum


class Kind(Enum):
    """What a finding is about."""

    OTHER = "other"
    BACKUP = "backup"
    """Its backups are missing, old or not good."""
    CLOSED = "closed"
    """A person has closed the site: it answers 503 as it has to, and is not broken."""
    DRIFT = "drift"
    """The last refresh has seen something that is not as declared."""


class Finding(str):
    """A text, as the tables and JSON have it, with its kind."""

    __slots__ = ("kind", "words")
    kind: Kind
    words: str
    """What was found, without the words around it in the tables."""

    def __new__(cls, text: str, kind: Kind = Kind.OTHER, words: str = "") -> Finding:
        """Make it of a text, a kind, and the words that the text is around."""
        made = super().__new__(cls, text)
        made.kind, made.words = kind, words or text
        return made

    def __getnewargs__(self) -> tuple[str, Kind, str]:  # type: ignore[override]
        """Copy by text, kind and words."""
        return str(self), self.kind, self.words


def backup(text: str) -> Finding:
    """Give what is wrong with the backups of a site."""
    return Finding(text, Kind.BACKUP)


def closed(server: str, why: str) -> Finding:
    """Give that a person has closed a site on a web server.

    Args:
        server: the web server.
        why: who, and what for.
    """
    words = f"{server}: closed by {why}"
    return Finding(f"{words}; aegir open opens it", Kind.CLOSED, words)


def drift(text: str) -> Finding:
    """Give a deviation that a refresh has seen."""
    return Finding(f"changed by hand: {text}", Kind.DRIFT, text)


def words(told: Iterable[str], kind: Kind) -> tuple[str, ...]:
    """Give what was found of a kind, without the words around it."""
    return tuple(each.words for each in told if isinstance(each, Finding) and each.kind is kind)


def is_of(told: str, kind: Kind) -> bool:
    """Return whether a text is a finding of a kind; a plain text is of no kind but ``OTHER``."""
    return (told.kind if isinstance(told, Finding) else Kind.OTHER) is kind
