"""How much the disk of a server's databases has left."""

from __future__ import annotations

from typing import Final

from aegir_components.messages import numbered
from aegir_components.remote.connection import Connection
from aegir_components.scripts import script

_LOOK: Final = (
    "df --output=avail -B1 \"$(mysql --skip-column-names --batch --execute 'SELECT @@datadir' </dev/null)\" | tail -n 1"
)
FLOOR: Final = 256 << 20
"""Bytes without which no tables are exchanged: a server that ends of a full disk while it renames tables can lose one."""


def refuses_exchange(conn: Connection) -> str:
    """Say why tables are not exchanged on a server now, up to the command that is to be run again; empty where they are.

    Args:
        conn: the database server's machine; nobody looks on a server of somebody else's.

    Raises:
        HostError: the machine is not reached.
    """
    return "" if conn.kind == "none" else lacks_floor(free(conn, "looking for room for an exchange of tables"))


def lacks_floor(free: int) -> str:
    """Say why tables are not exchanged on a disk; empty where it has room, or where nobody knows. Pure."""
    if not 0 <= free < FLOOR:
        return ""
    return numbered(
        5060,
        f"the disk of the databases has {free >> 20} MB left, and tables are exchanged only with {FLOOR >> 20} MB. Make room "
        f"there (aegir disk, aegir prune), then run",
    )


def free(conn: Connection, what: str) -> int:
    """Give the bytes that are left; -1 where nobody knows.

    Args:
        conn: the database server's machine.
        what: what they are asked for, for a message.

    Raises:
        HostError: the machine is not reached.
    """
    facts = script.execute(conn, "check", [f'fact free "$({_LOOK})"'], what=what).facts
    return script.number(facts.get("free", "").strip(), -1)
