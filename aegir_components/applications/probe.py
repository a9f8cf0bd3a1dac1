"""One HTTP request to one machine for one name, whatever DNS says about it."""

from __future__ import annotations

import http.client
import time

from .base import Answer

TIMEOUT = 30.0
"""Seconds for one answer: a first page with cold caches."""
LONGEST_BODY = 400_000
"""Bytes read of a page."""


class NoAnswer(Exception):
    """The web server did not answer at all."""


def get(address: str, port: int, host: str, path: str = "/", *, patience: float = 5.0) -> Answer:
    """Ask ``address`` for a page of ``host``.

    Args:
        address: the machine.
        port: the web server's port.
        host: the site's name, for the Host header.
        path: path and query.
        patience: seconds to go on trying while nothing listens, as in the moment of a reload.

    Raises:
        NoAnswer: nothing listens there, or it does not speak HTTP.
    """
    name = host if port == 80 else f"{host}:{port}"
    deadline = time.monotonic() + patience
    while True:
        connection = http.client.HTTPConnection(address, port, timeout=TIMEOUT)
        try:
            connection.request("GET", path, headers={"Host": name, "User-Agent": "aegir", "Connection": "close"})
            answer = connection.getresponse()
            body = answer.read(LONGEST_BODY).decode("utf-8", errors="replace")
            return Answer(
                status=answer.status,
                headers={key.lower(): value for key, value in answer.getheaders()},
                body=body,
            )
        except (OSError, http.client.HTTPException) as fault:
            if isinstance(fault, ConnectionError) and time.monotonic() < deadline:
                time.sleep(0.3)
                continue
            raise NoAnswer(
                f"http://{address}:{port} does not answer for {host}: {str(fault) or type(fault).__name__}"
            ) from None
        finally:
            connection.close()
