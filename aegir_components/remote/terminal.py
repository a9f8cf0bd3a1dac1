"""A program on a machine with this terminal as its own."""

from __future__ import annotations

import getpass
import os
import shlex
import subprocess
from typing import Final

from aegir_components.hub.environment import without_pulumis
from aegir_components.messages import numbered

from .connection import Connection
from .errors import HostError
from .multiplex import in_session
from .ssh import command_as

LONGEST: Final = 12 * 3600.0
"""Seconds that somebody may stay."""


def attach(conn: Connection, words: list[str], *, what: str) -> int:
    """Run a program as root on the machine's side of this terminal, and give its exit status.

    Args:
        conn: the machine.
        words: the program and its arguments, which other users of the machine can read.
        what: what is being done, for error texts.

    Raises:
        HostError: the machine cannot be reached, or somebody stayed for too long.
    """
    if conn.kind == "none":
        raise HostError(
            conn.host, numbered(4065, f"{what}: nothing runs there; its connection is none in the stack file")
        )

    def work(command: list[str]) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(command, timeout=LONGEST, check=False, env=without_pulumis())
        return subprocess.CompletedProcess(command, done.returncode, "", "")

    try:
        if conn.kind == "local":
            login = "root" if os.geteuid() == 0 else getpass.getuser()
            return work(command_as(login, "root", words)).returncode
        remote = "exec " + shlex.join(command_as(conn.user, "root", words))
        # The last of ssh's words on a terminal counts.
        return in_session(conn, lambda client: work([*client, "-tt", conn.address, remote])).returncode
    except subprocess.TimeoutExpired:
        raise HostError(
            conn.host, numbered(4067, f"{what}: nobody has ended it within {LONGEST / 3600:.0f} hours")
        ) from None
