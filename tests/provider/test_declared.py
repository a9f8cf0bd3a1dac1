"""A removal goes by what is declared now: the edit that removes a site may change the way to its machines as well."""

from __future__ import annotations

from typing import Any

import pytest

from aegir_components.inputs.database import DatabaseLogin
from aegir_components.process import Declared
from aegir_components.providers import declared
from aegir_components.remote.connection import Connection
from tests.provider import test_contract
from tests.provider.test_contract import SITE, World, created, secret, world

__all__ = ["world"]

Inputs = dict[str, Any]


def _another_password(world: World) -> Inputs:
    return {**test_contract._database(world), "password": secret("newer")}


def _another_entry(world: World) -> Inputs:
    """The entry has another name, and so another password that nobody wrote down."""
    world.farm.hosts["db9"] = world.farm.hosts["db1"]
    conn = Connection(host="db9", address="10.0.0.3", hub_root=str(world.hub_root)).to_props()
    return {**_another_password(world), "host": "db9", "connection": conn}


def _another_user(world: World) -> Inputs:
    return {**_another_password(world), "user": "hub_root"}


@pytest.mark.parametrize("edit", [_another_password, _another_entry, _another_user])
@pytest.mark.parametrize("kind", ["site_database", "site_config"])
def test_a_site_is_removed_by_the_hubs_account_as_it_is_declared_now(world: World, kind: str, edit: Any) -> None:
    inputs = {**test_contract._site_config(world), **test_contract._accounts(world)} if kind == "site_config" else None
    database = created("site_database", world)
    site = created(kind, world, inputs) if kind == "site_config" else database
    mysql = world.farm.hosts["db1"].mysql
    assert mysql is not None
    mysql.databases["www_example_com"] |= {"users": 3}
    created("database", world, edit(world))
    if edit is _another_user:
        del mysql.accounts["aegir_root", world.farm.hub]

    site.delete()

    assert 1 == len(list((world.hub_root / "backups").glob(f"{SITE}*.sql.gz")))


def test_every_way_of_a_resource_that_goes_is_the_declared_one(world: World) -> None:
    now = Declared()
    moved = Connection(host="web1", address="10.0.0.22", port=2222, hub_root=str(world.hub_root)).to_props()
    declared.note_machine(now, "web1", Connection.from_props(moved))
    other = world.connection("db1")

    have: Inputs = {
        "host": "web1", "connection": world.connection("web1"),
        "members": {"web1": {"connection": world.connection("web1"), "type": "apache"}, "db1": {"connection": other}},
    }  # fmt: skip

    assert declared.reached(now, have) == {
        "host": "web1", "connection": moved,
        "members": {"web1": {"connection": moved, "type": "apache"}, "db1": {"connection": other}},
    }  # fmt: skip
    assert declared.connection(now, Connection.from_props(have["connection"])).address == "10.0.0.22"
    assert have == declared.reached(Declared(), have)


def test_what_is_declared_no_more_is_gone_from_a_way(world: World) -> None:
    """TLS or the way through ssh may be what the edit takes away."""
    now, before = Declared(), {**test_contract._database(world), "reach": "ssh", "authority": "a certificate"}
    del before["authority"]
    declared.note_database(now, DatabaseLogin.from_props(before))
    have = {**before, "authority": "a certificate", "server": "db1"}

    assert "authority" not in declared.reached(now, have)
    assert "ssh" == declared.reached(now, have)["reach"]


def test_a_database_that_somebody_else_runs_is_known_by_its_address(world: World) -> None:
    now = Declared()
    conn = Connection(host="rds", address="rds.example.net", kind="none", hub_root=str(world.hub_root)).to_props()
    way = {"connection": conn, "address": "rds.example.net", "port": 3306, "user": "hub", "password": secret("a")}
    declared.note_database(now, DatabaseLogin.from_props({**way, "password": secret("b")}))

    assert secret("b") == declared.reached(now, way)["password"]
    assert secret("a") == declared.reached(now, {**way, "port": 3307})["password"]
