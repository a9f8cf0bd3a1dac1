"""Arguments that servers and their sites have alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .base import Arguments


@dataclass(frozen=True, kw_only=True)
class PhpArgs(Arguments):
    """What PHP allows sites."""

    memory: str | None = None
    """Such as ``256M``."""
    uploads: str | None = None
    """The largest upload, such as ``100M``."""
    time: int | None = None
    """Seconds that a request may take."""
    children: int | None = None
    """Requests at once."""
    values: Mapping[str, Any] | None = None
    """Further values of php.ini."""
    version: str | None = None
    """At a site: one of its web servers' versions."""


@dataclass(frozen=True, kw_only=True)
class LimitsArgs(Arguments):
    """What sites may take of a machine."""

    cpu: str | None = None
    """A share of one core, such as ``150%``."""
    memory: str | None = None
    tasks: int | None = None
    """Processes and threads at once."""
    connections: int | None = None
    """Connections at once of each web server to the database."""
