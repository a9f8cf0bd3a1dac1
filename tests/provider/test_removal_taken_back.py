"""A removal that is killed at any of its calls to machines, and taken back: the site has all of its content again."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path

import pytest

from aegir_components import layout
from aegir_components.testing.engine import Killed
from tests.random import edits
from tests.random.doubles import OnDoubles
from tests.random.world import CLUSTER

ONE = "one.example.com"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def removed(world: OnDoubles, calls: int, *, after: bool) -> bool:
    """Remove a site in a run that is killed after so many calls; tell whether it came to its end."""
    world.settings["sites"].pop(ONE)
    world.farm.left, world.farm.after = calls, after
    try:
        return world.engine.up(world._program).ok
    except Killed:
        return False
    finally:
        world.farm.left = None


SHARE = "/srv/shared"


def shared(world: OnDoubles) -> None:
    """Give the two web servers of a cluster one directory of uploads, with the sites' content in it."""
    kept, world.kept = world.kept, {}
    sites, world.settings["sites"] = world.settings["sites"], {}
    world.settings["confirm_removals"] = list(sites)
    edits.cluster(world, world.engine._chance)
    world.settings["clusters"][CLUSTER]["uploads"] = {"path": SHARE}
    for host in world._members():
        host.make_directories(SHARE)
    ended = world.up()
    assert ended.ok, ended.output
    world.settings["sites"] = sites
    del world.settings["confirm_removals"]
    ended = world.up()
    assert ended.ok, ended.output
    for name in sites:
        for host in world._members():
            host.write(f"{layout.uploads_directory(SHARE, name)}/files/own.txt", f"upload of {name}")
            host.write(f"{layout.site_configuration(layout.PLATFORMS_ROOT, name)}/core.yml", f"configuration of {name}")
        world._mysql.databases[layout.database_name(name)]["content"] = world.rows(name)
    world.kept = kept


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_what_a_killed_removal_has_archived_of_shared_uploads_comes_back(tmp_path: Path, *, after: bool) -> None:
    with OnDoubles.made(tmp_path / "world") as world:
        shared(world)
        unpacked = 0
        for calls in range(200):
            before = copy.deepcopy(world.settings["sites"])
            shutil.rmtree(Path(world.settings["hub"]["root"], "backups"), ignore_errors=True)
            removed(world, calls, after=after)
            own = f"{layout.site_configuration(layout.PLATFORMS_ROOT, ONE)}/core.yml"
            uploads = f"{layout.uploads_directory(SHARE, ONE)}/files/own.txt"
            there = [bool(host.content(path)) for host in world._members() for path in (own, uploads)]
            world.settings["sites"] = before
            if layout.database_name(ONE) not in world._mysql.databases:
                break
            unpacked += not all(there)
            done = world.up()
            assert done.ok, f"killed after {calls} calls: {done.output}"
            assert [f"configuration of {ONE}"] * 2 == [host.content(own) for host in world._members()], calls
            assert f"upload of {ONE}" in {host.content(uploads) for host in world._members()}, calls
        assert unpacked


@pytest.mark.parametrize("cluster", [False, True], ids=["one web server", "two web servers"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_what_a_killed_removal_has_archived_comes_back(tmp_path: Path, *, after: bool, cluster: bool) -> None:
    with OnDoubles.made(tmp_path / "world") as world:
        if cluster:
            edits.cluster(world, world.engine._chance)
            assert world.up().ok
        unpacked = 0
        for calls in range(200):
            before = copy.deepcopy(world.settings["sites"])
            # With a dump of the same content there, a removal makes fewer calls than the one before.
            shutil.rmtree(Path(world.settings["hub"]["root"], "backups"), ignore_errors=True)
            ended = removed(world, calls, after=after)
            upload = f"{layout.site_files(layout.PLATFORMS_ROOT, ONE)}/own.txt"
            there = [bool(host.content(upload)) for host in world._members()]
            world.settings["sites"] = before
            if layout.database_name(ONE) not in world._mysql.databases:
                break
            unpacked += not any(there)
            done = world.up()
            assert done.ok, f"killed after {calls} calls: {done.output}"
            assert [] == world.missing(), f"killed after {calls} calls"
            assert not ended
        # Killed before its last call, a removal has left the files on one machine at least; those are the ones to go on with.
        assert bool(unpacked) == after
        # Removed to its end, with its database: it begins empty, and the archives stay on the hub.
        assert world.up().ok
        assert not world._members()[0].content(upload)
