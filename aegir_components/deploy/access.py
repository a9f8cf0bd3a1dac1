"""A login to a database from a web server, with that machine's own mysql client."""

from __future__ import annotations

from aegir_components.messages import numbered
from aegir_components.mysql.client import UNASKED, Endpoint
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import Refused
from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions

LOGIN_TIMEOUT = 60.0
"""Seconds; the client itself gives up after 10."""


def log_in(conn: Connection, where: Endpoint, *, database: str, user: str, password: str, address: str) -> None:
    """Connect from ``conn`` to the database as ``user``, and run a statement.

    Raises:
        Refused: it cannot connect, or is not let in; says which, and what to do.
    """
    options = [
        "[client]",
        f"host={where.address}",
        f"port={where.port}",
        f"user={user}",
        f'password="{password}"',
        "protocol=tcp",
        "connect-timeout=10",
        # MariaDB's client has one name for it and MySQL's another; each passes over the other's.
        *(["loose-ssl-verify-server-cert", "loose-ssl-mode=VERIFY_IDENTITY"] if where.authority else [UNASKED]),
    ]
    lines = [
        functions("access"),
        script.call("mysql_login", script.encoded("\n".join(options) + "\n"), database, *_authority(where)),
    ]
    seen = script.execute(conn, "check", lines, what="logging in to the database", timeout=LOGIN_TIMEOUT).facts
    if seen.get("login") != "ok":
        raise Refused(conn.host, explain(where, address, seen.get("login", "")))


def _authority(where: Endpoint) -> list[str]:
    return [script.encoded(where.authority)] if where.authority else []


def explain(where: Endpoint, address: str, said: str) -> str:
    """Say what a failed login from a web server means."""
    place = f"the database {where.server} at {where.address} port {where.port}"
    if "command not found" in said or "mysql: not found" in said:
        return numbered(5070, "the mysql client is not installed; apt-get install default-mysql-client")
    if "ERROR 2002" in said or "ERROR 2003" in said or "ERROR 2013" in said:
        return numbered(
            5071,
            f"cannot connect to {place} ({said}). Check bind-address under [mysqld] there, and that no firewall blocks port "
            f"{where.port} between {address} and {where.address}",
        )
    if "ERROR 1045" in said or "ERROR 1130" in said or "ERROR 1698" in said:
        return numbered(
            5072,
            f"{place} does not know this web server as {address} ({said}). It connects from another address than the declared "
            f"one: correct the server's address in the stack file",
        )
    if "ERROR 2026" in said:
        return numbered(
            5073,
            f"{place} does not show a certificate of its authority for {where.address} to this web server ({said}): it is "
            f"another server, or has lost its certificate. `pulumi up --refresh` installs one on a server that we manage",
        )
    return numbered(5074, f"the login to {place} failed: {said or 'no reason given'}")
