"""The small engine's way over the wire gives what Pulumi's own does, for values of every kind."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from pulumi.runtime import rpc, settings

from aegir_components.testing.mocks import ENVELOPE
from aegir_components.testing.wire import finish, wire

SECRET = {ENVELOPE: "1b47061264138c4ac30d75fd1eb44270", "value": "word"}


def _value(chance: random.Random, depth: int) -> Any:
    kind = chance.randrange(9 if depth else 6)
    if kind < 6:
        rare = chance.choice([rpc.UNKNOWN, SECRET]) if chance.random() < 0.3 else "y"
        return [chance.choice(["", "x", "é\n", "3"]), chance.choice([0, 1, -5, 10**9]), 0.5, True, None, rare][kind]
    several = [_value(chance, depth - 1) for _ in range(chance.randrange(4))]
    return [several, tuple(several), {f"key{number}": item for number, item in enumerate(several)}][kind - 6]


def _shown(props: Any) -> str:
    return json.dumps(props, sort_keys=True, default=repr)


def test_properties_arrive_as_over_protocol_buffers(monkeypatch: pytest.MonkeyPatch) -> None:
    # A preview of another test's leaves its mark in this process.
    monkeypatch.setattr(settings, "is_dry_run", lambda: False)
    chance = random.Random(1)
    kinds = set()
    for _ in range(500):
        props = {f"p{number}": _value(chance, 3) for number in range(4)}
        sent = finish(rpc.serialize_properties(props, {}))
        assert _shown(dict(rpc.deserialize_properties(sent))) == _shown(wire(props))
        kinds |= {type(value) for value in props.values()}
    assert {str, int, float, bool, type(None), dict, list, tuple} <= kinds
