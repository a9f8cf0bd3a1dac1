"""A server in the database's place, which asks the hub for its password in every way that the protocol has."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pymysql
import pytest

from aegir_components.mysql import careful, certificates, client, tls
from aegir_components.remote.connection import Connection

PASSWORD = "the hub's own password"
SALT = b"12345678901234567890"
FLAGS = 0x000FFFFF  # all that a server of version 5.7 and later offers, TLS among it
TLS = 0x800


class Impostor:
    """Speaks MySQL's protocol as far as the log-in, and keeps what it is sent, deciphered."""

    def __init__(self, place: Path, greeting: str, switch: str, then: bytes, *, offers: bool) -> None:
        self.greeting, self.switch, self.then, self.offers = greeting, switch, then, offers
        self.read = b""
        self.issued = tls.issue(tls.authority(str(place)), ["127.0.0.1"])
        (place / "server.pem").write_text(self.issued.certificate + self.issued.key)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(place / "server.pem")
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]

    def serve(self) -> None:
        while True:
            try:
                wire, _ = self.listening.accept()
            except OSError:
                return
            try:
                self._talk(wire)
            except (OSError, struct.error):
                pass
            finally:
                wire.close()

    def _talk(self, wire: socket.socket) -> None:
        wire.settimeout(5)
        flags = FLAGS if self.offers else FLAGS & ~TLS
        hello = (
            b"\x0a8.0.40\0"
            + struct.pack("<I", 7)
            + SALT[:8]
            + b"\0"
            + struct.pack("<HBHHB", flags & 0xFFFF, 45, 2, flags >> 16, 21)
        )
        self._send(wire, 0, hello + b"\0" * 10 + SALT[8:] + b"\0" + self.greeting.encode() + b"\0")
        number, packet = self._take(wire)
        if len(packet) == 32:
            wire = self.context.wrap_socket(wire, server_side=True)
            number, packet = self._take(wire)
        if self.switch:
            self._send(wire, number + 1, b"\xfe" + self.switch.encode() + b"\0" + SALT + b"\0")
            number, packet = self._take(wire)
        if self.then:
            self._send(wire, number + 1, self.then)
            number, packet = self._take(wire)
            if packet == b"\x02":
                self._send(wire, number + 1, b"\x01" + PUBLIC)
                self._take(wire)
        self._send(wire, number + 1, b"\xff" + struct.pack("<H", 1045) + b"#28000no")

    def _send(self, wire: socket.socket, number: int, packet: bytes) -> None:
        wire.sendall(struct.pack("<I", len(packet))[:3] + bytes([number & 255]) + packet)

    def _take(self, wire: socket.socket) -> tuple[int, bytes]:
        head = wire.recv(4, socket.MSG_WAITALL) if not isinstance(wire, ssl.SSLSocket) else wire.read(4)
        if len(head) < 4:
            raise OSError("ended")
        size = int.from_bytes(head[:3], "little")
        packet = b""
        while len(packet) < size:
            packet += (more := wire.recv(size - len(packet)))
            if not more:
                raise OSError("ended")
        self.read += packet
        return head[3], packet


PUBLIC = b"-----BEGIN PUBLIC KEY-----\nthe impostor's own\n-----END PUBLIC KEY-----\n"
FULL = b"\x01\x04"
WAYS = [
    ("caching_sha2_password", "", FULL),
    ("caching_sha2_password", "caching_sha2_password", FULL),
    ("mysql_native_password", "caching_sha2_password", FULL),
    ("mysql_native_password", "mysql_clear_password", b""),
    ("mysql_native_password", "sha256_password", b""),
    ("mysql_native_password", "dialog", b""),
    ("mysql_native_password", "mysql_old_password", b""),
    ("mysql_native_password", "authentication_ldap_sasl_client", b""),
    ("sha256_password", "", b""),
    ("mysql_clear_password", "", b""),
]


