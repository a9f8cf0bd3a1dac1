"""Warnings that say the same of many machines or sites, said once with the names of all of them.

A provider's process serves many resources side by side. What they warn of is gathered until none of them is at work. So a
warning also comes when its resource, or another one, has failed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from aegir_components import summary
from aegir_components.hub.records import Records
from aegir_components.messages import around, telling
from aegir_components.messages.printable import first_of
from aegir_components.process import Gathered, Process

MOST: Final = 30
"""Names that are listed."""
LONGEST: Final = 120
"""Characters of a warning that is not said for the first time."""


class Warned:
    """What is to be warned of, gathered while machines are worked on side by side."""

    def __init__(self, gathered: Gathered | None = None) -> None:
        """Begin with what is gathered already, or with nothing."""
        self._of = gathered or Gathered()

    def say(self, host: str, text: str) -> None:
        """Take a warning about a machine."""
        self.add(host, f"{host}: {text}", text)

    def add(self, subject: str, alone: str, several: str) -> None:
        """Take a warning.

        Args:
            subject: the machine or the site.
            alone: what is said where it is the only one.
            several: what is said after the names where there are more; the same of all that are said together.
        """
        with self._of.guard:
            self._of.found.setdefault(several, {})[subject] = alone

    def tell(self) -> list[str]:
        """Give the warnings, each once, and forget them; return what was said for the first time, without names."""
        with self._of.guard:
            found, self._of.found = self._of.found, {}
            lines = [line for several, said in found.items() if (line := self._line(several, said))]
            new = [several for several in found if several not in self._of.told]
            self._of.told |= {several: min(said) for several, said in found.items() if several not in self._of.told}
        for line in lines:
            telling.warn(line)
        return new

    def _line(self, several: str, said: dict[str, str]) -> str:
        names, alone = sorted(said), said[min(said)]
        if several in self._of.told:
            names = [name for name in names if name != self._of.told[several]]
            short = several if len(several) <= LONGEST else f"{several[:LONGEST]}…"
            return (
                around(alone, f"{first_of(names, MOST)}: the same as of {self._of.told[several]}: {short}")
                if names
                else ""
            )
        return alone if len(names) == 1 else around(alone, f"{first_of(names, MOST)}: {several}")


def warn(process: Process, subject: str, alone: str, several: str) -> None:
    """Take a warning; it is given at once where nothing gathers.

    Args:
        process: what this process remembers.
        subject: the machine or the site.
        alone: what is said where it is the only one.
        several: what is said after the names where there are more.
    """
    warned = Warned(process.warnings)
    warned.add(subject, alone, several)
    if not process.warnings.at_work:
        warned.tell()


@contextmanager
def gathering(process: Process, root: str | None, holder: str) -> Iterator[None]:
    """Gather what is warned of until nothing is at work any more.

    Args:
        process: what this process remembers.
        root: the hub root, where the number of warnings is kept for the run's summary; ``None`` for nowhere.
        holder: ``<project>/<stack>``.
    """
    gathered = process.warnings
    with gathered.guard:
        gathered.at_work += 1
    try:
        yield
    finally:
        with gathered.guard:
            gathered.at_work -= 1
            last = not gathered.at_work
        for text in Warned(gathered).tell() if last else ():
            if root is not None:
                Records(root, summary.KIND).put({}, holder, summary.WARNED, hashlib.sha256(text.encode()).hexdigest())
