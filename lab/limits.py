"""Limits of the machine's kernel that many hosts with systemd run into."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

INSTANCES = Path("/proc/sys/fs/inotify/max_user_instances")
WANTED = 1024
"""A host takes about ten, and as shipped all of a machine's hosts together get 128: the twelfth would not come up."""


def raise_inotify(say: Callable[[str], None], path: Path = INSTANCES) -> None:
    """Let systemd in more than a dozen hosts watch its files; until the machine's next boot.

    Without the right to do so nothing happens: a few hosts come up all the same, and the limit's name is said.
    """
    try:
        allowed = int(path.read_text())
    except (OSError, ValueError):
        return
    if allowed >= WANTED:
        return
    try:
        path.write_text(f"{WANTED}\n")
    except OSError:
        say(f"fs.inotify.max_user_instances is {allowed}: more than ten hosts at once may not come up")
        return
    say(f"fs.inotify.max_user_instances raised from {allowed} to {WANTED} until the next boot")
