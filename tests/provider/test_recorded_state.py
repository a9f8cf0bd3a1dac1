"""States that users have: what an earlier version recorded is no change for this one.

`tests/fixtures/state` has the resources of states that a real run of an earlier version wrote: a web server with TLS, a database
server that demands it, and two sites. Secrets and paths of the machine are replaced; nothing else is.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aegir_components import recorded
from aegir_components.inputs.props import Known
from aegir_components.providers import raw
from tests.provider.test_contract import PROVIDERS

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "state"
KINDS = {
    "aegir:Activation": "activation",
    "aegir:Certificate": "certificate",
    "aegir:Credentials": "credentials",
    "aegir:DatabaseAccess": "access",
    "aegir:DatabaseAuthority": "authority",
    "aegir:DatabaseService": "database",
    "aegir:Environment": "environment",
    "aegir:Installation": "installation",
    "aegir:Machine": "machine",
    "aegir:Names": "names",
    "aegir:Placement": "placement",
    "aegir:Release": "release",
    "aegir:SiteConfiguration": "site_config",
    "aegir:SiteDatabase": "site_database",
    "aegir:WebService": "web_service",
}
ROWS: list[dict[str, Any]] = [
    row for path in sorted(FIXTURES.glob("*.json")) for row in json.loads(path.read_text(encoding="utf-8"))
]
ids = [f"{row['type']}-{row['name']}" for row in ROWS]


@pytest.mark.parametrize("row", ROWS, ids=ids)
def test_what_an_earlier_version_recorded_is_no_change(row: dict[str, Any]) -> None:
    provider = PROVIDERS[KINDS[row["type"]]]()

    difference = provider.diff(row["id"], row["outputs"], row["inputs"])
    assert (difference.changes, difference.replaces) == (False, [])
    checked = provider.check(row["inputs"], raw.plain(row["inputs"]))
    assert [] == checked.failures
    known = Known(provider.inputs.from_props(raw.plain(row["inputs"])))
    assert {} == provider.rejected(provider.recorded.from_props(raw.plain(row["inputs"])), known)


def test_it_is_read_as_the_state_of_a_former_run() -> None:
    answer = {
        f"urn:pulumi:test::aegir::{row['type']}::{row['name']}": {
            "type": f"pulumi-python:dynamic/{row['type']}",
            "outputs": row["outputs"],
        }
        for row in ROWS
    }
    before = recorded.of_outputs(answer)
    assert {"www.example.com", "two.example.com"} == set(before.of("aegir:SiteConfiguration"))
    assert all(each["database"] and each["server"] for each in before.of("aegir:SiteDatabase").values())
