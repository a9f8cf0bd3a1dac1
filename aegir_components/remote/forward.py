"""A port of a machine, reached through its shared ssh connection as a Unix socket on the hub."""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aegir_components.hub.environment import without_pulumis
from aegir_components.messages import numbered

from . import multiplex
from .classify import tail
from .connection import Connection
from .errors import CommandFailed

TIMEOUT = 10
"""Seconds for opening and for closing it."""


@contextmanager
def to_local(conn: Connection, address: str, port: int) -> Iterator[Path]:
    """Give a socket of the hub that leads to ``address:port`` as the machine sees it, for a block of work.

    Raises:
        HostError: there is no connection, or sshd does not forward (AllowTcpForwarding).
    """
    multiplex.connect(conn)
    # Short: a Unix socket's path may have 107 bytes.
    socket = multiplex.socket_directory() / f"f-{secrets.token_hex(6)}"
    rule = f"{socket}:{address}:{port}"
    opened = _control(conn, "forward", rule)
    if opened.returncode != 0:
        raise CommandFailed(
            conn.host,
            numbered(
                4009,
                f"sshd does not lead to {address} port {port} ({tail(opened.stderr, 200)}); allow it there "
                f"(AllowTcpForwarding) or let the hub connect directly (reach: direct)",
            ),
        )
    try:
        yield socket
    finally:
        _control(conn, "cancel", rule)
        socket.unlink(missing_ok=True)


def _control(conn: Connection, verb: str, rule: str) -> subprocess.CompletedProcess[str]:
    path = multiplex.socket_path(conn)
    command = ["ssh", "-F", "none", "-o", f"ControlPath={path}", "-O", verb, "-L", rule, conn.address]
    return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False, env=without_pulumis())
