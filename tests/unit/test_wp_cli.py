"""wp-cli is got from where the operator says, kept only as the pinned file, and brought to a machine once."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from aegir_components.cli import wp_cli
from aegir_components.deploy import wp_cli as pinned
from aegir_components.process import Turns
from aegir_components.remote import session
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import HostError
from aegir_components.scripts import script
from aegir_components.scripts.script import Report

PHAR = b"#!/usr/bin/env php\n<?php // wp-cli" + b"x" * 100_000
SUM = hashlib.sha256(PHAR).hexdigest()
WEB = Connection(host="web1.example.com", address="192.0.2.10")


class Mirror(BaseHTTPRequestHandler):
    """A mirror of the operator's."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(200 if self.path != "/none" else 404)
        self.send_header("Content-Length", str(len(PHAR)))
        self.end_headers()
        if self.path == "/cut":
            self.wfile.write(PHAR[:5000])
        elif self.path == "/other":
            self.wfile.write(PHAR[::-1])
        elif self.path != "/none":
            self.wfile.write(PHAR)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name is the base class's
        """Say nothing."""


@pytest.fixture
def mirror() -> Iterator[str]:
    Mirror.asked.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Mirror)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def brought(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What machines were sent; a machine has the file from then on."""
    sent: list[bytes] = []

    def send(_conn: Connection, _text: str, stream: Callable[[], list[bytes]], **_options: Any) -> None:
        sent.append(b"".join(stream()))

    def execute(*_given: Any, **_options: Any) -> Report:
        return Report(facts={"there": "yes"} if sent else {}, drift=(), changed=())

    monkeypatch.setattr(script, "execute", execute)
    monkeypatch.setattr(session, "send", send)
    monkeypatch.setenv("AEGIR_WP_CLI_SHA256", SUM)
    return sent


def test_it_is_got_from_a_mirror_once_and_brought_once(
    mirror: str, brought: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AEGIR_WP_CLI", f"{mirror}/wp-cli.phar")
    for _ in range(2):
        wp_cli.ensure(WEB, tmp_path, Turns())
    assert [PHAR] == brought
    brought.clear()
    wp_cli.ensure(WEB, tmp_path, Turns())
    assert ([PHAR], ["/wp-cli.phar"]) == (brought, Mirror.asked), "another machine gets what the hub has"


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/other", f"has the checksum sha256:{hashlib.sha256(PHAR[::-1]).hexdigest()}, not sha256:{SUM}"),
        ("/cut", f"was cut off after 5000 of {len(PHAR)} bytes"),
        ("/none", "answers 404"),
        ("", "cannot be got"),
    ],
    ids=["another file", "cut short", "not there", "nobody answers"],
)
def test_what_is_not_the_pinned_file_is_refused_by_name_and_nothing_is_left(
    path: str, why: str, mirror: str, brought: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = f"{mirror}{path}" if path else "http://127.0.0.1:1/wp-cli.phar"
    monkeypatch.setenv("AEGIR_WP_CLI", where)
    with pytest.raises(HostError) as refused:
        wp_cli.ensure(WEB, tmp_path, Turns())
    said = str(refused.value)
    assert said.startswith("web1.example.com: wp-cli is not there, and the hub cannot get it: ")
    assert where in said
    assert why in said
    assert f"bring the file of {pinned.ADDRESS} to it, and name it: AEGIR_WP_CLI=/path/to/wp-cli.phar" in said
    assert ([], []) == (brought, [file for file in tmp_path.rglob("*") if file.is_file()])
    # As soon as the mirror is well, the same command goes on.
    monkeypatch.setenv("AEGIR_WP_CLI", f"{mirror}/wp-cli.phar")
    wp_cli.ensure(WEB, tmp_path, Turns())
    assert [PHAR] == brought


def test_what_is_pinned_is_named_by_version_checksum_and_address() -> None:
    assert f"/v{pinned.VERSION}/wp-cli-{pinned.VERSION}.phar" in pinned.ADDRESS
    assert pinned.ADDRESS.startswith("https://")
    assert 64 == len(pinned.SHA256)
