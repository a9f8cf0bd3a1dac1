"""States that users have: what an earlier version recorded is no change for this one.

`tests/fixtures/state` has the resources of states that a real run of an earlier version wrote: a web server with TLS, a database
server that demands it, and two sites. Secrets and paths of the machine are replaced; nothing else is.
"""

from __future__ import annotations

import json
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import pytest

from aegir_components import recorded
from aegir_components.inputs import props
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


REQUIRED = {
    "access": "server connection address port user password clients",
    "activation": "host connection type sites holder",
    "authority": "hub_root holder",
    "backup_keys": "hub_root holder sites",
    "certificate": "site names kind",
    "credentials": "owner",
    "database": "host connection address port user password hub_address holder",
    "declaration": "shown",
    "environment": "environment",
    "installation": "site publish_path docroot application members holder profile title language admin mail "
    "admin_password database password",
    "machine": "host connection holder",
    "managed": "host connection address port user password",
    "names": "host connection mode holder",
    "pack_export": "pack server connection path clients members holder",
    "pack_mount": "pack path writer members holder",
    "pack_standby": "pack server connection path source serves holder",
    "placement": "platform publish_path docroot members holder",
    "release": "platform publish_path docroot members holder application digest files source keep",
    "rollout": "platform publish_path docroot members holder application digest sites",
    "site_config": "site publish_path docroot application members holder publish_root database password salt",
    "site_database": "site server connection address port user password database account site_password clients owner",
    "uploads": "cluster path nfs members holder",
    "web_service": "host connection holder type port",
}
"""The keys that the first version of each resource has declared. No line grows: states without a later key are read."""


@pytest.mark.parametrize("kind", sorted(PROVIDERS))
def test_a_key_that_a_later_version_has_added_has_a_default(kind: str) -> None:
    required = {
        each.name
        for each in fields(PROVIDERS[kind].inputs)
        if each.default is MISSING and each.default_factory is MISSING
    }
    assert required == set(REQUIRED[kind].split())
    computed = props.names(PROVIDERS[kind].recorded) - props.names(PROVIDERS[kind].inputs)
    assert computed == set(PROVIDERS[kind].computed_keys), (
        "a state of before a version lacks what that version computes"
    )


@pytest.mark.parametrize("kind", sorted(PROVIDERS))
def test_every_key_that_a_provider_names_is_one_of_its_resource(kind: str) -> None:
    provider = PROVIDERS[kind]
    named = {*provider.identity_keys, *provider.secret_keys, *provider.once_keys}
    assert named <= props.names(provider.recorded)
