"""A line on the hub for each command that does something, however it ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import click

from aegir_components.hub import audited
from aegir_components.hub.audited import Entry, entries
from aegir_components.hub.person import person as who
from aegir_components.hub.records import DEFAULT_ROOT
from aegir_components.messages.printable import printable

from .ends import tell
from .made import Site
from .state import State

__all__ = ["Entry", "Noting", "entries", "noted", "root_of", "who", "words", "write"]

LONGEST: Final = 200
"""Characters of what is said of a command."""
MOST_SITES: Final = 2000


@dataclass(slots=True)
class Noting:
    """A command at work, to be told how it ends."""

    entry: Entry

    def result(self, text: str) -> None:
        """Say how it ended, where that is not ``done``."""
        self.entry = replace(self.entry, result=text)


def words(argv: Sequence[str]) -> str:
    """Say what a command is, without arguments that may be secrets: ``drush user:password +2``."""
    # `run SITE -- PASSWORD=secret drush …` runs nothing, and is typed all the same.
    name, assigned, _ = argv[0].partition("=")
    program = Path(name).name + ("=…" if assigned else "")
    shown = [program, *([argv[1]] if len(argv) > 1 and not argv[1].startswith("-") and "=" not in argv[1] else [])]
    # What a shell or an interpreter is given is a program, with whatever is in it.
    if assigned or program in {"sh", "bash", "dash", "php", "env", "python3", "perl"}:
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
    root: Path,
    stack: str,
    command: str,
    *,
    sites: Sequence[Site | str] = (),
    servers: Sequence[str] = (),
    journal: Callable[[Entry], None] = lambda _entry: None,
) -> Iterator[Noting]:
    """Write a line when a command has ended, however that was.

    Args:
        root: the hub root, where the line is kept.
        stack: the stack's name.
        command: without arguments that may be secrets.
        sites: what it is about; a name alone where the stack has no such site any more.
        servers: names of servers that it is about.
        journal: also writes it into journals of machines (:mod:`.journal`); for commands that do not so on their way.
    """
    begun = time.time()
    noting = Noting(
        Entry(at=int(begun), who=who(), stack=stack, command=command, servers=tuple(servers),
              sites=tuple(each if isinstance(each, str) else each.name for each in sites)[:MOST_SITES],
              identities=tuple(each.identity for each in sites if not isinstance(each, str))[:MOST_SITES])
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
        ended = replace(noting.entry, seconds=round(time.time() - begun, 1))
        write(root, ended)
        journal(ended)


def write(root: Path, entry: Entry) -> None:
    """Append a line; a hub that cannot keep it goes on without, and says so."""
    if why := audited.write(root, entry):
        tell(why)
