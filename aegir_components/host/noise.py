"""What a login's shell prints before the output of a program that was asked for: a greeting, or a line in ~/.bashrc."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

from .connection import Connection
from .errors import CommandFailed

_PACKED: Final = b"\x1f\x8b\x08"
"""How all that gzip packs begins, and no text."""


def advice(conn: Connection) -> str:
    """Say that a login's shell prints something before a program's output, and what helps."""
    return (
        f"the login shell of {conn.user} prints something before a program's output. Print only where somebody types: begin "
        f"~{conn.user}/.bashrc and what it reads there with: case $- in *i*) ;; *) return ;; esac"
    )


def cut(conn: Connection, target: Path) -> None:
    """Take away what a login shell printed before the program's output.

    Raises:
        CommandFailed: nothing that is packed came at all.
    """
    with target.open("rb") as came:
        head = came.read(1 << 16)
        at = head.find(_PACKED)
        if at == 0:
            return
        if at < 0:
            why = advice(conn) if head else "nothing came"
            raise CommandFailed(conn.host, f"no archive came, and nothing was removed: {why}")
        came.seek(at)
        clean = target.with_suffix(".clean")
        with clean.open("xb") as out:
            clean.chmod(0o600)
            shutil.copyfileobj(came, out)
            out.flush()
            os.fsync(out.fileno())
    clean.replace(target)
