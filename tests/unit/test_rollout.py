"""The order in which sites come to a release, and what is told of those that do not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegir_components.deploy import holding
from aegir_components.deploy.holding import Held
from aegir_components.mysql import copies, room
from aegir_components.mysql.client import Endpoint
from aegir_components.remote.errors import HostUnreachable
from aegir_components.rollout import asked_back, copying, kept, platform, update, waves
from aegir_components.rollout.platform import Platform
from aegir_components.rollout.update import NotUpdated, Outcome
from aegir_components.settings.updating import Rollout

SITES = [f"s{number}.example.com" for number in range(10)]


@dataclass
class Farm:
    """Sites that are updated by nobody; some fail."""

    failing: dict[str, Exception] = field(default_factory=dict)
    light: set[str] = field(default_factory=set)
    disabled: set[str] = field(default_factory=set)
    order: list[str] = field(default_factory=list)
    held: dict[str, str] = field(default_factory=dict)

    def heavy(self, site: str) -> Outcome:
        self.order.append(site)
        if site in self.failing:
            raise self.failing[site]
        return Outcome(updates=[("system_update_1", "0.1")])

    def lights(self, sites: Sequence[str]) -> dict[str, str]:
        self.order += sites
        return {site: str(self.failing[site]) for site in sites if site in self.failing}

    @property
    def work(self) -> waves.Work:
        return waves.Work(
            heavy=self.heavy,
            light=self.lights,
            is_light=self.light.__contains__,
            name=lambda site: site,
            goes=lambda site: site not in self.disabled,
            held=self.held.__setitem__,
            done=lambda _done: None,
        )


def results(found: list[waves.Done]) -> dict[str, str]:
    return {done.site: done.result for done in found}


def test_one_that_fails_stops_none_of_the_others() -> None:
    farm = Farm(failing={SITES[3]: NotUpdated("it throws")}, light=set(SITES[5:]))
    found = waves.run(SITES, Rollout(), farm.work)
    assert dict.fromkeys(SITES[:5], "updated") | {SITES[3]: "failed"} | dict.fromkeys(SITES[5:], "switched") == results(
        found
    )
    assert {SITES[3]: "it throws"} == farm.held
    said = waves.table(found, "a1a1a1a1a1a1a1a1")
    assert said.startswith("1 site is held back and answers as before")
    assert "s3.example.com: it throws. Repair the code" in said


def test_a_machine_that_does_not_answer_fails_its_site_alone() -> None:
    farm = Farm(failing={SITES[0]: HostUnreachable("web1", "it does not answer")})
    assert ["failed", "updated"] == [done.result for done in waves.run(SITES[:2], Rollout(), farm.work)]


def test_who_goes_first_holds_up_all_others_when_it_fails() -> None:
    order = Rollout(canary=(SITES[7],), batch="2")
    well = Farm()
    assert set(results(waves.run(SITES, order, well.work)).values()) == {"updated"}
    assert SITES[7] == well.order[0]

    ill = Farm(failing={SITES[7]: NotUpdated("x")})
    found = waves.run(SITES, order, ill.work)
    assert [SITES[7]] == ill.order
    assert 9 == sum(done.why == waves.STOPPED for done in found)
    assert "10 sites are held back and answer as before" in waves.table(found, "a1")


def test_enough_failures_end_the_rollout() -> None:
    farm = Farm(failing={site: NotUpdated("x") for site in SITES[1:4]})
    found = waves.run(SITES, Rollout(batch="20%", stop_on=2), farm.work)
    assert {"failed": 3, "updated": 1, "stopped": 6} == {
        result: list(results(found).values()).count(result) for result in ("failed", "updated", "stopped")
    }


def test_a_disabled_site_waits_and_is_no_failure() -> None:
    farm = Farm(disabled={SITES[0]})
    found = waves.run(SITES[:2], Rollout(), farm.work)
    assert {SITES[0]: "waits", SITES[1]: "updated"} == results(found)
    assert {} == farm.held


@given(
    st.lists(st.sampled_from(SITES), unique=True),
    st.lists(st.sampled_from(SITES), unique=True),
    st.sampled_from(["", "1", "3", "10", "1%", "33%", "100%"]),
)
def test_each_site_is_in_one_wave(sites: list[str], canary: list[str], batch: str) -> None:
    found = waves.waves(sites, Rollout(canary=tuple(canary), batch=batch), lambda site: site)
    assert sorted(sites) == sorted(site for wave in found for site in wave)
    assert all(found)
    if batch == "1":
        assert all(len(wave) == 1 for wave in found if not set(wave) <= set(canary))


HELD = Held(
    site="a.example.com",
    release="/p/.releases/code/" + "a1" * 8,
    docroot="web",
    kind="failed",
    since=7,
    reason="über: x\ny",
)


def test_a_record_of_sites_held_back_is_read_as_it_was_written() -> None:
    assert {"a.example.com": HELD} == holding.read(HELD.line)
    assert HELD.root.endswith("/web")


@pytest.mark.parametrize(
    "line",
    [
        "",
        "a.example.com",
        "a.example.com /etc web failed 7 -",
        "a.example.com /p/.releases/code/../../x web failed 7 -",
        "a.example.com /p/.releases/code/a1a1a1a1a1a1a1a1 ../x failed 7 -",
        "a.example.com /p/.releases/code/a1a1a1a1a1a1a1a1 web other 7 -",
        "a;b /p/.releases/code/a1a1a1a1a1a1a1a1 web failed 7 -",
        "A /p/.releases/code/a1a1a1a1a1a1a1a1\n web failed 7 -",
    ],
)
def test_what_a_machine_says_that_is_no_record_is_passed_over(line: str) -> None:
    assert {} == holding.read(line)


@pytest.mark.parametrize(
    ("version", "old"),
    [
        ("10.11.6-MariaDB-0+deb12u1", False),
        ("10.4.0-MariaDB", False),
        ("10.3.39-MariaDB-0+deb10u1", True),
        ("5.5.5-10.11.6-MariaDB", False),
        ("8.0.36", False),
        ("5.7.44-log", False),
        ("5.6.51", True),
        ("11.8.2-MariaDB", False),
    ],
)
def test_a_server_that_cannot_lock_accounts_is_known_by_its_version(
    version: str, old: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def connect(_endpoint: Endpoint) -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(rows=lambda _sql: [(version,)])

    monkeypatch.setattr(copies, "connect", connect)
    endpoint = Endpoint(server="db1", address="10.0.0.3", port=3306, user="aegir", password="x")
    assert (version if old else "") == copies.too_old(endpoint)


@pytest.mark.parametrize(
    ("size", "free", "fits"),
    [
        (1 << 30, 3 << 30, True),
        (1 << 30, (1 << 30) + (1 << 29) + (1 << 30), True),
        (1 << 30, (5 << 29) - 1, False),
        (1 << 30, 0, False),
        (1 << 30, -1, True),
    ],
    ids=["much", "just", "one byte less", "none", "nobody knows"],
)
def test_a_copy_leaves_the_other_sites_room_on_the_disk_of_the_databases(size: int, free: int, fits: bool) -> None:
    why = copying.lacks_room(size, free)
    assert fits is not bool(why)
    assert fits or f"1536 MB. The disk of the databases has {free >> 20} MB left" in why


@pytest.mark.parametrize(
    ("free", "said"),
    [(-1, ""), (room.FLOOR, ""), (room.FLOOR - 1, "has 255 MB left"), (0, "has 0 MB left")],
    ids=["nobody knows", "enough", "too little", "full"],
)
def test_tables_are_exchanged_only_where_the_disk_does_not_fill_meanwhile(free: int, said: str) -> None:
    why = room.lacks_floor(free)
    assert bool(why) is bool(said)
    assert said in why


@pytest.fixture
def recovered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The sites of a platform that are taken for what a killed run has left; another hub works on `c`."""
    found: list[str] = []
    monkeypatch.setattr(Platform, "unfinished", lambda _self: ["a", "b", "c"])
    monkeypatch.setattr(platform, "_former", lambda _site: None)
    monkeypatch.setattr(Platform, "_change", lambda *_given: None)
    monkeypatch.setattr(update, "recover", lambda site, _change: found.append(site.name))
    monkeypatch.setattr(copies, "held_from", lambda _endpoint, name: "192.0.2.9" if name == "c" else "")
    return found


