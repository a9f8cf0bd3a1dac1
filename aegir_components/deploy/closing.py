"""A site that is closed for a while on a web server: 503 for visitors, or visitors who wait. Files say so; nothing is reloaded.

``state: disabled`` in the stack file takes a site out of service for good, with its processes. What is here is for events: a
command, a restore, an update.
"""

from __future__ import annotations

import posixpath

from aegir_components import layout
from aegir_components.health import probe
from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions

HEADER = probe.DOOR
"""The request header with the key of the door: a request that has it sees a closed site as it will be."""


def close_items(site: str, why: str, *, door: str = "") -> list[str]:
    """List what closes a site: all its names answer 503 from the next request on.

    Args:
        site: what it is known by.
        why: who closed it and what for; a line for people.
        door: the key for requests that are let in; 32 hexadecimal digits.
    """
    path = layout.closed_file(site)
    text = " ".join(why.split()) + "\n"
    return [
        # Its names are keys: nobody lists it.
        script.directory(posixpath.dirname(path), mode=0o711),
        *_doors(path),
        *([script.file(f"{path}.{door}", "")] if door else []),
        script.file(path, text),
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
