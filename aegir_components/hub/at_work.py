"""Which commands are at work on which sites: a file on the hub for each command, locked for as long as its process lives.

A command that was killed leaves its file and no lock. The next command that looks removes the file.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final

from aegir_components.messages import AegirError, numbered
from aegir_components.messages.printable import first_of, printable

from . import locks, wait
from .person import person
from .records import place

_DIRECTORY: Final = "at-work"
_GUARD: Final = "guard.lock"
_POLL: Final = 0.5
WAIT: Final = 60.0
"""Seconds for which a run of Pulumi waits for a command before it changes a site."""
MOST_NAMED: Final = 5
"""Sites that a message names."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """What a command works on."""

    stack: str
    """``<project>/<stack>``."""
    command: str
    """Such as ``restore``, without arguments that may be secrets."""
    sites: Mapping[str, str] = field(default_factory=dict)
    """The names of its sites, by what the sites are known by; empty for all sites of the stack."""
    alone: bool = False
    """Whether no other command may work on these sites."""
    who: str = field(default_factory=person)
    process: int = field(default_factory=os.getpid)
    since: int = field(default_factory=lambda: int(time.time()))
    """Seconds since 1970."""

    def excludes(self, other: Claim) -> bool:
        """Return whether two commands may not be at work at once."""
        return self.stack == other.stack and (self.alone or other.alone) and self._meets(other)

    def line(self, other: Claim | None = None) -> str:
        """Say who does what, where, and since when.

        Args:
            other: name only the sites that this claim has too.
        """
        shared = other.sites if other and other.sites else self.sites
        names = sorted(name for site, name in self.sites.items() if site in shared)
        where = first_of(names, MOST_NAMED) or f"all sites of {self.stack.rpartition('/')[2]}"
        since = datetime.fromtimestamp(self.since).astimezone()
        said = (
            f"{self.who} runs aegir {self.command} on {where} (process {self.process}, since {since:%Y-%m-%d %H:%M:%S})"
        )
        return printable(said, keep="", longest=1000)

    def _meets(self, other: Claim) -> bool:
        return not self.sites or not other.sites or not self.sites.keys().isdisjoint(other.sites)


class ClaimedError(AegirError):
    """Another command is at work on the same sites; the text names it."""


@contextmanager
def claimed(root: Path, claim: Claim) -> Iterator[str]:
    """Keep commands that exclude this one from its sites for a block of work. The lock goes when the process ends.

    Yields:
        Why the hub could not write the lock down; empty where it did. The machines' own locks protect the work then.

    Raises:
        ClaimedError: such a command is at work.
    """
    directory = place(str(root)) / _DIRECTORY
    try:
        path, handle = _begin(directory, claim)
    except OSError as fault:
        yield numbered(
            9041,
            f"the hub cannot write into {directory} ({fault.strerror}), so other commands do not know of this one. "
            f"Let the user who runs aegir write there",
        )
        return
    try:
        yield ""
    finally:
        path.unlink(missing_ok=True)
        # Not by its end: a process that another thread starts now has the file too, until it is a program.
        fcntl.flock(handle, fcntl.LOCK_UN)
        handle.close()


def at_work(root: Path) -> list[Claim]:
    """List what is at work on a hub, the oldest first; nothing where the hub cannot be read."""
    directory = place(str(root)) / _DIRECTORY
    if not directory.is_dir():
        return []
    try:
        with _guarded(directory):
            return _living(directory)
    except OSError:
        return []


def refuse(root: Path, claim: Claim) -> None:
    """Look for commands that exclude this one, and write nothing down.

    Raises:
        ClaimedError: such a command is at work.
    """
    _refuse(claim, at_work(root))


def warnings(root: str, stack: str) -> Iterator[str]:
    """Say in one line to a Pulumi run which commands that exclude others are at work in its stack.

    Args:
        root: the hub root.
        stack: ``<project>/<stack>``.
    """
    found = [claim.line() for claim in at_work(Path(root)) if claim.alone and claim.stack == stack]
    if found:
        yield numbered(
            9042,
            f"{'; '.join(found)}. The run goes on, and waits up to {WAIT:.0f} s before it changes such a site. A site that "
            f"is not free by then is reported as failed or held back; run pulumi up again when that command has ended",
        )


def wait_for(
    root: str, stack: str, sites: Collection[str], say: Callable[[str], None], *, seconds: float = WAIT
) -> dict[str, str]:
    """Wait until no command on this hub has sites for itself; for a Pulumi run that is about to change them.

    A command begins only when no run holds the stack, and a run waits here. So one of two that begin at once sees the other.

    Args:
        root: the hub root.
        stack: ``<project>/<stack>``.
        sites: what they are known by; an empty text for what is no site's, which only commands on all sites keep a run from.
        say: hears whom it waits for.
        seconds: how long it waits at most.

    Returns:
        The sites that are not free, with who works on each and what to do.
    """
    wanted = Claim(stack=stack, command="", sites={site: site for site in sites})
    deadline, told = wait.Deadline(seconds), set[int]()
    while busy := [claim for claim in at_work(Path(root)) if claim.alone and claim.excludes(wanted)]:
        if deadline.is_over:
            break
        for claim in busy:
            if claim.process not in told:
                say(f"waiting up to {seconds:.0f} s: {claim.line(wanted)}")
        told |= {claim.process for claim in busy}
        deadline.pause(_POLL)
    return {
        site: _not_free(claim, wanted, seconds)
        for claim in busy
        for site in wanted.sites
        if site in claim.sites or not claim.sites
    }


def _not_free(claim: Claim, wanted: Claim, seconds: float) -> str:
    return numbered(
        6503,
        f"{claim.line(wanted)}, and had not ended after {seconds:.0f} s. Run pulumi up again when it has ended; "
        f"ps -p {claim.process} shows whether it still works",
    )


def _refuse(claim: Claim, others: list[Claim]) -> None:
    if busy := [other for other in others if other.excludes(claim)]:
        processes = ",".join(str(other.process) for other in busy)
        lines = "; ".join(other.line(claim) for other in busy)
        raise ClaimedError(
            numbered(
                9040,
                f"nothing was done, because another run on this hub is at work: {lines}. Wait for the end of that, and "
                f"run the same command again; ps -p {processes} shows whether it still works",
            )
        )


def _begin(directory: Path, claim: Claim) -> tuple[Path, IO[str]]:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _guarded(directory):
        _refuse(claim, _living(directory))
        path = directory / f"{claim.process}-{time.monotonic_ns()}.json"
        handle = path.open("x", encoding="utf-8")
        fcntl.flock(handle, fcntl.LOCK_EX)
        handle.write(json.dumps(asdict(claim)) + "\n")
        handle.flush()
        return path, handle


@contextmanager
def _guarded(directory: Path) -> Iterator[None]:
    """Look and write one after the other: of two commands that begin at once, one sees the other."""
    with locks.held(directory / _GUARD):
        yield


def _living(directory: Path) -> list[Claim]:
    """Read the claims of processes that live, and remove those of others."""
    found = []
    for path in directory.glob("*.json"):
        try:
            with path.open(encoding="utf-8") as handle:
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
            path.unlink(missing_ok=True)
        except FileNotFoundError:
            continue
        except BlockingIOError:
            if claim := _read(path):
                found.append(claim)
    return sorted(found, key=lambda claim: claim.since)


def _read(path: Path) -> Claim | None:
    try:
        made: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return Claim(
            stack=str(made["stack"]), command=str(made["command"]), alone=bool(made["alone"]), who=str(made["who"]),
            sites={str(site): str(name) for site, name in made["sites"].items()}, process=int(made["process"]),
            since=int(made["since"]),
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
