"""The order in which database, configuration and code go forward and back, and what a failure or a kill leaves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest

from aegir_components.archives import encrypting, keeping
from aegir_components.mysql import copies, databases
from aegir_components.remote.errors import HostUnreachable
from aegir_components.rollout import exchange, paired, programs, returning, update
from aegir_components.rollout.programs import Report
from aegir_components.rollout.site import Updated
from aegir_components.rollout.update import Change, NotUpdated, Outcome


class Killed(BaseException):
    """The process ends."""


@dataclass
class World:
    """A site whose steps only note that they were done; one of them may fail, and all after a kill."""

    did: list[str] = field(default_factory=list)
    fails: dict[str, BaseException] = field(default_factory=dict)
    unproven: bool = False
    killed: bool = False
    about: dict[str, Any] = field(default_factory=dict)

    def do(self, what: str) -> None:
        if self.killed:
            raise Killed
        if fault := self.fails.get(what):
            self.killed = isinstance(fault, Killed)
            raise fault
        self.did.append(what)

    def mark(self, what: str, *, unproven: bool) -> None:
        self.do(what)
        self.unproven = unproven

    @property
    def site(self) -> Updated:
        closable = SimpleNamespace(hold=lambda: self.do("hold"), door="")
        found = SimpleNamespace(
            name="www", site="www", paired=("/active",), endpoint=None, holder="",
            databases=SimpleNamespace(site=SimpleNamespace(name="www"), copy="c", before="b"),
            database=SimpleNamespace(name="www"), machine=SimpleNamespace(hub_root=""),
            kind=SimpleNamespace(carried=()), enabled=True, blind=False, closable=closable, members={},
        )  # fmt: skip
        return cast("Updated", found)

    @property
    def change(self) -> Change:
        return Change(
            root="/r", about={"release": "r"}, go=lambda: self.do("go"), back=lambda: self.do("code back"),
            say=lambda _text: None, still=lambda: "",
        )  # fmt: skip


@contextmanager
def something(*_args: Any, **_kwargs: Any) -> Iterator[Any]:
    yield SimpleNamespace(be_patient=lambda: None)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()

    def swap(_what: Any, _own: Any, _keep: Any, about: dict[str, Any]) -> None:
        world.do("swap")
        world.unproven, world.about = True, about

    def back(*_args: Any) -> bool:
        had = world.unproven
        if had:
            world.mark("database back", unproven=False)
        return had

    for module, name, stub in (
        (update, "connect", something),
        (copies, "watching", something),
        (copies, "drain", lambda *_: world.do("drain")),
        (copies, "shut", lambda *_: world.do("shut")),
        (copies, "open_again", lambda *_, **__: world.do("open")),
        (copies, "is_shut", lambda *_: False),
        (copies, "drop", lambda *_: world.do("no copy")),
        (copies, "record", lambda *_: {"release": "former", "docroot": "web", "made": 1.0, "running": world.unproven}),
        (databases, "tables_of", lambda *_: {}),
        (exchange, "carried", lambda *_: []),
        (exchange, "swap", swap),
        (exchange, "back", back),
        (exchange, "doubt", lambda *_: world.mark("doubt", unproven=True)),
        (exchange, "proven", lambda *_: world.mark("proven", unproven=False)),
        (exchange, "is_unproven", lambda *_: world.unproven),
        (paired, "step", lambda _site, name: world.do(name)),
        (programs, "merge", lambda *_: world.do("merge")),
        (programs, "end", lambda *_: world.do("end")),
        (update, "_let_in", lambda *_: world.do("let in")),
        (update, "prove", lambda *_: world.do("ask")),
        (update, "answering_now", lambda *_: []),
        (update, "want_floor", lambda *_: None),
        (update, "alone", something),
        (update, "close", lambda *_: world.do("close")),
        (update, "save", lambda *_: ""),
        (returning, "written_since", lambda *_: ""),
        (keeping, "save_database", lambda *_: "dump"),
        (encrypting.Keys, "of", lambda *_: None),
    ):
        monkeypatch.setattr(module, name, stub)
    return world


def bring(world: World) -> None:
    """Exchange within a quiet site, as an update does."""
    with update.quiet(world.site, world.site.closable, Outcome()) as own:
        update._swap(world.site, world.change, own, Report(), [], "")


def test_an_exchange_that_ends_well_is_proven_before_anybody_is_let_in(world: World) -> None:
    bring(world)
    assert ["keep", "swap", "merge", "go", "open", "ask", "prove", "proven", "open", "let in"] == world.did[3:]


def test_configuration_goes_back_where_the_database_was_not_exchanged(world: World) -> None:
    world.fails["swap"] = HostUnreachable("db1", "it does not answer")
    with pytest.raises(HostUnreachable):
        bring(world)
    assert "drop" in world.did
    assert "back" not in world.did
    assert "let in" == world.did[-1]


def test_nobody_is_let_in_where_an_update_cannot_be_taken_back(world: World) -> None:
    """What visitors wrote then, the next run would take back with the update."""
    world.fails |= {"ask": NotUpdated("it is broken"), "back": HostUnreachable("web1", "it does not answer")}
    with pytest.raises(NotUpdated, match=r"neither proven nor undone.*web1"):
        bring(world)
    assert world.unproven
    assert "let in" not in world.did


def test_nobody_is_let_in_where_it_cannot_be_written_down_that_an_update_is_proven(world: World) -> None:
    world.fails["proven"] = HostUnreachable("db1", "it does not answer")
    with pytest.raises(NotUpdated, match="neither proven nor undone"):
        bring(world)
    assert "let in" not in world.did


STEPS = ("doubt", "back", "database back", "go", "ask")


@pytest.mark.parametrize("killed", STEPS)
def test_a_kill_on_the_way_back_never_leaves_configuration_and_database_of_two_times(world: World, killed: str) -> None:
    world.fails[killed] = Killed()
    with pytest.raises((Killed, NotUpdated)):
        returning.bring_back(world.site, world.change)
    world.killed, world.fails = False, {}
    update.recover(world.site, world.change)
    assert ("database back" in world.did) == ("back" in world.did)


@pytest.mark.parametrize("killed", ["", "swap", "forward", "proven"])
def test_nor_does_one_when_going_back_is_taken_back(world: World, killed: str) -> None:
    world.fails["ask"] = NotUpdated("it is broken")
    if killed:
        world.fails[killed] = Killed()
    with pytest.raises((NotUpdated, Killed)):
        returning.bring_back(world.site, world.change)
    world.killed, world.fails = False, {}
    at = len(world.did)
    update.recover(world.site, world.change)
    later = world.did[at:]
    # Either both are of the time after, or the next run brings both to the time before.
    if "proven" in world.did:
        assert "forward" in world.did
        assert "back" not in later
    else:
        assert "swap" not in world.did or ("back" in later and "database back" in later)


def test_where_going_back_fails_the_database_of_before_still_says_what_it_goes_with(world: World) -> None:
    world.fails["ask"] = NotUpdated("it is broken")
    with pytest.raises(NotUpdated):
        returning.bring_back(world.site, world.change)
    assert {"release": "former", "docroot": "web"} == world.about
