"""The exchange of a site's files on all its machines, and what the hub notes of it in case the run is killed."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from aegir_components.remote.errors import HostError

from .files import Staged
from .source import Source

SWAPS: Final = "swaps"
"""What a record has of the files: by place the token of the run, the parts, and the patterns of what stays."""


@dataclass(slots=True)
class Exchange:
    """Staged files of one run."""

    staged: list[Staged]
    begun: list[Staged] = field(default_factory=list)
    """Those that may have taken the place of others: only these are put back."""

    def record(self) -> dict[str, Any]:
        """Say for the hub's record what will be exchanged."""
        return {
            SWAPS: {
                one.place.label: {"token": one.token, "parts": list(one.parts), "exclude": list(one.exclude)}
                for one in self.staged
            }
        }

    def swap(self) -> None:
        """Put all in their place.

        Raises:
            HostError: it failed on a machine; ``put_back`` brings the former files back.
        """
        for one in self.staged:
            self.begun.append(one)
            one.swap()

    def put_back(self) -> None:
        """Bring the former files back where they may have been moved aside.

        Raises:
            HostError: it failed on a machine; they are still beside the site's own there.
        """
        while self.begun:
            self.begun[-1].put_back()
            self.begun.pop()

    def finish(self, *, is_over: bool) -> None:
        """Remove what was staged and what was moved aside; a machine that is not reached is left to the next run.

        Args:
            is_over: whether no later run has to put anything back. Otherwise former files stay for that run.
        """
        for one in self.staged:
            if is_over or one not in self.begun:
                with suppress(HostError):
                    one.finish()


def put_back_earlier(source: Source, record: Mapping[str, Any]) -> None:
    """Bring back the files that an interrupted run has moved aside, by its record; one of an earlier version names none.

    Args:
        source: the site.
        record: what the run had noted.

    Raises:
        HostError: it failed on a machine; what is left is done by the next run.
    """
    swaps = record.get(SWAPS) or {}
    for place in source.places:
        if known := swaps.get(place.label):
            parts, exclude = tuple(map(str, known["parts"])), tuple(map(str, known.get("exclude", ())))
            one = Staged(
                place=place, site=source.site, parts=parts, entries=0, token=str(known["token"]), exclude=exclude
            )
            one.put_back_earlier()
