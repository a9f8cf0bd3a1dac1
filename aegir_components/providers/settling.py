"""When a changed settings file counts: PHP goes on with the one that it has read for up to three seconds.

Whoever asks earlier may be answered by the former settings, and takes a site for well that is broken, or the other way round.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from aegir_components.process import Process

FRESH = 3.1
"""Seconds: ``opcache.revalidate_freq`` is 2, and nobody here changes it. OPcache compares whole seconds. A file that it
checked when the clock showed 12 counts for all requests that begin before the clock shows 15."""


def written(process: Process, site: str) -> None:
    """Note that a site's settings have changed now."""
    process.settings_written[site] = time.monotonic()


def wait(process: Process, sites: Iterable[str]) -> None:
    """Wait until the settings of these sites count; where none has changed, not at all."""
    known = process.settings_written
    last = max((known[site] for site in sites if site in known), default=0.0)
    if (left := last + FRESH - time.monotonic()) > 0:
        time.sleep(left)
