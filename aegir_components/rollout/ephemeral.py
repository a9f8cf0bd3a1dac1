"""Tables whose rows nobody misses: caches, sessions and the like."""

from __future__ import annotations

import fnmatch

from .site import Updated


def is_ephemeral(site: Updated, table: str) -> bool:
    """Tell whether nobody misses the rows of a table."""
    return matches(table, site.ephemeral)


def matches(name: str, patterns: tuple[str, ...]) -> bool:
    """Tell whether a name fits one of the patterns, as the shell reads them."""
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
