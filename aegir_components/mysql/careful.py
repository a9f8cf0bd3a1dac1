"""A log-in to a server that nobody has verified: it gives the password in no form from which that server could learn it."""

from __future__ import annotations

import ssl
from typing import Any

import pymysql
from pymysql import _auth
from pymysql.connections import Connection

from . import client

_HASHED = ("", "mysql_native_password", "client_ed25519", "caching_sha2_password")
"""Plugins that answer a challenge. The others send the password itself, or a hash that is soon guessed."""
_FULL = 4
"""What a server says when it wants the password itself (MySQL's ``caching_sha2_password``, "perform_full_authentication")."""


class PasswordAskedError(pymysql.OperationalError):
    """The server wants the password in a form that it can read, and nobody knows whether it is the right server."""

    def __init__(self, plugin: str) -> None:
        super().__init__(client.PASSWORD_ASKED, f"the server asks for the password itself ({plugin})")


class Pinned(ssl.SSLContext):
    """TLS with the server of this one certificate."""

    certificate: bytes
    """In DER."""

    def wrap_socket(self, *given: Any, **more: Any) -> ssl.SSLSocket:
        """Shake hands, and end when it is another server's certificate."""
        wrapped = super().wrap_socket(*given, **more)
        if wrapped.getpeercert(binary_form=True) != self.certificate:
            wrapped.close()
            raise ssl.SSLError("the server on the network has another certificate than the one on its machine")
        return wrapped


def pinned(certificate: str) -> Pinned:
    """Trust one certificate, in PEM, whoever issued it."""
    context = Pinned(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.certificate = ssl.PEM_cert_to_DER_cert(certificate)
    return context


class CarefulConnection(Connection):
    """PyMySQL's connection, but for plugins that would show the password."""

    _auth_plugin_name: str

    def _request_authentication(self) -> None:
        # Some are answered with the first packet, before anybody is asked for a handler.
        self._get_auth_plugin_handler(self._auth_plugin_name or "")
        super()._request_authentication()  # type: ignore[misc]

    def _get_auth_plugin_handler(self, plugin_name: str | bytes) -> _Challenge | None:
        name = plugin_name.decode("ascii", "replace") if isinstance(plugin_name, bytes) else plugin_name
        if name not in _HASHED:
            raise PasswordAskedError(name)
        return _Challenge(self) if name == "caching_sha2_password" else None


class _Challenge:
    """``caching_sha2_password`` as far as its challenge goes."""

    def __init__(self, wire: Any) -> None:
        self._wire = wire

    def authenticate(self, packet: Any) -> Any:
        """Answer the challenge; raises ``PasswordAskedError`` when that is not enough for the server."""
        wire = self._wire
        if packet.is_auth_switch_request():
            wire.salt = packet.read_all().removesuffix(b"\0")
            wire.write_packet(_auth.scramble_caching_sha2(wire.password, wire.salt))
            packet = wire._read_packet()  # noqa: SLF001 - as PyMySQL's own plugins do
            packet.check_error()
        if packet.is_extra_auth_data() and packet.get_all_data()[1:2] == bytes([_FULL]):
            raise PasswordAskedError("caching_sha2_password")
        return packet if packet.is_ok_packet() else _auth.caching_sha2_password_auth(wire, packet)
