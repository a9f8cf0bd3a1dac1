"""Sites that move between machines, on doubles: killed at every call, hindered on every machine, and moved in one run."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from aegir_components import layout
from aegir_components.providers import forwards
from aegir_components.testing import FakeHost
from aegir_components.testing.engine import Killed
from tests.random import edits
from tests.random.doubles import OnDoubles
from tests.random.world import FIRST

pytestmark = pytest.mark.slow


@pytest.fixture
def world(tmp_path: Path) -> Iterator[OnDoubles]:
    with OnDoubles.made(tmp_path / "world", 1) as made:
        yield made


def move(world: OnDoubles) -> None:
    """Let the sites of both platforms move to the other web server, and one of them to the other database server."""
    servers = list(world.settings["servers"])
    for platform in world.settings["platforms"].values():
        platform["server"] = _other(servers, platform["server"], "web")
    site = world.settings["sites"][FIRST[0]]
    site["database"] = _other(servers, site["database"], "db")


def _other(servers: list[str], name: str, kind: str) -> str:
    return next(each for each in servers if each.startswith(kind) and each != name)


def kill(world: OnDoubles, after: int, *, done: bool) -> bool:
    """Kill a run after so many calls to machines; return whether it was killed."""
    world.farm.left, world.farm.after = after, done
    try:
        world.engine.up(world._program)
    except Killed:
        return True
    finally:
        world.farm.left = None
    return False


def whole(world: OnDoubles) -> None:
    ended = world.up()
    assert ended.ok, ended.output
    assert world.missing() == []


def alone(world: OnDoubles) -> None:
    """Hold that each site is in one place only, and that no database is marked."""
    webs = [host for host in world.farm.hosts.values() if host.name.startswith("web")]
    bases = [host for host in world.farm.hosts.values() if host.mysql]
    for name in FIRST:
        home = layout.site_directory(layout.PLATFORMS_ROOT, name)
        assert len([host for host in webs if host.is_directory(home)]) == 1, name
        assert (
            len([host for host in bases if host.mysql and layout.database_name(name) in host.mysql.databases]) == 1
        ), name
    assert not [host for host in bases if host.mysql and host.mysql.copies]


def killed_moves(world: OnDoubles, step: int) -> Iterator[int]:
    """Let sites move in runs that are killed before or after ever later calls; every second pair of moves is taken back."""
    calls = 0
    while True:
        move(world)
        if not kill(world, calls, done=bool(calls % 2)):
            return
        if calls % 4 > 1:
            move(world)
        yield calls
        calls += step


@pytest.mark.timeout(900)
def test_a_move_that_is_killed_at_any_call_loses_nothing(world: OnDoubles) -> None:
    made = []
    for calls in killed_moves(world, 1):
        whole(world)
        alone(world)
        assert not world.up().output
        made.append(calls)
    assert made[-1] > 60


def test_several_sites_move_in_one_run_and_back(world: OnDoubles) -> None:
    for _ in range(2):
        move(world)
        whole(world)
        alone(world)
        assert not world.up().output


def rename(world: OnDoubles, server: str, new: str) -> None:
    """Write another name at a server's entry, and wherever it is meant: the hub makes itself another password for it."""
    servers = world.settings["servers"]
    servers[new] = servers.pop(server)
    for entry in (*world.settings["sites"].values(), *world.settings["platforms"].values()):
        entry.update({key: new for key in ("server", "database") if entry.get(key) == server})


@pytest.mark.parametrize("server", ["db1", "web1", "db2"])
def test_sites_move_in_the_run_that_gives_an_entry_of_a_server_another_name(world: OnDoubles, server: str) -> None:
    """Its former password is changed before they move."""
    move(world)
    rename(world, f"{server}.lab.test", f"{server}-b.lab.test")
    whole(world)
    alone(world)
    assert not world.up().output


