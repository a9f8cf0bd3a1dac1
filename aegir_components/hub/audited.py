"""Who did what, when, and how it ended: lines that the hub keeps of commands and runs.

The lines are JSON, one a line, in a file a month below the hub root. Arguments of commands may be secrets, so a line has none.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from aegir_components.messages import numbered

from . import locks
from .person import person
from .records import place

UP: Final = "up"
"""The command of a line that the program leaves when a Pulumi run begins."""
_DIRECTORY: Final = "history"


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """What one command did."""

    at: int
    """Seconds since 1970, when it began."""
    who: str
    """``user@host``."""
    stack: str
    command: str
    sites: tuple[str, ...] = ()
    """By their names of then."""
    identities: tuple[str, ...] = ()
    """What these sites are known by, also after a rename; lines of early versions have none."""
    servers: tuple[str, ...] = ()
    result: str = "done"
    seconds: float = 0.0


def note_run(root: str, stack: str) -> list[str]:
    """Leave a line that a Pulumi run begins; its result and its duration are in Pulumi's own history.

    Returns:
        What is to be warned of.
    """
    why = write(Path(root), Entry(at=int(time.time()), who=person(), stack=stack, command=UP, result="begun"))
    return [why] if why else []


def write(root: Path, entry: Entry) -> str:
    """Append a line; says why that could not be done, and nothing when it was."""
    path = place(str(root)) / _DIRECTORY / f"{time.strftime('%Y-%m', time.gmtime(entry.at))}.jsonl"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locks.held(path) as handle:
            handle.write(json.dumps(asdict(entry)) + "\n")
    except OSError as fault:
        return numbered(9043, f"the hub keeps no line of this command in {path.parent}: {fault.strerror}")
    return ""


def entries(root: Path) -> Iterator[Entry]:
    """Read all lines, oldest first; one that cannot be read is passed over."""
    directory = place(str(root)) / _DIRECTORY
    for path in sorted(directory.glob("*.jsonl")) if directory.is_dir() else ():
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                yield _read(json.loads(line))
            except (ValueError, TypeError, KeyError):
                continue


def _read(found: dict[str, Any]) -> Entry:
    return Entry(
        at=int(found["at"]), who=str(found["who"]), stack=str(found["stack"]), command=str(found["command"]),
        sites=tuple(map(str, found["sites"])), servers=tuple(map(str, found["servers"])), result=str(found["result"]),
        identities=tuple(map(str, found.get("identities", ()))), seconds=float(found["seconds"]),
    )  # fmt: skip
