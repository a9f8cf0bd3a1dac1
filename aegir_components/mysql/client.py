"""Connections from the hub to database servers over PyMySQL; the only place that opens one."""

from __future__ import annotations

import functools
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pymysql

from aegir_components import process
from aegir_components.hub import wait
from aegir_components.messages import AegirError, numbered
from aegir_components.remote import forward
from aegir_components.remote.classify import without_values
from aegir_components.remote.connection import Connection

from . import certificates
from .statements import PREAMBLE

if TYPE_CHECKING:
    from pymysql.connections import Connection as Wire

CONNECT_TIMEOUT = 8
"""Seconds for a connection."""
STATEMENT_TIMEOUT = 60
"""Seconds for one answer."""
LONG_TIMEOUT = 3600
"""The same for what reads or moves whole tables."""
RESTART = 15.0
"""Seconds for which a refused connection is tried again: a server that is restarted, as by an upgrade, is back by then."""
PAUSE = 0.5

_UNREACHABLE = (2002, 2003, 2013)
_NO_TLS = 2026
PASSWORD_ASKED = 2061
"""MySQL's own number for a log-in plugin that its client does not allow here (CR_AUTH_PLUGIN_ERR)."""
_DENIED = (1045, 1130, 1698)
_LACKING = (1044, 1142, 1227, 1410)


class DatabaseError(AegirError):
    """Something failed on, or on the way to, a database server."""


class DatabaseUnreachable(DatabaseError):
    """Nothing answers at the database's address and port."""


class DatabaseDenied(DatabaseError):
    """The database answers and does not let the account in, or not do this."""


class PasswordUnsent(DatabaseDenied):
    """The server asks for the password itself, and nothing says that it is the right one."""


class DatabaseMissing(DatabaseError):
    """A database that was there before is not there any more."""


class StatementRefused(DatabaseError):
    """The server refuses a statement of somebody else's; the text has the server's number and nothing of the statement."""

    def __init__(self, server: str, code: int) -> None:
        self.code = code
        super().__init__(numbered(5007, f"{server}: the database server refuses it (error {code})"))


class DatabaseForeign(DatabaseError):
    """A database or account of the wanted name is there and is not ours."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """A database server and the account that the hub uses there."""

    server: str
    """The declared name of the server, for error texts."""
    address: str
    port: int
    user: str
    password: str = field(repr=False)
    authority: str = ""
    """The PEM of the authority that the server's certificate must be from; empty takes TLS as it is offered."""
    tunnel: Connection | None = None
    """The machine whose ssh connection leads to the server; ``None`` connects over the network."""
    machine: Connection | None = None
    """The machine that the server runs on, where we have a login to it: it says what the server's certificate is."""


