"""What certificate a database server has, as its own machine sees it."""

from __future__ import annotations

from aegir_components.messages import numbered
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import Refused
from aegir_components.scripts import script


def on_machine(conn: Connection, port: int) -> str:
    """Ask the server over its loopback for its certificate, in PEM.

    Raises:
        Refused: it offers no TLS.
        HostError: the machine does not answer.
    """
    ask = (
        f"openssl s_client -starttls mysql -connect 127.0.0.1:{port} </dev/null 2>/dev/null | openssl x509 2>/dev/null"
    )
    what = "asking the database for its certificate"
    seen = script.execute(conn, "check", [f'fact certificate "$({ask})"'], what=what, lock=False).facts
    if not seen.get("certificate"):
        raise Refused(
            conn.host,
            numbered(
                5005,
                f"the database on port {port} asks for the hub's password itself, and offers no TLS that it could be "
                f"sent through. Write tls: required for this database into the stack file",
            ),
        )
    return seen["certificate"]
