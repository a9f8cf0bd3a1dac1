"""What a process remembers from one call to the next: one object, which is passed to what uses it.

A stack's program is a process, and so is the server of its providers. Both work on many resources side by side.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable

    from aegir_components.hub.wait import Deadline
    from aegir_components.remote.connection import Connection
    from aegir_components.remote.errors import HostError

    from .inputs.database import DatabaseLogin


@dataclass(slots=True)
class Declared:
    """How machines and database servers are reached by what is declared now."""

    machines: dict[str, Connection] = field(default_factory=dict)
    """Connections by the declared name of the machine."""
    databases: dict[tuple[str, str, int], DatabaseLogin] = field(default_factory=dict)
    """Logins to a database server, by its machine."""


@dataclass(slots=True)
class Gathered:
    """Warnings that wait until no resource is at work, and those that were given."""

    found: dict[str, dict[str, str]] = field(default_factory=dict)
    """By what is said of several subjects: the subject, and what is said of it alone."""
    told: dict[str, str] = field(default_factory=dict)
    """By what is said of several subjects: the subject that was named first."""
    at_work: int = 0
    """Resources at work."""
    guard: threading.Lock = field(default_factory=threading.Lock)


class Turns:
    """A lock for each of several things, such as machines, among the threads of a process."""

    def __init__(self) -> None:
        self._locks: dict[str, threading.Lock] = {}
        self._guard = threading.Lock()

    def of(self, key: str) -> threading.Lock:
        """Give the lock of one of the things."""
        with self._guard:
            return self._locks.setdefault(key, threading.Lock())


@dataclass(slots=True)
class Logins:
    """Logins to machines over ssh."""

    failed: dict[str, tuple[float, HostError]] = field(default_factory=dict)
    """By connection: when a login failed (``time.monotonic``), and how."""
    turns: Turns = field(default_factory=Turns)
    """By connection: held by the thread that logs in."""


@dataclass(slots=True)
class Process:
    """What a process remembers."""

    abandoned: frozenset[str] = frozenset()
    """Servers that are abandoned (``aegir:forget``)."""
    replaced: frozenset[str] = frozenset()
    """Servers that are empty replacements of what the state knows (``aegir:replaced``), so that content may be missing."""
    declared: Declared = field(default_factory=Declared)
    settings_written: dict[str, float] = field(default_factory=dict)
    """By site: when its settings changed (``time.monotonic``)."""
    pending_reloads: dict[str, list[str]] = field(default_factory=dict)
    """By server: the drift that its ``WebService`` has seen and its ``Activation`` repairs."""
    warnings: Gathered = field(default_factory=Gathered)
    logins: Logins = field(default_factory=Logins)
    refused_databases: dict[tuple[str, int], Deadline] = field(default_factory=dict)
    """By address and port: how long a connection that a database server refused is tried again, by all together."""
    told: set[Hashable] = field(default_factory=set)
    """What was warned of once and is not to be warned of again."""


_current = Process()


def current() -> Process:
    """Give the object of this process.

    This is the one reference that the process holds, because nothing that Pulumi calls can carry the object. A provider is
    pickled into the state as the name of its class, and Pulumi makes another instance for each resource. A connection is a
    value of a resource's inputs. So only four modules ask for the object here, and ``tests/unit/test_structure.py`` names
    them. They hand it on to all others.
    """
    return _current


def begin() -> Process:
    """Remember nothing, as a process that begins; give its object. For doubles, which run several programs in one process."""
    global _current  # noqa: PLW0603 - see ``current``
    _current = Process()
    return _current
