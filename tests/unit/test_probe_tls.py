"""One request over TLS: whose certificate was shown, and nothing read that is not needed."""

from __future__ import annotations

import http.server
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from aegir_components import certificates
from aegir_components.health import probe

NAME = "www.example.com"


class Page(http.server.BaseHTTPRequestHandler):
    """Answers each request with the name that was asked for."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(str(self.headers["Host"]).encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # as the base class has it
        """Say nothing."""


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[certificates.Pair]:
    """Serve with a certificate that no authority has signed, for another name."""
    made = certificates.self_signed(["other.example.com"])
    (tmp_path / "chain").write_text(made.chain)
    (tmp_path / "key").write_text(made.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "chain", tmp_path / "key")
    server = http.server.HTTPServer(("127.0.0.1", 0), Page)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    monkeypatch.setattr(probe, "TLS_PORT", server.server_port)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield made
    server.shutdown()
    server.server_close()
    thread.join(10)


def test_the_shown_certificate_is_told_and_no_authorities_are_read(
    pair: certificates.Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading those of the system takes 26 ms of processor, at each site of each member in each health check."""
    read: list[object] = []
    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", lambda *given, **_: read.append(given))
    answer = probe.get("127.0.0.1", 80, NAME, tls=True)
    assert (200, NAME) == (answer.status, answer.body)
    assert certificates.facts(pair.chain).fingerprint == answer.fingerprint
    assert [] == read
