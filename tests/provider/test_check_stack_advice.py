"""What ``aegir check-stack`` advises for each difference, done on machines whose sites have content: nothing is lost by it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest

from aegir_components import layout
from aegir_components.cli import check_stack
from aegir_components.cli.leftovers import Finding
from aegir_components.cli.state import State
from aegir_components.hub.records import Records
from aegir_components.testing import FakeHost
from aegir_components.testing.engine import Row
from tests.matrix.engine import Stopped
from tests.matrix.world import ONE, UPLOAD, World

THREE = "three.example.com"
REGISTRY = "/var/aegir/config/sites.d"


def _databases(host: FakeHost) -> None:
    """Stand in for the server's own record; ``tests/integration/test_check_stack.py`` asks a real one."""
    assert host.mysql is not None
    rows = [f"{name}\t{owner}\t{len(host.mysql.databases[name])}" for name, owner in host.mysql.ownership.items()]
    host._say("fact", "\n".join(rows), "databases")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with mock.patch.object(FakeHost, "_sh_inventory_databases", _databases, create=True):
        yield World.made(tmp_path_factory.mktemp("server"), "server")


@pytest.fixture
def world(made: World) -> World:
    made.restore()
    return made


def differences(world: World) -> dict[str, Finding]:
    """Ask as ``check-stack`` does, and give what it found by its sentence."""
    resources = [{"urn": urn, "type": row.kind, "outputs": row.outputs} for urn, row in world.stack.state.items()]
    with world.farm.installed():
        found = check_stack.differences(State.read("test", {"deployment": {"resources": resources}}), "aegir/test")
    return {f"{each.server}: {each.what}": each for each in found}


def older(world: World) -> dict[str, Row]:
    """Copy the state, to have it again after an edit."""
    return copy.deepcopy(world.stack.state)


def holds(world: World, content: dict[str, Any]) -> None:
    """All that was there of a site is there still, and each site answers."""
    now = world.content()
    lost = [name for where, had in content.items() for name, text in had.items() if now[where].get(name) != text]
    # A site that is adopted gets another password, which its settings and the program's own record say.
    assert [] == [name for name in lost if name != "aegir" and not name.endswith("/settings.php")]
    assert [] == world.missing()


def test_machines_with_what_the_stack_has_are_not_spoken_of(world: World) -> None:
    assert {} == differences(world)


def test_a_platform_that_the_state_lost_is_declared_again_and_then_taken_out(world: World) -> None:
    before, content = older(world), world.content()
    world.config["platforms"]["more"] = dict(world.config["platforms"]["code"])
    world.stack.up()
    world.stack.state = before
    found = differences(world)
    published = f"{layout.PLATFORMS_ROOT}/more"
    sentence = f"web1: the platform more is published at {published}, and the stack does not have it there"
    assert [sentence] == list(found)
    assert "declare it there again and run pulumi up" in found[sentence].advice

    world.stack.up()
    assert {} == differences(world)
    holds(world, content)
    del world.config["platforms"]["more"]
    world.stack.up()
    assert {} == differences(world)
    holds(world, content)


def test_a_platform_that_somebody_removed_comes_back_with_refresh(world: World) -> None:
    content = world.content()
    world.machine("web1").drop(f"{REGISTRY}/code/.published")
    found = differences(world)
    sentence = "web1: the platform code is not there, and the state has it there"
    assert "run pulumi up --refresh" == found[sentence].advice
    world.stack.refresh()
    world.stack.up()
    assert {} == differences(world)
    holds(world, content)


def test_a_site_that_the_state_lost_is_declared_again_and_then_taken_out(world: World) -> None:
    before = older(world)
    world.config["sites"][THREE] = {"platform": "code", "database": "db1"}
    world.stack.up()
    world.fill(THREE)
    world.stack.state = before
    content, found = world.content(), differences(world)
    assert f"web1: {THREE} is in the registry of the platform code, and the stack has no such site" in found
    database = layout.database_name(THREE)
    tables = next(each for sentence, each in found.items() if sentence.startswith(f"db1: the database {database} of"))
    assert "declare the site again and run pulumi up: it is adopted" in tables.advice

    world.stack.up()
    assert {} == differences(world)
    holds(world, content)
    world.stack.refresh()
    del world.config["sites"][THREE]
    world.stack.up()
    assert {} == differences(world)
    # To be rid of it: a dump and an archive are on the hub.
    assert 2 == len(world.kept(THREE))


