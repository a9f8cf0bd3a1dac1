"""Builds of sources: each content once, made beside the finished ones and renamed when it is complete."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from aegir_components.hub import files, locks
from aegir_components.messages import around, numbered, text_of

from . import programs
from . import room as rooms
from .faults import SourceError, last_words

BUILD_TIMEOUT: Final = 1800.0
"""Seconds for one program of a build."""
LOCK_TIMEOUT: Final = 2100.0
"""Seconds to wait for another run that builds the same platform."""
STAGING: Final = ".building-"
RECORD: Final = "refs.json"
KEY_LENGTH: Final = 32
TAIL: Final = 4000
"""Bytes of a log that are inspected for a message."""


def key_of(*parts: str) -> str:
    """Name a build by all that its content depends on."""
    # The first part tells apart what later versions of this program make of the same sources.
    return hashlib.sha256("\0".join(("1", *parts)).encode()).hexdigest()[:KEY_LENGTH]


@contextmanager
def locked(path: Path, what: str, timeout: float = LOCK_TIMEOUT) -> Iterator[int]:
    """Hold a lock that another run waits for, and give its open file.

    Raises:
        SourceError: another run has held it for too long.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with ExitStack() as stack:
        try:
            handle = stack.enter_context(locks.held(path, wait=timeout))
        except locks.HeldError:
            raise SourceError(
                numbered(
                    2023,
                    f"another run has been {what} for {timeout:.0f} s and holds {str(path)!r}; see whether it still works",
                )
            ) from None
        yield handle.fileno()


@dataclass(frozen=True, kw_only=True, slots=True)
class Workshop:
    """Where one build is made."""

    code: Path
    """What becomes the build; not there yet."""
    scratch: Path
    """For what the build needs on its way."""
    log: BinaryIO
    lock: int
    secrets: Sequence[str] = ()

    def say(self, text: str) -> None:
        """Write a line to the build's log."""
        self.log.write(f"{text}\n".encode(errors="surrogateescape"))
        self.log.flush()

    def room(self, *writable: Path, readable: tuple[Path, ...] = ()) -> rooms.Room | None:
        """Give a room for a program that the source brings or steers; ``None`` where none can be made."""
        return (
            rooms.Room(home=self.scratch / "home", writable=writable, readable=readable) if rooms.possible() else None
        )

    def run(
        self,
        *argv: str,
        cwd: Path | None = None,
        timeout: float = BUILD_TIMEOUT,
        variables: Mapping[str, str] | None = None,
        room: rooms.Room | None = None,
    ) -> None:
        """Run a step of the build; its words go to the log.

        Args:
            argv: the program and its arguments.
            cwd: the directory that it works in.
            timeout: seconds.
            variables: what its environment has besides what every program gets.
            room: where a program runs that the source brings or steers.

        Raises:
            SourceError: it failed or took too long.
            OSError: it cannot be started.
        """
        shown = " ".join(argv)
        for secret in self.secrets:
            shown = shown.replace(secret, "[secret]")
        self.say(f"$ {shown}")
        with room.opened() if room else nullcontext():
            done = programs.run(
                room.wrap(argv, cwd or self.code) if room else argv, timeout=timeout, cwd=None if room else cwd,
                variables=variables, log=self.log, holds=(self.lock,), kept=room is None,
            )  # fmt: skip
        if done.late:
            raise SourceError(numbered(2024, f"{argv[0]} did not end within {timeout:.0f} s"))
        if done.status:
            raise SourceError(numbered(2025, f"{argv[0]} exited {done.status}"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Store:
    """A platform's builds on the hub."""

    root: Path
    keep: int
    """How many stay."""
    info: Callable[[str], None]
    """Tells the operator what takes its time."""

    def find(self, key: str) -> Path | None:
        """Give a finished build, and note that it is in use."""
        path = self.root / key
        if not path.is_dir():
            return None
        os.utime(path)
        return path

    def make(self, key: str, what: str, work: Callable[[Workshop], None], *, secrets: Sequence[str] = ()) -> Path:
        """Give the build of this key, and make it if it is not there.

        Args:
            key: names the build by its content.
            what: what is built, for messages.
            work: makes it, in the workshop that it is given.
            secrets: what no message may show.

        Raises:
            SourceError: it failed; the message has the log's path and its last lines.
        """
        found = self.find(key)
        if found is not None:
            return found
        with locked(self.root / ".lock", "building this platform") as lock:
            found = self.find(key)
            if found is not None:
                return found
            self._sweep()
            log = self.root / f"{key}.log"
            self.info(f"building {what}; log: {log}")
            scratch = self.root / f"{STAGING}{key}"
            scratch.mkdir()
            try:
                with log.open("wb") as handle:
                    work(Workshop(code=scratch / "code", scratch=scratch, log=handle, lock=lock, secrets=secrets))
                # A power failure must not leave a build with empty files under its name.
                programs.run(["sync", "--file-system", str(scratch)], timeout=BUILD_TIMEOUT)
                (scratch / "code").rename(self.root / key)
            except (SourceError, OSError) as fault:
                raise SourceError(_failure(what, fault, log, secrets)) from None
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
            self._prune(key)
        return self.root / key

    def remember(self, name: str, revision: str) -> None:
        """Keep which revision a name stood for when its build was made or found."""
        known = self._record()
        if known.get(name) == revision:
            return
        files.replace(self.root / RECORD, json.dumps({**known, name: revision}))

    def remembered(self, name: str) -> str:
        """Give the revision that a name stood for; empty when that is not known."""
        return self._record().get(name, "")

    def _record(self) -> dict[str, str]:
        try:
            known = json.loads((self.root / RECORD).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        pairs = known.items() if isinstance(known, dict) else ()
        return {name: value for name, value in pairs if isinstance(value, str)}

    def _sweep(self) -> None:
        """Take away what a killed run has left; nobody else is at work while the lock is held."""
        for left in self.root.glob(f"{STAGING}*"):
            shutil.rmtree(left, ignore_errors=True)

    def _prune(self, current: str) -> None:
        builds = [path for path in self.root.iterdir() if path.is_dir() and not path.name.startswith(".")]
        stay = {current, *(path.name for path in _newest(builds)[: self.keep])}
        for path in builds:
            if path.name not in stay:
                # Under another name first: a half removed build must not be taken for a whole one.
                gone = path.rename(self.root / f"{STAGING}{path.name}.old")
                shutil.rmtree(gone, ignore_errors=True)
        logs = [path for path in self.root.glob("*.log") if path.stem not in stay]
        for path in _newest(logs)[self.keep :]:
            path.unlink(missing_ok=True)


def _newest(paths: Sequence[Path]) -> list[Path]:
    return sorted(paths, key=lambda path: path.stat().st_mtime_ns, reverse=True)


def _failure(what: str, fault: Exception, log: Path, secrets: Sequence[str]) -> str:
    why = last_words(str(fault), secrets)
    try:
        with log.open("rb") as handle:
            handle.seek(max(0, log.stat().st_size - TAIL))
            words = last_words(handle.read().decode(errors="replace"), secrets)
    except OSError:
        words = ""
    said = f" Its last lines: {words}" if words else ""
    told = numbered(2026, f"building {what} failed: {why}. The live release is untouched. The log is {log}.{said}")
    return around(text_of(fault), told)
