"""What is wrong with the hub's own disk: an error of this process is the hub's, whichever machine it works for."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path
from typing import Final

from aegir_components.messages import around, numbered
from aegir_components.remote.errors import HUB, CommandFailed

_ADVICE: Final = {
    errno.ENOSPC: "there is no room left on the hub: look with df -h {place}; df -i {place}",
    errno.EDQUOT: "the quota of the user who runs pulumi is used up on the hub: look with quota",
    errno.EROFS: "this file system of the hub is read-only: look with findmnt -T {place}; dmesg | tail",
}
BLOCK: Final = 1 << 20
"""Bytes that are tried."""


def explain(fault: BaseException) -> str:
    """Say what an error says of the hub's disk; empty where it says nothing of it."""
    if not isinstance(fault, OSError) or fault.errno not in _ADVICE:
        return ""
    name = os.fsdecode(fault.filename) if isinstance(fault.filename, str | bytes) else tempfile.gettempdir()
    place = Path(name)
    while not place.is_dir() and place != place.parent:
        place = place.parent
    return numbered(
        4080, f"the hub: {name} cannot be written ({fault.strerror}): {_ADVICE[fault.errno].format(place=place)}"
    )


def refuse_full(place: Path) -> None:
    """Try to write into a directory of the hub, after a program that wrote there has failed.

    Raises:
        CommandFailed: the hub's disk is the reason.
    """
    try:
        with tempfile.NamedTemporaryFile(dir=place, prefix=".aegir-room-") as file:
            file.write(b"\0" * BLOCK)
            file.flush()
            os.fsync(file.fileno())
    except OSError as fault:
        fault.filename = fault.filename or str(place)
        if said := explain(fault):
            raise CommandFailed(HUB, around(said, said.removeprefix("the hub: "))) from None
