"""What a run warns of, with the numbers of the messages."""

from __future__ import annotations

from collections.abc import Hashable

import pulumi

from aegir_components import process

from . import shown


def warn(*texts: str) -> None:
    """Warn of each of these, with its number."""
    for text in texts:
        pulumi.log.warn(shown(text))


def warn_once(text: str, key: Hashable) -> None:
    """Warn of something that comes again and again in a process, at its first time.

    Args:
        text: the warning.
        key: what it is of, since the text may differ.
    """
    told = process.current().told
    if key not in told:
        told.add(key)
        warn(text)