def test_what_a_command_or_another_hub_works_on_is_not_taken_for_a_killed_run(recovered: list[str]) -> None:
    sites: Any = {name: SimpleNamespace(name=name, database=name, endpoint=None) for name in "abc"}
    known: Any = SimpleNamespace(held={})
    here = Platform(
        want=cast("Any", None), members={}, sites=sites, definition=known, live="", switched=False,
        busy={"b": "ann@hub runs aegir update"},
        jobs=cast("Any", None),
    )  # fmt: skip
    said: list[str] = []
    here.recover(said.append)
    assert ["a"] == recovered
    assert ["c: left as it is, because 192.0.2.9 works on its database"] == said
    assert not here._is_light("b"), "its code is left too"
    with pytest.raises(NotUpdated, match="ann@hub runs aegir update"):
        here._heavy("b", said.append)


@pytest.mark.parametrize(
    ("rows", "machine"),
    [
        ([("192.0.2.1", 1)], ""),
        ([("192.0.2.1", 1), ("192.0.2.1", 0)], ""),
        ([(b"192.0.2.1", 1), (b"192.0.2.9", 0)], "192.0.2.9"),
    ],
    ids=["nobody", "a connection of this hub's that was cut off", "another hub"],
)
def test_a_lock_of_another_hub_is_told_from_one_that_this_hub_has_left(
    rows: list[tuple[str, int]], machine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def connect(_endpoint: object) -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(rows=lambda *_given: rows)

    monkeypatch.setattr(copies, "connect", connect)
    where: Any = None
    what: Any = SimpleNamespace(name="a")
    assert machine == copies.held_from(where, what)


LIVE, OTHER = "/p/.releases/shop/" + "a" * 16, "/p/.releases/shop/" + "b" * 16


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ({"waits": True}, ""),
        ({}, "its database is no newer than the code of this release, so it kept the database"),
        ({"switched": False}, f"it was on the release {'a' * 16} already"),
        ({"kept": {"release": OTHER}}, f"belongs to the release {'b' * 16}, and this release is {'a' * 16}"),
        ({"kept": None, "waits": True}, "no database of before an update is kept of it"),
        ({"updates": False, "waits": True}, "its updates are switched off (`update: []`)"),
        ({"enabled": False, "waits": True}, "the site is disabled, and gets the release when it is enabled"),
        ({"pinned": "c" * 16}, f"the site is pinned to the release {'c' * 16}"),
    ],
)
def test_a_database_that_is_not_restored_has_a_reason(about: dict[str, Any], said: str) -> None:
    site: dict[str, Any] = {"release": LIVE, "switched": True, "waits": False, "kept": {"release": LIVE}}
    why = asked_back.why_not(asked_back.Asked(**site | about))
    assert said in why if said else not why


