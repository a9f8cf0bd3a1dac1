"""The hub's key on a machine: a new one beside the old, proved by a login, and the old one out."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final

from aegir_components.hub.environment import without_pulumis
from aegir_components.messages import numbered
from aegir_components.remote import multiplex
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import HostError
from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions

HOLDER: Final = "aegir keys rotate"


def add(conn: Connection, accounts: Iterable[str], *, old: str, new: str) -> None:
    """Let a new key in wherever the old one is let in.

    Args:
        conn: the machine.
        accounts: whose keys; the first one's has to be there.
        old: type and key, as ``authorized_keys`` has them.
        new: the same of the new one.

    Raises:
        HostError: it cannot be done, or the old key is in no file that sshd reads.
    """
    what = "adding the hub's new key"
    lines = [functions("keys"), script.call("add_key", old, new, *accounts)]
    if script.execute(conn, "apply", lines, what=what, holder=HOLDER).facts.get("keys", "0") == "0":
        raise HostError(
            conn.host,
            numbered(
                4410,
                f"{what}: the key that the hub logs in with is in no file that sshd reads for {conn.user}. Nothing was changed "
                f"there. Add the new key in the way in which the old one is let in, and run the same command again",
            ),
        )


def prove(conn: Connection, identity: Path) -> None:
    """Log in with a key, and by no connection that is open already.

    Raises:
        HostError: it is not let in.
    """
    with_it = replace(conn, identity=str(identity))
    # Of two values ssh takes the first.
    command = ["ssh", "-o", "ControlPath=none", *multiplex.options(with_it), conn.address, "true"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=multiplex.LOGIN_TIMEOUT,
            check=False, env=without_pulumis(),
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise HostError(
            conn.host, numbered(4411, f"the login with {identity} did not end within {multiplex.LOGIN_TIMEOUT} s")
        ) from None
    if done.returncode:
        raise HostError(
            conn.host, numbered(4411, f"the login with {identity} failed: {' '.join(done.stderr.split())[-300:]}")
        )


def drop(conn: Connection, accounts: Iterable[str], *, old: str, new: str) -> None:
    """Let the old key in no longer, where the new one is.

    Raises:
        HostError: it cannot be done.
    """
    lines = [functions("keys"), script.call("drop_key", old, new, *accounts)]
    script.execute(conn, "apply", lines, what="removing the hub's old key", holder=HOLDER)
