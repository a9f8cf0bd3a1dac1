"""Where the symbolic links of a tree really lead: followed step by step, as a kernel does. Pure.

A target that stays inside when its ``..`` are taken out of the text may still lead outside. ``l/..`` is not the
directory of ``l`` where ``l`` is a link itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

MOST_FOLLOWED: Final = 40
"""Links on one way, as Linux counts them; a longer way leads nowhere (ELOOP)."""


def leads_outside(path: bytes, links: Mapping[bytes, bytes]) -> bool:
    """Return whether a link of a tree leads out of it, by way of whichever other links of the tree.

    Args:
        path: the link, from the tree's root.
        links: every link of the tree, from its root, with its target.
    """
    here = path.split(b"/")[:-1]
    pending = _steps(links[path])
    if links[path].startswith(b"/"):
        return True
    followed = 0
    while pending:
        step = pending.pop()
        if step == b"..":
            if not here:
                return True
            here.pop()
            continue
        here.append(step)
        target = links.get(b"/".join(here))
        if target is None:
            continue
        followed += 1
        if followed > MOST_FOLLOWED:
            return False
        if target.startswith(b"/"):
            return True
        here.pop()
        pending += _steps(target)
    return False


def first_outside(links: Mapping[bytes, bytes]) -> bytes | None:
    """Return a link of a tree that leads out of it, or ``None``."""
    return next((path for path in links if leads_outside(path, links)), None)


def _steps(target: bytes) -> list[bytes]:
    """List the steps of a target, the first one last."""
    return [step for step in reversed(target.split(b"/")) if step not in {b"", b"."}]
