"""What a login's shell prints before the output of a program that was asked for: a greeting, or a line in ~/.bashrc."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from aegir_components.hub import files
from aegir_components.messages import around, numbered

from .connection import Connection
from .errors import CommandFailed

_PACKED: Final = b"\x1f\x8b\x08"
"""How all that gzip packs begins, and no text."""
_NOTHING: Final = numbered(4071, "no archive came, and nothing was removed: nothing came")


def advice(conn: Connection) -> str:
    """Say that a login's shell prints something before a program's output, and what helps."""
    return numbered(
        4070,
        f"the login shell of {conn.user} prints something before a program's output. Print only where somebody types: begin "
        f"~{conn.user}/.bashrc and what it reads there with: case $- in *i*) ;; *) return ;; esac",
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
            raise CommandFailed(conn.host, _nothing_packed(conn) if head else _NOTHING)
        came.seek(at)
        with files.replacing(target, target.with_suffix(".clean"), durable=True) as clean, clean.open("xb") as out:
            clean.chmod(0o600)
            shutil.copyfileobj(came, out)


def _nothing_packed(conn: Connection) -> str:
    why = advice(conn)
    return around(why, f"no archive came, and nothing was removed: {why}")
