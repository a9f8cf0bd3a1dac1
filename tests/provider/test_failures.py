"""One failure stops nothing that does not depend on it; the run ends with all failures named (docs/explanation/failures.md)."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from aegir_components import certificates, layout
from aegir_components.providers import certificate
from tests.matrix import world as worlds
from tests.matrix.engine import Stack, Stopped
from tests.matrix.world import Machines, World
from tests.provider import failing
from tests.provider.failing import BESIDE, EDITED, FAR, GONE, NEW, ROWS, A, B, C, D, G, P, Row, S, broken


def config(hub: Path) -> dict[str, Any]:
    kinds = {"web1": "apache_ssl", "web2": "nginx"}
    servers: dict[str, Any] = {
        f"web{number}": {
            "address": f"10.0.0.1{number}",
            "services": {"web": kinds.get(f"web{number}", "apache")},
        }
        for number in range(1, 7)
    }
    for number in (1, 2):
        servers[f"db{number}"] = {"address": f"10.0.0.2{number}", "services": {"database": "mysql"}}
    made = worlds.stack_file(hub, "server")
    ten = made["platforms"]["code"]["source"]
    return {
        **made,
        "servers": servers,
        "clusters": {"farm": {"servers": ["web3", "web4"], "uploads": "separate"}},
        "packs": {"flock": {"master": "web5", "slaves": ["web6"]}},
        "platforms": {
            "code": {"server": "web1", "source": ten},
            "single": {"server": "web2", "source": ten},
            "shared": {"server": "farm", "source": ten},
            "packed": {"server": "flock", "source": ten},
            "next": {"server": "web1", "source": str(hub / "eleven")},
        },
        "acme": {"directory": "https://acme.example/directory"},
        "sites": {
            A: {"platform": "next", "database": "db1"},
            B: {"platform": "single", "database": "db1"},
            C: {"platform": "shared", "database": "db1"},
            D: {"platform": "code", "database": "db2"},
            P: {"platform": "packed", "database": "db1"},
            S: {"platform": "code", "database": "db1", "https": "enabled", "certificate": "acme"},
            G: {
                "platform": "code",
                "database": "db1",
                "https": "enabled",
                "certificate": {"chain": str(hub / "given.pem"), "key": str(hub / "given.key")},
            },
            GONE: {"platform": "code", "database": "db1"},
        },
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> World:
    directory = tmp_path_factory.mktemp("failures")
    hub = directory / "hub"
    hub.mkdir()
    declared = config(hub)
    given = certificates.self_signed([G])
    (hub / "given.pem").write_text(given.chain)
    (hub / "given.key").write_text(given.key)
    farm = Machines(hub="10.0.0.1")
    for name, server in declared["servers"].items():
        farm.host(name, server["address"])
    found = World(Stack(farm, declared), hub)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(certificate, "_asked_for", lambda *_given: certificates.self_signed([S]))
        found.stack.up()
    for name in declared["sites"]:
        found.fill(name)
    found.stack.refresh()
    return World.keep(found, directory / "copy")


@pytest.fixture
def world(made: World) -> World:
    made.restore()
    return made


def edit(world: World) -> None:
    """Give sites aliases, bring one and take one away."""
    sites = world.config["sites"]
    for name in EDITED:
        sites[name]["aliases"] = [f"also.{name}"]
    sites[D]["password_version"] = 2
    sites[NEW] = {"platform": "code", "database": "db1"}
    sites[FAR] = {"platform": "single", "database": "db2"}
    for name, beside in BESIDE.items():
        sites[beside] = {"platform": sites[name]["platform"], "database": sites[name]["database"]}
    del sites[GONE]
    world.config["confirm_removals"] = [GONE]


ON = {A: ("web1",), B: ("web2",), C: ("web3", "web4"), D: ("web1",), P: ("web5", "web6"), NEW: ("web1",)}
ON |= {FAR: ("web2",), **{BESIDE[name]: ON[name] for name in BESIDE}}
MADE = {NEW, FAR, *BESIDE.values()}


def answers(world: World, server: str, name: str) -> bool:
    host = world.machine(server)
    return not host.unreachable and world.farm.get(host.address, 80, name).status == 200


def changed(world: World) -> set[str]:
    """Name the sites that are as the edit has them, on all their web servers."""
    names = {name: name if name in MADE else f"also.{name}" for name in ON}
    return {site for site, name in names.items() if all(answers(world, server, name) for server in ON[site])}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_what_does_not_depend_on_it_goes_on(world: World, row: Row) -> None:
    edit(world)
    with broken(row, world):
        said = ""
        if row.fails:
            with pytest.raises(Stopped) as stopped:
                world.stack.up()
            said = str(stopped.value)
        else:
            world.stack.up()
            said = "\n".join(world.stack.told)
        assert row.said in said
        assert {*EDITED, *MADE} - row.stuck == changed(world)
        assert layout.database_name(GONE) not in (world.machine("db1").mysql or pytest.fail("none")).databases
        assert world.kept(GONE)
    world.sites.pop(GONE, None)
    world.config.pop("confirm_removals")
    assert [] == world.missing(), "nothing is lost"
    # What did not depend on it is in the state as done.
    world.stack.up()
    assert {*EDITED, *MADE} == changed(world)
    assert [] == world.stack.up()
    assert {} == world.stack.refresh()


def test_all_failures_of_a_run_are_named(world: World) -> None:
    edit(world)
    rows = {row.name: row for row in ROWS}
    with (
        broken(rows["server"], world),
        broken(rows["database"], world),
        broken(rows["source"], world),
        pytest.raises(Stopped) as stopped,
    ):
        world.stack.up()
    for name in ("server", "database", "source"):
        assert rows[name].said in str(stopped.value)
    assert {A, C, P, NEW, BESIDE[C], BESIDE[P]} == changed(world)


def test_a_look_at_everything_names_what_does_not_answer_and_goes_on(world: World) -> None:
    with broken(next(row for row in ROWS if row.name == "server"), world):
        drift = world.stack.refresh()
    assert drift
    assert all("web2" in text for texts in drift.values() for text in texts)
    world.stack.up()
    assert {} == world.stack.refresh()


def test_a_source_that_the_stack_file_names_anew_is_an_error_in_it_and_touches_nothing(world: World) -> None:
    before = copy.deepcopy(world.content())
    world.config["platforms"]["next"]["source"] = str(world.hub / "none")
    with pytest.raises(Stopped, match=r'aegir:platforms\["next"\]\.source'):
        world.stack.up()
    assert before == world.content()


def test_the_page_has_the_table() -> None:
    text = failing.PAGE.read_text(encoding="utf-8")
    assert failing.written(text) == text, "write it: tools/env python -m tests.provider.failing"
