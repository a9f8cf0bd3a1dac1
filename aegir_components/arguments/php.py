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
    """What a request may take. Default: ``256M``."""
    uploads: str | None = None
    """The largest file that a form may bring. The form may have 1 MB beside it. Default: ``64M``."""
    time: int | None = None
    """Seconds that a request may take. The web servers wait as long; without this key they wait 300 s.
    Default: PHP's 30 s.
    """
    children: int | None = None
    """Requests at once; further ones wait. Default: ``8``."""
    version: str | None = None
    """For a site: one of the versions that all of its web servers declare. Its pool, cron, logins and our PHP programs
    take it. The former version serves until the web server has reloaded; with ``isolation: process`` there is a break of
    about a second. Default: the server's usual one.
    """
    values: Mapping[str, Any] | None = None
    """Further values of ``php.ini``, such as ``max_input_vars: 5000``; see [php](docs/reference/stack-file.md#php).
    ``ini_get`` gives each one as it is written here. Some values are rejected. Default: none.
    """


@dataclass(frozen=True, kw_only=True)
class LimitsArgs(Arguments):
    """What sites may take of a machine."""

    cpu: str | None = None
    """A share of one core, such as ``50%`` or ``150%``. Without it a site may use everything that is free.
    Default: none.
    """
    memory: str | None = None
    """Of all processes together, such as ``2G``, at least ``64M``. Default: PHP: ``children`` times ``memory`` of
    [``php``](docs/reference/stack-file.md#php) and 1 GB; cron: 2 GB.
    """
    tasks: int | None = None
    """Processes and threads at once, at least 16. Default: PHP: 256 and 4 for each of ``children``; cron: 256."""
    connections: int | None = None
    """Of the site's account on one web server to the database at once. Default: 32, or twice ``children`` and 16 if
    that is more.
    """
