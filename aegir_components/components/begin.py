"""What a site begins with, as its component is told."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi


@dataclass(frozen=True, kw_only=True, slots=True)
class Begin:
    """What a site begins with, and what follows from that for as long as it is there."""

    origin: pulumi.Output[str] | None = None
    """Packed, and secret; ``None`` for a site that has content, or gets it from its application."""
    loaded: bool = False
    """Whether its content was loaded before."""
    cloned: bool = False
    """Whether its content is another site's: nothing of it leaves unless that is declared."""
    former: tuple[str, ...] = ()
    """Other names that its content knows it by."""
    fallback: str = ""
    """Where uploads are that did not come along, while that is declared."""
