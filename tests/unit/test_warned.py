"""Warnings that say the same of many machines come once."""

from __future__ import annotations

import pulumi
import pytest

from aegir_components.providers.warned import Warned


def test_what_is_the_same_of_many_machines_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", said.append)
    warned = Warned()
    for host in ("web2", "web1", "web3"):
        warned.say(host, "new uploads cannot be read")
    warned.say("web2", "a directory was open")
    warned.tell()
    assert ["web1, web2, web3: new uploads cannot be read", "web2: a directory was open"] == said
    warned.tell()
    assert 2 == len(said)
