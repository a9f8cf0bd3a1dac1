"""How much the disk of a server's databases has left."""

from __future__ import annotations

from typing import Final

from aegir_components.host import script
from aegir_components.host.connection import Connection

_LOOK: Final = (
    "df --output=avail -B1 \"$(mysql --skip-column-names --batch --execute 'SELECT @@datadir' </dev/null)\" | tail -n 1"
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
