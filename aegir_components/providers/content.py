"""What a site held when a run last looked: so that an empty place is noticed where there was something before.

Counted at each run that touches or refreshes the site, on the machines themselves: tables with their bytes, files with theirs.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from aegir_components.hub.records import Records
from aegir_components.inputs.site import SitePlace
from aegir_components.messages.printable import readable
from aegir_components.remote.connection import Connection

KIND: Final = "content"
FEW_FILES: Final = 10
"""Files that an editor may have removed himself; where there were more, none at all is no editor's work."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Amount:
    """How much there is."""

    number: int
    """Tables, or files."""
    size: int
    """Bytes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A site's database on a server, or its files on a web server, in the hub's records."""

    hub_root: str
    stack: str
    """``<project>/<stack>``."""
    site: str
    where: str
    """The database, or the server with the files."""
    unit: str
    """``tables`` or ``files``."""
    least: int = 1
    """How many there have to have been for none to be a loss."""

    def lost(self, now: Amount | None) -> str:
        """Say how much was there when it was inspected last, if nothing is left; empty otherwise, also where nobody knows."""
        before = self._records.get(*self._key)
        if before is None or now is None or now.number or int(before.get("number", 0)) < self.least:
            return ""
        day = time.strftime("%d %B %Y", time.gmtime(int(before["at"]))).lstrip("0")
        return f"{before['number']:,} {self.unit} ({readable(int(before['size']))}) on {day}"

    def note(self, now: Amount | None) -> None:
        """Write down how much there is, where it is known."""
        if now is None:
            return
        self._records.put({"number": now.number, "size": now.size, "unit": self.unit}, *self._key)

    def forget(self) -> None:
        """Nothing is to be there any more."""
        self._records.drop(*self._key)

    @property
    def _records(self) -> Records:
        return Records(self.hub_root, KIND)

    @property
    def _key(self) -> tuple[str, str, str]:
        return self.stack, self.site, self.where


def of_files(inputs: SitePlace, conn: Connection, *, least: int = FEW_FILES) -> Place:
    """Give the record of a site's files on a web server.

    Args:
        inputs: where the site is.
        conn: the web server.
        least: how many files there have to have been for none to be a loss.
    """
    # By machine: a renamed entry is the same one.
    where = inputs.uploads or f"{conn.address}:{conn.port}"
    return Place(hub_root=conn.hub_root, stack=inputs.holder, site=inputs.site, where=where, unit="files", least=least)


def counted(facts: Mapping[str, str]) -> Amount | None:
    """Read what ``site_content`` said: files and bytes, none where directories are missing; ``None`` where it could not look."""
    fact = facts.get("content", "" if "known" in facts else "0 0")
    if not fact:
        return None
    # awk writes a sum of many bytes as 1.2e+13.
    found = re.fullmatch(r"(\d{1,15})(?: (\d{1,15}(?:\.\d+)?(?:e\+\d\d)?))?", fact)
    return Amount(number=int(found[1]), size=int(float(found[2] or 0))) if found else None