class Session:
    """An open connection."""

    def __init__(self, wire: Wire[Any], endpoint: Endpoint) -> None:
        self._wire = wire
        self._endpoint = endpoint

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Run one statement and give its rows.

        Raises:
            DatabaseError: the server refuses it. The text has the server's own words, and not the statement,
                which may hold a password.
        """
        try:
            with self._wire.cursor() as cursor:
                cursor.execute(sql, values or None)
                return list(cursor.fetchall())
        except pymysql.MySQLError as fault:
            raise explained(self._endpoint, fault, verb=sql.split(None, 2)[0]) from None

    def change(self, sql: str, values: Sequence[object]) -> int:
        """Run one statement, and give how many rows it has changed; as ``rows`` otherwise."""
        try:
            with self._wire.cursor() as cursor:
                return int(cursor.execute(sql, values))
        except pymysql.MySQLError as fault:
            raise explained(self._endpoint, fault, verb=sql.split(None, 2)[0]) from None

    def feed(self, sql: bytes) -> int:
        """Run one statement of somebody else's as it is, and give how many rows it has changed.

        Raises:
            StatementRefused: the server refuses it.
        """
        try:
            return int(self._wire.query(sql))
        except pymysql.MySQLError as fault:
            code = fault.args[0] if fault.args and isinstance(fault.args[0], int) else 0
            raise StatementRefused(self._endpoint.server, code) from None

    def be_patient(self) -> None:
        """Wait for answers as long as reading a large table takes, from now on."""
        # PyMySQL takes it at each read, and has no other way to change it for a connection that is open.
        vars(self._wire)["_read_timeout"] = LONG_TIMEOUT

    def row(self, sql: str) -> dict[str, Any]:
        """Run a statement and give its first row by the names of its columns; as ``rows`` otherwise."""
        try:
            with self._wire.cursor() as cursor:
                cursor.execute(sql)
                found = cursor.fetchone()
                names = [column[0] for column in cursor.description or ()]
        except pymysql.MySQLError as fault:
            raise explained(self._endpoint, fault, verb=sql.split(None, 2)[0]) from None
        return dict(zip(names, found or (), strict=False))

    def run(self, statements: Sequence[str]) -> None:
        """Run statements in order."""
        for sql in statements:
            self.rows(sql)


@contextmanager
def connect(endpoint: Endpoint, database: str | None = None) -> Iterator[Session]:
    """Open a connection for a block of work.

    Raises:
        DatabaseUnreachable: nothing answers there.
        DatabaseDenied: the account may not log in.
        DatabaseError: anything else that the server says.
    """
    with ExitStack() as stack:
        try:
            place: dict[str, Any] = {"host": endpoint.address, "port": endpoint.port}
            if endpoint.tunnel is not None:
                socket = stack.enter_context(forward.to_local(endpoint.tunnel, "127.0.0.1", endpoint.port))
                place = {"unix_socket": str(socket)}
            wire = stack.enter_context(_patiently(endpoint, lambda: _open(endpoint, database, place)))
        except (pymysql.MySQLError, OSError) as fault:
            raise explained(endpoint, fault, verb="login") from None
        session = Session(wire, endpoint)
        session.rows(PREAMBLE)
        yield session


def lets_in(endpoint: Endpoint) -> bool:
    """Return whether a server lets an account in with this password; true also where nothing but the password says that.

    Raises:
        DatabaseError: the server does not answer.
    """
    try:
        with connect(endpoint):
            return True
    except PasswordUnsent:
        return True
    except DatabaseDenied:
        return False


def _patiently(endpoint: Endpoint, work: Callable[[], Wire[Any]]) -> Wire[Any]:
    """Open a connection; one that is refused is tried again for a while."""
    # All that need the server wait for it together, not one by one.
    refused_by, where = process.current().refused_databases, (endpoint.address, endpoint.port)
    while True:
        try:
            wire = work()
        except pymysql.OperationalError as fault:
            refused = isinstance(getattr(fault, "original_exception", None), ConnectionRefusedError)
            if not refused or not refused_by.setdefault(where, wait.Deadline(RESTART)).pause(PAUSE):
                raise
        else:
            refused_by.pop(where, None)
            return wire


def _open(endpoint: Endpoint, database: str | None, place: Mapping[str, Any]) -> Wire[Any]:
    # Only here: it needs PyMySQL at once, which a command with nothing to do does without.
    from . import careful  # noqa: PLC0415

    if endpoint.authority or endpoint.tunnel is not None:
        return _connect(endpoint, database, place, _trust(endpoint))
    try:
        return _connect(endpoint, database, place, _trust(endpoint), careful.CarefulConnection)
    except careful.PasswordAskedError:
        if endpoint.machine is None:
            raise
        context = careful.pinned(certificates.on_machine(endpoint.machine, endpoint.port))
        return _connect(endpoint, database, place, context)
    except pymysql.OperationalError as fault:
        # PyMySQL with a TLS context demands TLS; here it is taken where it is offered.
        if fault.args[0] != _NO_TLS:
            raise
        return _connect(endpoint, database, place, None, careful.CarefulConnection, tls=False)


def _connect(
    endpoint: Endpoint,
    database: str | None,
    place: Mapping[str, Any],
    trust: ssl.SSLContext | None,
    kind: Callable[..., Wire[Any]] | None = None,
    *,
    tls: bool = True,
) -> Wire[Any]:
    # The farm of the tests puts its own in the place of pymysql.connect.
    return (kind or pymysql.connect)(
        **place,
        user=endpoint.user,
        # As bytes: PyMySQL would encode text as Latin-1, and a server compares what its clients send in UTF-8.
        password=endpoint.password.encode(),
        database=database,
        charset="utf8mb4",
        autocommit=True,
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=STATEMENT_TIMEOUT,
        write_timeout=STATEMENT_TIMEOUT,
        local_infile=False,
        ssl=trust,
        # Without a context PyMySQL makes one of its own, which reads the system's authorities: 21 ms a connection.
        ssl_disabled=not tls,
    )


UNASKED = "loose-skip-ssl-verify-server-cert"
"""A line for clients' option files: MariaDB 11.4 and later else connect to no server without TLS; others pass it over."""