def going_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, was: dict[str, Any] | None) -> Platform:
    """Give a platform with three sites that goes back with its databases; `a` and `b` have one of before."""
    monkeypatch.setattr(
        kept, "records", lambda sites: {site.site: {"release": LIVE} for site in sites if site.site < "c"}
    )
    sites: Any = {name: SimpleNamespace(site=name, name=name, enabled=True, steps=(1,)) for name in "abc"}
    want: Any = SimpleNamespace(restore=True, digest="a" * 64, sites=sites, holder="aegir/test")
    had: Any = None if was is None else SimpleNamespace(**{"restore": False, "digest": "b" * 64, "sites": sites} | was)
    members: Any = {"web1": SimpleNamespace(hub_root=str(tmp_path))}
    definition: Any = SimpleNamespace(held={})
    return Platform(
        want=want, members=members, sites=sites, definition=definition, live=LIVE, switched=True,
        asked=platform._asked(want, had), jobs=cast("Any", None),
    )  # fmt: skip


def test_a_restore_that_is_asked_for_and_not_done_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = going_back(tmp_path, monkeypatch, {})
    asked = here.asked_for(["a"])
    done = [waves.Done(site="a", name="a", result="updated", outcome=Outcome(restored=True))]
    said = here.unrestored(asked, done)
    assert {"b", "c"} == said.keys()
    assert "no newer" in said["b"]
    assert "no database of before" in said["c"]
    alone, _ = asked_back.not_restored("b", said["b"])
    assert alone.startswith("b: its database was not restored, since its database is no newer")
    assert alone.endswith("; `aegir restore b` brings back a backup")
    failed = [waves.Done(site="b", name="b", result="failed", why="it throws")]
    assert {"a", "c"} == here.unrestored(here.asked_for([]), failed).keys(), "what failed has a message of its own"


def test_a_site_that_a_failed_run_has_restored_is_not_told_of_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = going_back(tmp_path, monkeypatch, {})
    here._note_restored("b")
    assert {"a", "c"} == here.unrestored(here.asked_for([]), []).keys()
    here.forget_restored()
    assert {"a", "b", "c"} == here.unrestored(here.asked_for([]), []).keys()


@pytest.mark.parametrize("was", [None, {"restore": True, "digest": "a" * 64}], ids=["first run", "asked before"])
def test_nothing_is_told_of_what_was_asked_for_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, was: dict[str, Any] | None
) -> None:
    here = going_back(tmp_path, monkeypatch, was)
    assert {} == here.unrestored(here.asked_for([]), [])
