"""What a pack's shared directory and a cluster's shared uploads have in common: how they are checked, proven and left."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from aegir_components.inputs.members import Member, connections
from aegir_components.messages import numbered, text_of
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import Refused
from aegir_components.remote.parallel import each
from aegir_components.scripts import script


class Share(Protocol):
    """A directory that several machines see."""

    @property
    def path(self) -> str:
        """Where they see it."""

    @property
    def members(self) -> Mapping[str, Member]:
        """The machines."""


def observe(share: Share, check: Callable[[Connection], script.Report], prove: Callable[[], None]) -> dict[str, Any]:
    """Check every member, and where nothing differs, prove again that all see the same.

    Args:
        share: the directory.
        check: inspects one member.
        prove: raises ``Refused`` when not all see the same.
    """
    reports = each(connections(share.members), check)
    drift = [f"{name}: {text}" for name, report in reports.items() for text in report.drift]
    if not drift:
        try:
            prove()
        except Refused as fault:
            drift = [text_of(fault)]
    return {"drift": drift}


def leaving(had: Share, want: Share) -> dict[str, Connection]:
    """Give the members that lose the mount: those that left, or all of them when the directory has another path."""
    stays = want.members if had.path == want.path else {}
    return {name: conn for name, conn in connections(had.members).items() if name not in stays}


def refuse_blind(share: Share, group: str, writer: str, blind: Iterable[str]) -> None:
    """Refuse members that do not see what another one wrote.

    Args:
        share: the directory.
        group: what messages call all members, as ``pack one``.
        writer: the member that wrote.
        blind: those that do not see it.

    Raises:
        Refused: there are some.
    """
    if names := sorted(blind):
        raise Refused(
            ", ".join(names),
            numbered(
                8515,
                f"a file that {writer} wrote into {share.path} is not there: this is another directory, or not mounted. "
                f"Every member of the {group} has to see the same one",
            ),
        )
