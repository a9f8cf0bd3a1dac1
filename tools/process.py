"""Running other programs: quietly, with a sign of life, and with the end of their output when they fail."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.errors import SetupError

HEARTBEAT = 15.0
_KEPT_LINES = 20


def say(text: str) -> None:
    """Tell the person at the terminal, at once, also where output goes to a file."""
    print(f"setup: {text}", flush=True)


def elapsed(seconds: float) -> str:
    """Write a time as people do: ``45 s``, ``2 min 05 s``."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def run(
    what: str,
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    heartbeat: float = HEARTBEAT,
) -> None:
    """Run a program that may take minutes, and say every now and then that it still does.

    Args:
        what: names the work in those lines and in the error.
        argv: the program and its arguments.
        env: variables on top of this process's own.
        cwd: directory to run it in.
        heartbeat: seconds between two signs of life.

    Raises:
        SetupError: it failed; the text has the last lines of its output.
    """
    tail: deque[str] = deque(maxlen=_KEPT_LINES)
    count = 0
    done = threading.Event()
    start = time.monotonic()

    def beat() -> None:
        while not done.wait(heartbeat):
            lines = f", {count} lines of progress" if count else ""
            say(f"{what}: {elapsed(time.monotonic() - start)}{lines}")

    threading.Thread(target=beat, daemon=True).start()
    try:
        with subprocess.Popen(
            argv,
            env={**os.environ, **(env or {})},
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process:
            assert process.stdout is not None  # it is a pipe, which mypy cannot know
            for line in process.stdout:
                tail.append(line.rstrip())
                count += 1
    finally:
        done.set()
    if process.returncode != 0:
        raise SetupError(f"{what} failed (exit {process.returncode}):\n  " + "\n  ".join(tail))


def answer(argv: Sequence[str | Path], *, env: Mapping[str, str] | None = None) -> str | None:
    """Return what a short program prints; None where it is missing, fails or does not end."""
    try:
        done = subprocess.run(
            argv,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