@contextmanager
def impostor(place: Path, greeting: str, switch: str, then: bytes, *, offers: bool) -> Iterator[Impostor]:
    made = Impostor(place, greeting, switch, then, offers=offers)
    threading.Thread(target=made.serve, daemon=True).start()
    try:
        yield made
    finally:
        made.listening.close()


@pytest.mark.parametrize("offers", [True, False], ids=["tls", "plain"])
@pytest.mark.parametrize(("greeting", "switch", "then"), WAYS)
def test_no_way_gets_the_hubs_password(
    tmp_path: Path, greeting: str, switch: str, then: bytes, *, offers: bool
) -> None:
    with impostor(tmp_path, greeting, switch, then, offers=offers) as other:
        where = client.Endpoint(
            server="db1", address="127.0.0.1", port=other.port, user="aegir_root", password=PASSWORD
        )
        with pytest.raises(client.DatabaseDenied) as denied, client.connect(where):
            pass
        assert b"aegir_root" in other.read or greeting not in ("mysql_native_password", "caching_sha2_password")
        assert PASSWORD.encode() not in other.read
        # The one that MySQL's older clients answered with: 8 bytes that stand for the password.
        assert "tls: required" in str(denied.value)


def test_the_impostor_would_get_it_of_a_client_that_is_not_careful(tmp_path: Path) -> None:
    for way in (WAYS[0], WAYS[8]):
        with impostor(tmp_path, *way, offers=True) as other, pytest.raises(pymysql.MySQLError):
            pymysql.connect(host="127.0.0.1", port=other.port, user="aegir_root", password=PASSWORD)
        assert PASSWORD.encode() in other.read


@pytest.mark.parametrize("offers", [True, False], ids=["foreign certificate", "no TLS"])
def test_where_tls_is_required_a_foreign_server_does_not_even_learn_the_account(
    tmp_path: Path, *, offers: bool
) -> None:
    (tmp_path / "ours").mkdir()
    authority = tls.authority(str(tmp_path / "ours")).certificate
    with impostor(tmp_path, *WAYS[0], offers=offers) as other:
        where = client.Endpoint(
            server="db1",
            address="127.0.0.1",
            port=other.port,
            user="aegir_root",
            password=PASSWORD,
            authority=authority,
        )
        with pytest.raises(client.DatabaseUnreachable, match="of the declared authority"), client.connect(where):
            pass
        assert b"aegir_root" not in other.read


def test_a_server_that_its_machine_vouches_for_gets_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "another").mkdir()
    another = tls.issue(tls.authority(str(tmp_path / "another")), ["127.0.0.1"]).certificate
    with impostor(tmp_path, *WAYS[0], offers=True) as server:
        where = client.Endpoint(
            server="db1", address="127.0.0.1", port=server.port, user="aegir_root", password=PASSWORD,
            machine=Connection(host="db1", address="192.0.2.9"),
        )  # fmt: skip
        monkeypatch.setattr(certificates, "on_machine", lambda _conn, _port: another)
        with pytest.raises(client.DatabaseError), client.connect(where):
            pass
        assert PASSWORD.encode() not in server.read

        monkeypatch.setattr(certificates, "on_machine", lambda _conn, _port: server.issued.certificate)
        with pytest.raises(client.DatabaseDenied), client.connect(where):
            pass
        assert PASSWORD.encode() in server.read


def test_a_login_without_tls_reads_no_authorities_of_the_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[object] = []
    monkeypatch.setattr(ssl, "create_default_context", lambda **given: read.append(given))
    with impostor(tmp_path, *WAYS[0], offers=False) as server:
        where = client.Endpoint(
            server="db1", address="127.0.0.1", port=server.port, user="aegir_root", password=PASSWORD
        )
        with pytest.raises(client.DatabaseError), client.connect(where):
            pass
        assert b"aegir_root" in server.read
    assert [] == read


def test_the_kinds_that_are_answered_are_pymysqls_own() -> None:
    assert callable(careful.CarefulConnection._request_authentication)
    assert hasattr(pymysql.connections.Connection, "_get_auth_plugin_handler")