@pytest.mark.timeout(900)
def test_a_move_that_is_killed_is_ended_by_a_run_that_gives_an_entry_another_name(world: OnDoubles) -> None:
    made = []
    for calls in killed_moves(world, 7):
        rename(
            world, next(name for name in world.settings["servers"] if name.startswith("db1")), f"db1-{calls}.lab.test"
        )
        whole(world)
        alone(world)
        made.append(calls)
    assert made[-1] > 60


def test_a_state_from_before_a_move_to_another_database_server_and_from_before_another_name_comes_right(
    world: OnDoubles,
) -> None:
    """By what that state says, the site would have to be closed where nobody answers for it."""
    chance, before = random.Random(1), world.export()
    world.settings["sites"][FIRST[0]]["database"] = "db2.lab.test"
    whole(world)
    site = world.settings["sites"].pop(FIRST[0])
    world.settings["sites"]["new.example.org"] = {**site, "formerly": FIRST[0]}
    world.kept["new.example.org"] = world.kept.pop(FIRST[0])
    whole(world)
    for _ in range(2):
        edits.release(world, chance)
        whole(world)
    world.restore(before)
    whole(world)
    assert not world.up().output


def test_a_state_from_before_moves_to_other_code_and_from_before_another_name_of_the_database_server_comes_right(
    world: OnDoubles,
) -> None:
    """By that state the hub is let in to the database server no more, so that nobody can say what the databases lack."""
    before = world.export()
    rename(world, "db1.lab.test", "db1-b.lab.test")
    whole(world)
    for platform in world.settings["platforms"].values():
        platform["server"] = "web2.lab.test"
    whole(world)
    edits.release(world, random.Random(1))
    whole(world)
    world.restore(before)
    world.up()
    assert world.up(refresh=True).ok
    assert world.missing() == []
    alone(world)


def test_a_member_of_a_cluster_with_no_file_of_a_site_gets_those_of_the_others(world: OnDoubles) -> None:
    """A run that did not come to its end made the directories alone."""
    edits.cluster(world, random.Random(1))
    whole(world)
    upload = f"{layout.site_files(layout.PLATFORMS_ROOT, FIRST[0])}/own.txt"
    world.farm.hosts["web2.lab.test"].drop(upload)
    assert world.missing()
    world.settings["sites"][FIRST[0]]["aliases"] = ["also.example.com"]
    whole(world)


def test_a_state_from_before_a_site_without_a_file_moved_comes_right(world: OnDoubles) -> None:
    chance, name = random.Random(1), edits.EXTRA
    edits.extra(world, chance)
    whole(world)
    before = world.export()
    for edit in (edits.away, edits.tls):
        # With the second one the hub forgets the move: every state that is made from then on knows of it.
        edit(world, chance)
        whole(world)
    world.restore(before)
    whole(world)
    there = [
        host
        for host in world.farm.hosts.values()
        if host.is_directory(layout.site_directory(layout.PLATFORMS_ROOT, name))
    ]
    assert ["web2.lab.test"] == [host.name for host in there]


def test_a_site_leaves_a_member_that_joined_after_a_state_from_before_its_move_was_brought_back(
    world: OnDoubles,
) -> None:
    chance = random.Random(1)
    edits.cluster(world, chance)
    whole(world)
    before = world.export()
    edits.cluster(world, chance)
    whole(world)
    world.settings["sites"][FIRST[0]]["database"] = "db2.lab.test"
    whole(world)
    world.restore(before)
    edits.cluster(world, chance)
    assert world.up(refresh=True).ok
    whole(world)
    edits.cluster(world, chance)
    whole(world)
    alone(world)


@pytest.mark.timeout(600)
def test_what_a_killed_run_made_on_a_web_server_that_sites_are_not_to_have_is_gone_after_the_next(
    world: OnDoubles,
) -> None:
    """Sites could not move there later: their directories were in the way."""
    there, calls = world.farm.hosts["web2.lab.test"], 0
    while True:
        edits.cluster(world, random.Random(1))
        if not kill(world, calls, done=bool(calls % 2)):
            break
        edits.cluster(world, random.Random(1))
        whole(world)
        for name in FIRST:
            assert not there.is_directory(layout.site_directory(layout.PLATFORMS_ROOT, name)), (calls, name)
        calls += 3
    assert calls > 40