def test_an_entry_in_a_former_platform_is_removed_by_hand(world: World) -> None:
    content, web = world.content(), world.machine("web1")
    web.write(f"{REGISTRY}/press/{ONE}", "")
    found = differences(world)
    sentence = f"web1: {ONE} is in the registry of the platform press, and it is on code now"
    assert [sentence] == list(found)
    command = found[sentence].advice.rpartition(": ")[2]
    assert f"rm {REGISTRY}/press/{ONE}" == command
    web.drop(command.removeprefix("rm "))
    assert {} == differences(world)
    holds(world, content)
    assert [] == world.stack.up()
    assert {} == world.stack.refresh()


def test_what_a_run_began_and_did_not_end_is_put_right_by_another(world: World) -> None:
    content = world.content()
    Records(str(world.hub), "unfinished").put({}, "aegir/test", "release", f"{layout.PLATFORMS_ROOT}/code")
    found = differences(world)
    sentence = f"hub: a run began to work on release {layout.PLATFORMS_ROOT}/code and did not end well"
    assert "run pulumi up: what is declared of it is made as declared" == found[sentence].advice
    world.stack.up()
    assert {} == differences(world)
    holds(world, content)


def test_a_machine_that_does_not_answer_is_asked_again(world: World) -> None:
    world.machine("web1").unreachable = True
    found = differences(world)
    sentence = next(each for each in found if each.startswith("web1: it could not be inspected"))
    assert "run `aegir check-stack` again" in found[sentence].advice
    world.machine("web1").unreachable = False
    assert {} == differences(world)


def test_a_database_that_is_empty_is_told_of_and_never_installed_over(world: World) -> None:
    mysql = world.machine("db1").mysql
    assert mysql is not None
    kept, database = dict(mysql.databases[layout.database_name(ONE)]), layout.database_name(ONE)
    mysql.databases[database].clear()
    found = differences(world)
    sentence = f"db1: {ONE} has no database there with anything in it, and the state has it there"
    assert "docs/howto/restore-a-backup-by-hand.md" == found[sentence].advice
    world.stack.refresh()
    with pytest.raises(Stopped, match="tables"):
        world.stack.up()
    mysql.databases[database].update(kept)
    world.stack.up()
    assert {} == differences(world)
    assert [] == world.missing()


def test_files_that_nobody_knows_are_kept(world: World) -> None:
    home = layout.site_directory(layout.PLATFORMS_ROOT, THREE)
    world.machine("web1").write(f"{home}/site/files/{UPLOAD}", "whose?")
    found = differences(world)
    sentence = f"web1: {home} has 1 files of a site that the stack does not have"
    assert "keep it until you know what it is" in found[sentence].advice
    content = world.content()
    world.stack.refresh()
    world.stack.up()
    holds(world, content)


def test_files_on_a_server_that_the_site_has_left_are_only_spoken_of(world: World) -> None:
    home = layout.site_directory(layout.PLATFORMS_ROOT, ONE)
    world.machine("web2").write(f"{home}/site/files/{UPLOAD}", "another")
    found = differences(world)
    sentence = next(each for each in found if each.startswith(f"web2: {home} has"))
    assert "compare them with those on its web servers before you remove them" == found[sentence].advice


@pytest.mark.parametrize("kind", ["stacks", "services/key"])
@pytest.mark.parametrize("server", ["web1", "db1"])
def test_a_record_of_the_stack_that_somebody_changed_is_drift_and_is_written_again(
    world: World, server: str, kind: str
) -> None:
    """With both of them changed the machine would be another stack's, and without its key no hub's that shares it."""
    machine, path = world.machine(server), f"/var/lib/aegir/{kind}/aegir%test"
    had = machine.content(path)
    for change in (machine.change, machine.drop):
        change(path)
        assert [f"aegir:Machine::{server}"] == [urn.rpartition("/")[2] for urn in world.stack.refresh()]
        assert world.stack.up()
        assert had == machine.content(path)
