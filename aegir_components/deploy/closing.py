"""A site that is closed for a while on a web server: 503 for visitors, or visitors who wait. Files say so; nothing is reloaded.

``state: disabled`` in the stack file takes a site out of service for good, with its processes. What is here is for events: a
command, a restore, an update.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from aegir_components import layout
from aegir_components.health import probe
from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions

HEADER = probe.DOOR
"""The request header with the key of the door: a request that has it sees a closed site as it will be."""


class By(Enum):
    """What has closed a site. The values are in files on machines."""

    PERSON = "person"
    UPDATE = "update"
    MOVE = "move"
    ORIGIN = "origin"
    """The loading of its content, as `origin` declares it."""
    RESTORE = "restore"
    SYNC = "sync"


WORDS: Final[Mapping[By, str]] = {
    By.UPDATE: "its update",
    By.MOVE: "its move",
    By.ORIGIN: "its content is being loaded",
    By.RESTORE: "it is being restored from",
    By.SYNC: "it gets",
}
"""How the reasons of our own runs begin, for people."""
_LINE: Final = re.compile(r"(.*)\nby: ([a-z]+)\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a site is closed."""

    by: By
    words: str
    """Who closed it and what for: a line for people."""

    @classmethod
    def of(cls, by: By, more: str = "") -> Reason:
        """Give the reason of one of our own runs, with more words about it."""
        return cls(by, f"{WORDS[by]}{more}")

    @classmethod
    def read(cls, text: str) -> Reason:
        """Read what a machine has.

        A file of an earlier version has the words alone. So has one that a person made. Only there the words tell.
        """
        known = _LINE.fullmatch(text)
        if known and known[2] in {by.value for by in By}:
            return cls(By(known[2]), known[1].strip())
        words = text.strip()
        return cls(next((by for by, begin in WORDS.items() if re.match(rf"{begin}\b", words)), By.PERSON), words)

    @property
    def text(self) -> str:
        """What a machine gets: the words on a line that earlier versions read, and who closed it on another one."""
        return f"{' '.join(self.words.split())}\nby: {self.by.value}\n"

    @property
    def of_a_person(self) -> str:
        """The words of a person; empty where our own run has closed it."""
        return (self.words or "no reason given") if self.by is By.PERSON else ""


def close_items(site: str, why: Reason, *, door: str = "") -> list[str]:
    """List what closes a site: all its names answer 503 from the next request on.

    Args:
        site: what it is known by.
        why: who closed it and what for.
        door: the key for requests that are let in; 32 hexadecimal digits.
    """
    path = layout.closed_file(site)
    return [
        # Its names are keys: nobody lists it.
        script.directory(posixpath.dirname(path), mode=0o711),
        *_doors(path),
        *([script.file(f"{path}.{door}", "")] if door else []),
        script.file(path, why.text),
    ]


def open_items(site: str) -> list[str]:
    """List what opens a site again: it answers visitors, and no key is good any more."""
    path = layout.closed_file(site)
    return [script.no_file(path), *_doors(path)]


def wait_items(site: str, door: str) -> list[str]:
    """List what lets a site's visitors wait before its code asks the database, and its own programs rest.

    Args:
        site: what it is known by.
        door: the key for requests that do not wait; 32 hexadecimal digits.
    """
    path, closed = layout.updating_file(site), layout.closed_file(site)
    return [
        script.directory(posixpath.dirname(path)),
        script.directory(posixpath.dirname(closed), mode=0o711),
        script.file(f"{closed}.{door}", ""),
        script.file(path, ""),
    ]


def go_items(site: str) -> list[str]:
    """List what lets visitors who wait go on; no key is good any more."""
    return [script.no_file(layout.updating_file(site)), *_doors(layout.closed_file(site))]


def look_items(site: str) -> list[str]:
    """List what tells how a site is closed: the facts ``closed`` (why) and ``updating``, where it is."""
    return [functions("closing"), script.call("closing_facts", layout.closed_file(site), layout.updating_file(site))]


def updating_items() -> list[str]:
    """List what tells at which sites of a web server visitors wait, by the names of their files, as the fact ``updating``."""
    return [functions("closing"), script.call("updating_names", posixpath.dirname(layout.updating_file("any")))]


def _doors(path: str) -> list[str]:
    """List what takes former keys away; the name of no site ends with a dot and 16 hexadecimal digits or more."""
    return [functions("closing"), script.call("no_doors", path)]
