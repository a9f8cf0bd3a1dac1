"""One HTTP request to one machine for one name, whatever DNS says about it."""

from __future__ import annotations

import hashlib
import http.client
import socket
import ssl
from collections.abc import Mapping

from aegir_components.applications.base import Answer
from aegir_components.hub import wait
from aegir_components.messages import AegirError, numbered

TIMEOUT = 30.0
"""Seconds for one answer: a first page with cold caches."""
LONGEST_BODY = 400_000
"""Bytes read of a page."""
TLS_PORT = 443
DOOR = "X-Aegir-Door"
"""The header with the key of a site that is closed (``deploy/closing.py``)."""


class NoAnswer(AegirError):
    """The web server did not answer at all."""


def get(
    address: str, port: int, host: str, path: str = "/", *, patience: float = 5.0, tls: bool = False,
    headers: Mapping[str, str] | None = None,
) -> Answer:  # fmt: skip
    """Ask ``address`` for a page of ``host``.

    Args:
        address: the machine.
        port: the web server's port of plain HTTP.
        host: the site's name, for the Host header.
        path: path and query.
        patience: seconds to go on trying while nothing listens, as in the moment of a reload.
        tls: ask on port 443 instead.
        headers: more of them.

    Raises:
        NoAnswer: nothing listens there, or it does not speak HTTP.
    """
    name = host if tls or port == 80 else f"{host}:{port}"
    asked = f"https://{address}" if tls else f"http://{address}:{port}"
    deadline = wait.Deadline(patience)
    while True:
        connection = http.client.HTTPConnection(address, port, timeout=TIMEOUT)
        fingerprint = ""
        try:
            if tls:
                connection.sock, fingerprint = _secured(address, host)
            connection.request(
                "GET", path, headers={**(headers or {}), "Host": name, "User-Agent": "aegir", "Connection": "close"}
            )
            answer = connection.getresponse()
            body = answer.read(LONGEST_BODY).decode("utf-8", errors="replace")
            return Answer(
                status=answer.status,
                headers={key.lower(): value for key, value in answer.getheaders()},
                body=body,
                fingerprint=fingerprint,
            )
        except (OSError, http.client.HTTPException) as fault:
            if isinstance(fault, ConnectionError) and deadline.pause(0.3):
                continue
            raise NoAnswer(
                numbered(2610, f"{asked} does not answer for {host}: {str(fault) or type(fault).__name__}")
            ) from None
        finally:
            connection.close()


def _secured(address: str, host: str) -> tuple[ssl.SSLSocket, str]:
    """Open a TLS connection in the name of a host; also gives the fingerprint of the certificate that was shown."""
    # Whoever asks compares the certificate with the declared one, which says more than a chain of trust. Not
    # create_default_context: it reads the system's authorities, some milliseconds of each answer, for nothing here.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    plain = socket.create_connection((address, TLS_PORT), timeout=TIMEOUT)
    try:
        secure = context.wrap_socket(plain, server_hostname=host)
    except OSError:
        plain.close()
        raise
    return secure, hashlib.sha256(secure.getpeercert(binary_form=True) or b"").hexdigest()
