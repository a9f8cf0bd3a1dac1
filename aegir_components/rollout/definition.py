"""The definition of a platform, as several updates at once change it: who is on the live release and who is held back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

from aegir_components.deploy.holding import Held, Kind
from aegir_components.providers import holds
from aegir_components.providers.switching import Switching


@dataclass(slots=True)
class Definition:
    """Which sites are held back, on all web servers of a platform; one change at a time."""

    switching: Switching
    held: dict[str, Held]
    """The sites that are held back now."""
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def release(self, sites: Collection[str]) -> None:
        """Put sites on the live release, on all web servers or on none.

        Raises:
            HostError: a web server did not switch.
        """
        self._change(lambda held: {site: entry for site, entry in held.items() if site not in sites})

    def hold(self, entries: Mapping[str, Held]) -> None:
        """Put sites on releases of their own, on all web servers or on none.

        Raises:
            HostError: a web server did not switch.
        """
        self._change(lambda held: {**held, **entries})

    def mark(self, site: str, kind: Kind, why: str) -> None:
        """Write down why a site that is held back stays so.

        Raises:
            HostError: a web server did not take it.
        """
        entry = self.held.get(site)
        if entry is not None and (entry.kind, entry.reason) != (kind, why[: holds.LONGEST]):
            self.hold({site: holds.marked(entry, kind, why)})

    def _change(self, change: Callable[[dict[str, Held]], dict[str, Held]]) -> None:
        with self._turn:
            now = change(self.held)
            if now == self.held:
                return
            replace(self.switching, held=self.held).go(now)
            self.held = now


def entry(site: str, release: str, docroot: str, why: str) -> Held:
    """Hold a site back that is on the live release now."""
    return Held(site=site, release=release, docroot=docroot, kind="waiting", since=int(time.time()), reason=why)
