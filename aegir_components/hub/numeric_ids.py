"""Numbers of Linux accounts, handed out once on the hub and the same on every machine.

Machines that share files know their owners by number. A number starts from a digest of its owner's name. So a hub that
has lost its list hands out the former numbers as long as no two names collide. The list settles the names that do. A
number is never handed out again: files of a removed site may still lie somewhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from aegir_components.messages import numbered

from . import files, locks

FIRST: Final = 30_000
LAST: Final = 59_999
"""Above what adduser gives to people one by one, below systemd's own (`systemd.io/UIDS-GIDS`)."""


def choose(owner: str, taken: dict[str, int]) -> int:
    """Give an owner's number: the one it has, or the first free one from where its name points to.

    Raises:
        ValueError: all numbers are taken.
    """
    if owner in taken:
        return taken[owner]
    used = set(taken.values())
    size = LAST - FIRST + 1
    start = int.from_bytes(hashlib.sha256(owner.encode()).digest()[:8], "big") % size
    for step in range(size):
        number = FIRST + (start + step) % size
        if number not in used:
            return number
    raise ValueError(numbered(4536, f"all numbers from {FIRST} to {LAST} are handed out"))


def owners(path: Path) -> frozenset[str]:
    """Name all that have a number; nobody where the list is not there or cannot be read."""
    try:
        return frozenset(json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return frozenset()


def restore(path: Path, known: Mapping[str, int]) -> bool:
    """Make a list that cannot be read again from the numbers that the state has; the damaged one is kept beside it.

    Args:
        path: the list.
        known: number by owner.

    Returns:
        Whether it was damaged.
    """
    try:
        if isinstance(json.loads(path.read_text()), dict):
            return False
    except FileNotFoundError:
        return False
    except (OSError, ValueError):
        pass
    with files.replacing(path, durable=True) as fresh:
        fresh.write_text(json.dumps(dict(known), indent=1, sort_keys=True) + "\n")
        path.rename(path.with_suffix(".damaged"))
    return True


def hand_out(path: Path, owner: str, known: int | None = None) -> int:
    """Give an owner's number and record it on the hub.

    Args:
        path: the list, which is made when it is not there.
        owner: stack and site.
        known: the number that the state has, which stands whatever the list says.

    Raises:
        ValueError: all numbers are taken, or the state's is another owner's in the list.
        OSError: the list cannot be read or written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with locks.held(path.with_suffix(".lock")):
        taken: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
        number = choose(owner, taken) if known is None else known
        other = next((name for name, held in taken.items() if held == number and name != owner), None)
        if other is not None:
            raise ValueError(
                numbered(4535, f"number {number} of {owner} is handed out to {other} in {path}; correct the list")
            )
        if taken.get(owner) != number:
            files.replace(path, json.dumps({**taken, owner: number}, indent=1, sort_keys=True) + "\n", durable=True)
        return number
