"""Who did what, when, and how it ended: a line on the hub for each command that does something.

The lines are JSON, one a line, in a file a month below the hub root. Arguments of commands may be secrets, so a line has the
program's name and its first word, and the number of the others.
"""

from __future__ import annotations

import fcntl
import getpass
import json
import os
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import click

from aegir_components.hub_records import DEFAULT_ROOT, place
from aegir_components.printable import printable

from .ends import tell
from .state import State

_DIRECTORY: Final = "history"
LONGEST: Final = 200
"""Characters of what is said of a command."""
MOST_SITES: Final = 2000


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
    servers: tuple[str, ...] = ()
    result: str = "done"
    seconds: float = 0.0


@dataclass(slots=True)
class Noting:
    """A command at work, to be told how it ends."""

    entry: Entry

    def result(self, text: str) -> None:
        """Say how it ended, where that is not ``done``."""
        self.entry = replace(self.entry, result=text)


def who() -> str:
    """Name the person at the hub, also behind sudo."""
    try:
        name = os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        name = f"uid {os.getuid()}"
    return printable(f"{name}@{socket.gethostname()}", keep="", longest=80)


def words(argv: Sequence[str]) -> str:
    """Say what a command is, without arguments that may be secrets: ``drush user:password +2``."""
    program = Path(argv[0]).name
    shown = [program, *([argv[1]] if len(argv) > 1 and not argv[1].startswith("-") and "=" not in argv[1] else [])]
    # What a shell or an interpreter is given is a program, with whatever is in it.
    if program in {"sh", "bash", "dash", "php", "env", "python3", "perl"}:
        shown = [program]
    left = len(argv) - len(shown)
    return printable(" ".join(shown), keep="", longest=LONGEST) + (f" +{left}" if left else "")


def root_of(state: State) -> Path:
    """Name the hub root, as the machines of a stack know it."""
    for server in state.servers.values():
        if server.connection:
            return Path(str(server.connection.get("hub_root") or DEFAULT_ROOT))
    return Path(DEFAULT_ROOT)


@contextmanager
def noted(
    root: Path, stack: str, command: str, *, sites: Sequence[str] = (), servers: Sequence[str] = ()
) -> Iterator[Noting]:
    """Write a line when a command has ended, however that was."""
    begun = time.time()
    noting = Noting(
        Entry(at=int(begun), who=who(), stack=stack, command=command, sites=tuple(sites)[:MOST_SITES],
              servers=tuple(servers))
    )  # fmt: skip
    try:
        yield noting
    except KeyboardInterrupt:
        noting.result("interrupted")
        raise
    except click.exceptions.Exit:
        raise
    except BaseException:
        noting.result("failed")
        raise
    finally:
        write(root, replace(noting.entry, seconds=round(time.time() - begun, 1)))


def write(root: Path, entry: Entry) -> None:
    """Append a line; a hub that cannot keep it goes on without, and says so."""
    path = place(str(root)) / _DIRECTORY / f"{time.strftime('%Y-%m', time.gmtime(entry.at))}.jsonl"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            handle.write(json.dumps(asdict(entry)) + "\n")
    except OSError as fault:
        tell(f"the hub keeps no line of this command in {path.parent}: {fault.strerror}")


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
        seconds=float(found["seconds"]),
    )  # fmt: skip
