"""What a run warns of, with the numbers of the messages."""

from __future__ import annotations

import pulumi

from . import shown


def warn(*texts: str) -> None:
    """Warn of each of these, with its number."""
    for text in texts:
        pulumi.log.warn(shown(text))