def test_one_site_that_cannot_move_holds_up_no_other(world: OnDoubles) -> None:
    move(world)
    target = world.farm.hosts["db2.lab.test"].mysql
    assert target is not None
    held = layout.database_name(FIRST[0])
    target.databases[held] = {"somebody": 1}
    ended = world.up()
    assert not ended.ok
    assert "a database named" in ended.output
    assert target.databases[held] == {"somebody": 1}
    for name in FIRST[1:]:
        answer = world.farm.get("10.0.0.4", 80, name)
        assert answer.status == 200, name
    assert world.farm.get("10.0.0.2", 80, FIRST[0]).status == 200
    del target.databases[held]
    whole(world)
    alone(world)


@pytest.mark.parametrize("machine", ["web1", "web2", "db1", "db2"])
def test_a_move_with_a_machine_that_does_not_answer_is_done_later(world: OnDoubles, machine: str) -> None:
    move(world)
    host = world.farm.hosts[f"{machine}.lab.test"]
    host.unreachable = True
    assert not world.up().ok
    host.unreachable = False
    whole(world)
    alone(world)


def test_a_disabled_site_whose_release_waited_for_its_database_server_moves_after_the_next_run(
    world: OnDoubles,
) -> None:
    world.settings["sites"][FIRST[0]]["state"] = "disabled"
    whole(world)
    edits.release(world, random.Random(1))
    world.farm.hosts["db1.lab.test"].unreachable = True
    world.up()
    world.farm.hosts["db1.lab.test"].unreachable = False
    whole(world)
    move(world)
    whole(world)
    alone(world)


def test_content_in_both_places_stops_a_move(world: OnDoubles) -> None:
    site = world.settings["sites"][FIRST[0]]
    site["database"] = "db2.lab.test"
    target, name = world.farm.hosts["db2.lab.test"].mysql, layout.database_name(FIRST[0])
    assert target is not None
    target.databases[name] = {"content": 5}
    target.databases.setdefault("aegir", {})["ownership"] = 0
    target.ownership[name] = world.farm.hosts["db1.lab.test"].mysql.ownership[name]  # type: ignore[union-attr]
    ended = world.up()
    assert not ended.ok
    assert "tables already, and db1.lab.test has the one of" in ended.output
    assert target.databases[name] == {"content": 5}
    site["database"] = "db1.lab.test"
    whole(world)
    assert target.databases[name] == {"content": 5}


def test_visitors_are_forwarded_for_a_week_and_no_longer(world: OnDoubles, monkeypatch: pytest.MonkeyPatch) -> None:
    move(world)
    whole(world)
    left = world.farm.hosts["web1.lab.test"]
    assert len(_forwards(left)) == len(FIRST)
    assert all("http://10.0.0.4:80" in text for text in _forwards(left))

    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 6 * forwards.DAY)
    assert not world.up().output
    monkeypatch.setattr(time, "time", lambda: now + 8 * forwards.DAY)
    whole(world)
    assert _forwards(left) == []
    assert not world.up().output


def _forwards(host: FakeHost) -> list[str]:
    return [text for path, text in host.files.items() if "/post.d/aegir-forward-" in path]


def test_a_site_whose_content_is_not_loaded_whole_does_not_move(world: OnDoubles) -> None:
    base, name = world.farm.hosts["db1.lab.test"].mysql, layout.database_name(FIRST[0])
    assert base is not None
    base.databases["aegir"]["copies"] = 0
    base.copies[name] = (base.ownership[name], '{"origin": "loading"}')
    move(world)
    ended = world.up()
    assert not ended.ok
    assert f"the content of {FIRST[0]} is being loaded from its origin" in ended.output
    base.copies.clear()
    whole(world)
    alone(world)
