"""The address of a server that is declared by its name, also while the name does not resolve."""

from __future__ import annotations

import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pulumi
import pytest

from aegir_components import settings
from aegir_components.preview import addresses

SERVER = cast("settings.Server", SimpleNamespace(name="web1", address="web1.example.com"))


class Names:
    """Resolves as it is told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.known: list[str] = []
        self.told: list[str] = []
        monkeypatch.setattr(socket, "getaddrinfo", self._ask)
        monkeypatch.setattr(pulumi.log, "warn", self.told.append)
        monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: False)

    def _ask(self, *_given: object, **_named: object) -> list[tuple[Any, ...]]:
        if not self.known:
            raise socket.gaierror(-2, "Name or service not known")
        return [
            (socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, 0)) for ip in self.known
        ]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    return Names(monkeypatch)


def test_a_name_that_does_not_resolve_has_the_address_of_the_last_run(names: Names, tmp_path: Path) -> None:
    names.known = ["2001:db8::1", "192.0.2.11"]
    assert "192.0.2.11" == addresses.address_of(SERVER, str(tmp_path))
    names.known = []
    assert ["192.0.2.11"] * 3 == [addresses.address_of(SERVER, str(tmp_path)) for _ in range(3)]
    assert 1 == len(names.told)
    assert 'aegir:servers["web1"].address: the name "web1.example.com" does not resolve on the hub' in names.told[0]
    names.known = ["192.0.2.12"]
    assert "192.0.2.12" == addresses.address_of(SERVER, str(tmp_path))


def test_a_name_that_never_resolved_is_rejected(names: Names, tmp_path: Path) -> None:
    with pytest.raises(settings.SettingsError, match="write the server's IP address"):
        addresses.address_of(SERVER, str(tmp_path))


def test_a_preview_keeps_no_record(names: Names, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names.known = ["192.0.2.11"]
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: True)
    assert "192.0.2.11" == addresses.address_of(SERVER, str(tmp_path))
    assert not list(tmp_path.iterdir())


def test_an_ip_address_is_asked_of_nobody(names: Names, tmp_path: Path) -> None:
    server = cast("settings.Server", SimpleNamespace(name="web1", address="192.0.2.11"))
    assert "192.0.2.11" == addresses.address_of(server, str(tmp_path))