def _trust(endpoint: Endpoint) -> ssl.SSLContext | None:
    return None if endpoint.tunnel is not None else _context(endpoint.authority)


@functools.lru_cache(maxsize=64)
def _context(authority: str) -> ssl.SSLContext:
    # One for all connections to the servers of an authority: connections share a context, and making one takes 2 ms.
    if authority:
        return ssl.create_default_context(cadata=authority)
    # Against listeners, not against somebody in between, whom nothing here could tell from the server.
    # Not create_default_context: it reads the system's authorities, 23 ms a connection, for nothing here.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def decoded(value: object) -> str:
    """Return a value of a row as text; servers give some names and statements as bytes."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def explained(endpoint: Endpoint, fault: Exception, *, verb: str) -> DatabaseError:
    """Turn what PyMySQL raised into what the operator has to inspect."""
    code = fault.args[0] if fault.args and isinstance(fault.args[0], int) else 0
    said = without_values(str(fault.args[-1]))[:300] if fault.args else type(fault).__name__
    where = f"{endpoint.server}: the database at {endpoint.address} port {endpoint.port}"
    if isinstance(getattr(fault, "original_exception", fault), ssl.SSLError):
        return DatabaseUnreachable(
            numbered(
                5004,
                f"{where} shows another certificate than it should ({said}); the password was not sent. Find out who "
                f"answers there. If the server has lost its certificate of the declared authority, `pulumi up --refresh` "
                f"installs one on a server that we manage",
            )
        )
    if code in _UNREACHABLE or isinstance(fault, OSError):
        return DatabaseUnreachable(
            numbered(
                5001,
                f"{where} does not answer ({said}). Check in this order. Does the database server run there? Does it "
                f"listen on the network (bind-address = 0.0.0.0 under [mysqld], not 127.0.0.1)? Does a firewall block "
                f"port {endpoint.port} between the hub and {endpoint.address}?",
            )
        )
    if code in _DENIED:
        return DatabaseDenied(
            numbered(
                5002,
                f"{where} refuses {endpoint.user} from the hub at {verb} ({said}). The account must exist for the hub's "
                f"own address (hub.address in the stack file), with this password and with GRANT OPTION. "
                f"`pulumi up --refresh` creates it again on a server that we manage",
            )
        )
    if code == _NO_TLS:
        return DatabaseUnreachable(
            numbered(
                5003,
                f"{where} offers no TLS, or not with a certificate of the declared authority ({said}), and the stack file "
                f"demands it (tls: required). `pulumi up --refresh` installs one on a server that we manage",
            )
        )
    if code == PASSWORD_ASKED:
        return PasswordUnsent(
            numbered(
                5005,
                f"{where}: {said}, and nothing says that it is the right server, so it was not sent. Write tls: required for "
                f"this database into the stack file; for an external server, with its authority as well",
            )
        )
    if code in _LACKING:
        return DatabaseDenied(
            numbered(
                5006,
                f"{where} lets {endpoint.user} in, but not {verb} ({said}). The hub's account lacks a right or GRANT OPTION; "
                f"on a server that we manage `pulumi up --refresh` gives it back",
            )
        )
    return DatabaseError(numbered(5008, f"{where} refuses {verb} ({code}: {said})"))
