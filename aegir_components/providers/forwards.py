"""Which web servers sites have left, and since when: their visitors are forwarded from there for a while."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Final

from aegir_components.hub.records import Records
from aegir_components.remote.connection import Connection

KIND: Final = "forwards"
DAY: Final = 24 * 3600


def note(hub_root: str, stack: str, site: str, left: Iterable[Connection]) -> None:
    """Write down that a site has left web servers now."""
    Records(hub_root, KIND).put({"left": sorted([conn.address, conn.port] for conn in left)}, stack, site)


def left(hub_root: str, stack: str, site: str, days: int) -> set[tuple[str, int]]:
    """Give the addresses and ports of the web servers that a site has left, so many days ago at most."""
    record = Records(hub_root, KIND).get(stack, site)
    if record is None or int(record.get("at", 0)) + days * DAY < time.time():
        return set()
    return {(str(address), int(port)) for address, port in record.get("left", ())}
