"""What `aegir sync` decides without a machine: who is meant, what fits, what is sanitised, and what may go into production."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast
from unittest.mock import MagicMock, Mock

import click
import pytest
from click.testing import CliRunner

from aegir_components.backups import loading, restoring, saving, staging
from aegir_components.backups.book import Book, BusyError
from aegir_components.backups.repository import BackupError
from aegir_components.backups.saving import Job
from aegir_components.backups.staging import Part
from aegir_components.cli import events, restore, sides, site_closing, sync, update
from aegir_components.cli.ends import Refusal
from aegir_components.cli.made import Release
from aegir_components.cli.main import aegir
from aegir_components.cli.outputs import Outputs
from aegir_components.cli.sides import Side
from aegir_components.cli.stack import Stack
from aegir_components.cli.state import State
from aegir_components.cli.unlocked import Unlocked
from aegir_components.deploy.site_closing import By, Closable, Reason
from aegir_components.mysql import copies
from aegir_components.mysql.client import DatabaseError
from aegir_components.origins import syncing
from aegir_components.remote.errors import HostUnreachable
from aegir_components.settings import Plan
from tests.unit.stacks import SITE, declared, exported

BOTH, FILES = Part(), Part(database=False)
HACKED = Reason(By.PERSON, "jo@hub: hacked")
HELD = r"\(.+@.+, process \d+, since [0-9: -]+\); nothing was done"


def begun(how: str) -> dict[str, Any]:
    """Declare the site as a clone."""
    return {"sites__site__origin": {"site": "source.example.com", "stack": "prod", "sanitise": how}}


def side(
    stack: str = "test", *, environment: str = "testing", made: str = "", version: str = "6.9.1", application: str = "wordpress",
    **site: Any,
) -> Side:  # fmt: skip
    settings: Any = replace(declared(**site), environment=cast("Any", environment))
    state = replace(State.read(stack, exported()), environment=made)
    unlocked = Unlocked(stack=Stack(name=stack, engine=Mock()), declared=settings, state=state, keys={})
    values = {**state.releases["code"].outputs, "application": application, "facts": {"version": version}}
    release = Release(platform="code", outputs=Outputs(values, resource="Release code", stack=stack))
    source: Any = Mock(site=SITE)
    return Side(unlocked=unlocked, site=state.sites[SITE], source=source, release=release)


@pytest.mark.parametrize(
    ("source", "target", "part", "said"),
    [
        ({}, {}, BOTH, ""),
        ({"version": "6.8.2"}, {}, BOTH, ""),
        ({"version": "7.0"}, {}, FILES, ""),
        ({"version": ""}, {}, BOTH, ""),
        ({"version": "6.9.2"}, {}, BOTH, "the database is newer than that code. Nothing was changed. Bring the same"),
        ({"version": "5.9"}, {}, BOTH, "another major version"),
        ({"application": "drupal"}, {}, FILES, "is a site of drupal, and test:www.example.com of wordpress"),
    ],
    ids=str,
)  # fmt: skip
def test_content_that_does_not_fit_the_code_is_rejected(
    source: dict[str, Any], target: dict[str, Any], part: Part, said: str
) -> None:
    found = sides.misfit(side("prod", **source), side(**target), part)
    assert (said in found) if said else not found


@pytest.mark.parametrize(
    ("source", "target", "said", "expected"),
    [
        ({"environment": "production"}, {}, None, True),
        ({"made": "production"}, {}, None, True),
        ({"environment": "production"}, {}, "off", False),
        ({"environment": "production"}, {"environment": "production"}, None, False),
        ({}, {}, None, False),
        ({}, {}, "standard", True),
        ({}, begun("standard"), None, True),
        ({}, begun("standard"), "off", False),
        ({}, begun("none"), None, False),
    ],
    ids=str,
)
def test_content_that_leaves_production_is_sanitised_unless_it_is_said(
    source: dict[str, Any], target: dict[str, Any], said: str | None, *, expected: bool
) -> None:
    assert expected is sides.how(side("prod", **source), side(**target), said)


@pytest.mark.parametrize(
    ("target", "allowed", "confirmed", "said"),
    [
        ({}, False, None, ""),
        ({"environment": "production"}, False, SITE, "--into-production"),
        ({"made": "production"}, False, SITE, "--into-production"),
        ({"environment": "production"}, True, None, f"given by --confirm {SITE}"),
        ({"environment": "production"}, True, "example.com", f"given by --confirm {SITE}"),
        ({"environment": "production"}, True, SITE, ""),
    ],
    ids=str,
)
@pytest.mark.parametrize("yes", [True, False])
def test_a_production_site_loses_its_content_only_by_its_name(
    target: dict[str, Any], *, allowed: bool, confirmed: str | None, said: str, yes: bool
) -> None:
    if not said:
        assert not sides.guard(side(**target), allowed=allowed, confirmed=confirmed, yes=yes)
        return
    with pytest.raises(Refusal) as refused:
        sides.guard(side(**target), allowed=allowed, confirmed=confirmed, yes=yes)
    assert said in refused.value.message


@pytest.mark.parametrize("typed", [SITE, "another.example.com"])
def test_at_a_terminal_the_name_of_the_production_site_is_typed(typed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Mock(isatty=lambda: True))
    monkeypatch.setattr(click, "prompt", lambda *_words, **_options: typed)
    target = side(environment="production")
    if typed == SITE:
        assert sides.guard(target, allowed=True, confirmed=None, yes=False)
        return
    with pytest.raises(Refusal):
        sides.guard(target, allowed=True, confirmed=None, yes=False)


@pytest.mark.parametrize(
    ("sanitised", "mail", "said"),
    [
        (True, None, "Personal data is replaced before it leaves its server"),
        (False, None, "Mail leaves www.example.com, also to the people in this content"),
        (False, "off", "It comes with all personal data"),
    ],
)
def test_a_person_is_told_what_is_there_and_what_would_come(
    monkeypatch: pytest.MonkeyPatch, *, sanitised: bool, mail: str | None, said: str
) -> None:
    monkeypatch.setattr(sides, "sized", lambda *_: "database of 12 tables, 3.1 MB, files of 2 MB")
    target = side(**({"sites__site__mail": mail} if mail else {}))
    lines = sides.shown(side("prod", environment="production"), target, BOTH, sanitised=sanitised)
    assert (
        "There now: test:www.example.com (testing) on platform code (wordpress 6.9.1, release 0123456789abcdef): "
        "database of 12 tables, 3.1 MB, files of 2 MB"
    ) == lines[0]
    assert lines[1].startswith("Would come: prod:www.example.com (production) on platform code")
    assert any(said in line for line in lines)
    assert ("Mail leaves" in " ".join(lines)) is (not sanitised and mail is None)
    assert "backed up first" in lines[-1]


def test_a_site_that_has_no_content_is_no_side() -> None:
    state = State.read("test", exported(Installation={"content": "empty"}))
    unlocked = Unlocked(stack=Stack(name="test", engine=Mock()), declared=declared(), state=state, keys={})
    with pytest.raises(Refusal, match="has no content yet; run pulumi up --stack test first"):
        Side.read(unlocked, SITE)


@pytest.mark.parametrize("text", ["prod:", ""])
def test_a_side_names_a_site(text: str) -> None:
    with pytest.raises(click.UsageError, match="names no site; write STACK:SITE"):
        sides.split(text)


def test_a_site_that_is_not_backed_up_keeps_its_content() -> None:
    with pytest.raises(Refusal, match=r"test:www\.example\.com is not backed up, and nothing is replaced without"):
        sync._judged(side("prod"), side(), BOTH, sanitised=False)


def test_sites_are_completed_with_their_stacks(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: aegir\nruntime: python\n")
    for stack in ("prod", "test"):
        (tmp_path / f"Pulumi.{stack}.yaml").write_text(f"config: {{'aegir:sites': {{{stack}.example.com: {{}}}}}}\n")
    told = CliRunner().invoke(
        aegir, [], prog_name="aegir", complete_var="_AEGIR_COMPLETE",
        env={"_AEGIR_COMPLETE": "fish_complete", "COMP_WORDS": f"aegir --cwd {tmp_path} sync --from ", "COMP_CWORD": "te"},
    )  # fmt: skip
    assert "plain,test:test.example.com" in told.output
    assert "prod" not in told.output


def test_the_lock_of_a_sites_backups_names_who_has_it(tmp_path: Path) -> None:
    book = Book(hub_root=str(tmp_path), stack="aegir/test", site=SITE)
    for _ in range(2):
        with book.held(), pytest.raises(BusyError, match=HELD), book.held():
            pass


class Done(Exception):
    """The end of a test's restore."""


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give a restore whose content, site and database are doubles that write down what is asked of them."""
    said: list[str] = []
    source: Any = Mock(site=SITE, places=())
    source.name = SITE
    job = Job(
        source=source,
        plan=Mock(),
        targets=(),
        tell=said.append,
        book=Book(hub_root=str(tmp_path), stack="aegir/test", site=SITE),
    )
    content = Mock(
        has_to_answer=True,
        words=staging.Words(called="c", doing=Reason.of(By.SYNC, " c"), done="has c", failed="f", work="sync"),
    )
    content.record.side_effect = lambda safety: {"backup": safety, "safety": safety, "from": "prod:x"}
    content.stage.return_value = ({"database": {"rows": {}}}, [], None)
    closable = Mock(spec=Closable)
    closable.reasons.return_value = ()
    monkeypatch.setattr(restoring, "quiet", lambda _source: Mock(__enter__=Mock(), __exit__=Mock(return_value=False)))
    monkeypatch.setattr(restoring, "lock", lambda _source, *, locked: said.append(f"locked: {locked}"))
    monkeypatch.setattr(restoring.Restore, "_saved", lambda _self, _staged: "5afe")
    work = restoring.Restore(job=job, content=content, part=FILES, closable=closable, is_well=lambda: "")
    return Mock(job=job, content=content, closable=closable, work=work, said=said)


def left(world: Any) -> dict[str, Any] | None:
    return restoring.interrupted(world.job.hub_root, "aegir/test", SITE)


@pytest.mark.parametrize("how", ["settle", "answer", "exchange"])
def test_a_site_gets_back_what_it_had_when_a_step_fails(world: Any, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    work = world.work
    if how == "settle":
        world.content.settle.side_effect = BackupError("the site's account may not")
    elif how == "answer":
        work = replace(work, is_well=lambda: "web1: 500")
    else:
        monkeypatch.setattr(restoring.Restore, "_replace", Mock(side_effect=HostUnreachable("db1", "gone")))

    with pytest.raises((BackupError, HostUnreachable)) as fault:
        work.run()

    assert not isinstance(fault.value, restoring.ClosedError)
    assert isinstance(world.said[-1], restoring.PuttingBack)
    assert ("the site does not answer with c: web1: 500" == str(fault.value)) is (how == "answer")
    world.closable.open.assert_called_once()
    assert left(world) is None


def test_a_site_that_cannot_be_closed_keeps_no_record(world: Any) -> None:
    world.closable.close.side_effect = HostUnreachable("web1", "gone")
    with pytest.raises(HostUnreachable):
        world.work.run()
    assert left(world) is None
    world.content.settle.assert_not_called()


def test_a_site_that_cannot_be_opened_is_known_to_the_next_run(world: Any) -> None:
    world.closable.open.side_effect = HostUnreachable("web1", "gone")
    with pytest.raises(restoring.ClosedError, match=r"has c, and could not be opened on each web server.*backup 5afe"):
        world.work.run()
    assert {"backup": "5afe", "safety": "5afe", "from": "prod:x"}.items() <= (left(world) or {}).items()


@pytest.mark.parametrize("replaced", [False, True], ids=["closed alone", "replaced"])
def test_what_a_killed_sync_has_left_is_repaired(
    world: Any, monkeypatch: pytest.MonkeyPatch, *, replaced: bool
) -> None:
    method = "settle" if replaced else "_saved"
    if replaced:
        world.content.settle.side_effect = Done()
    else:
        monkeypatch.setattr(restoring.Restore, method, Mock(side_effect=Done()))
    with pytest.raises(Done):
        world.work.run()
    known = left(world)
    assert known is not None
    assert known["backup"] == ("5afe" if replaced else "")
    world.closable.open.assert_not_called()
    back = Mock()
    monkeypatch.setattr(restore, "bring_back", back)
    monkeypatch.setattr(site_closing, "closable_of", lambda _site: world.closable)
    target = side()
    hub, holder = Path(world.job.hub_root), "aegir/test"
    monkeypatch.setattr(Unlocked, "holder", holder)
    assert hub.is_dir()

    sync._repair(target, world.job)

    if replaced:
        back.assert_called_once_with(target.unlocked, SITE, "5afe")
    else:
        back.assert_not_called()
        world.closable.open.assert_called_once()
        assert "locked: False" in world.said
        assert left(world) is None


def test_the_step_that_failed_is_the_one_before_the_way_back() -> None:
    steps = sync.Steps()
    steps("www.example.com: replacing the database")
    steps(restoring.PuttingBack(7145, "www.example.com: it failed"))
    assert "www.example.com: replacing the database" == steps.last


def test_a_schema_beside_that_cannot_be_dropped_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def stubborn(*_words: object) -> Iterator[str]:
        yield "beside"
        raise DatabaseError("db1 is gone")

    monkeypatch.setattr(loading, "scratch_schema", stubborn)
    with syncing._scratch_schema(Mock(), "/hub", "utf8mb4", "") as schema:
        assert "beside" == schema
    with pytest.raises(BackupError, match="the load failed"), syncing._scratch_schema(Mock(), "/hub", "utf8mb4", ""):
        raise BackupError("the load failed")


def test_a_site_that_stays_closed_is_said_to(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restoring.Restore, "_saved", Mock(side_effect=BackupError("no room")))
    world.closable.open.side_effect = HostUnreachable("web1", "gone")
    with pytest.raises(restoring.ClosedError, match=r"\(no room\)\. Nothing was replaced, and it could not be opened"):
        world.work.run()
    assert "" == (left(world) or {})["backup"]


def test_a_site_that_a_person_has_closed_stays_closed(world: Any) -> None:
    world.closable.reasons.return_value = (Reason.of(By.SYNC, " the content of prod:x"), HACKED)

    assert "stays closed as it was: jo@hub: hacked" in world.work.run()

    world.closable.open.assert_not_called()
    world.closable.close.assert_not_called()
    assert [True, False] == [call.kwargs["door"] for call in world.closable.stay.call_args_list]
    assert left(world) is None


def test_a_site_that_a_person_has_closed_stays_closed_when_a_step_fails(world: Any) -> None:
    world.closable.reasons.return_value = (HACKED,)
    world.content.settle.side_effect = BackupError("no")
    with pytest.raises(BackupError):
        world.work.run()
    restoring.reopen(world.job, world.closable)
    world.closable.open.assert_not_called()
    assert HACKED == world.closable.stay.call_args.args[0]


@pytest.mark.parametrize(
    "reason", [Reason.of(By.SYNC, " the content of prod:x"), Reason.of(By.UPDATE, ", begun at 2026-11-01")]
)
def test_a_site_that_a_run_of_ours_has_closed_opens(world: Any, reason: Reason) -> None:
    world.closable.reasons.return_value = (reason,)
    world.work.run()
    world.closable.open.assert_called_once()


@pytest.mark.parametrize("is_closed", [True, False])
def test_files_of_an_interrupted_run_come_back_only_into_a_site_that_stayed_closed(
    world: Any, monkeypatch: pytest.MonkeyPatch, *, is_closed: bool
) -> None:
    back = Mock()
    monkeypatch.setattr(restoring, "put_back_earlier", back)
    world.closable.reasons.return_value = (Reason.of(By.SYNC, " the content of prod:x"),) if is_closed else ()
    world.work.run()
    assert is_closed is back.called


@pytest.mark.parametrize(
    ("staged", "excludes"),
    [((), ("*/cache/*", "*.mp4")), (((),), ()), ((("*.mp4", "old"),), ("*.mp4",)), ((("*.mp4",), ()), ())],
    ids=["no files come", "another site's come", "what the backup excludes stays", "one place of two gets all"],
)
def test_the_backup_before_an_exchange_excludes_what_stays_alone(
    staged: tuple[tuple[str, ...], ...], excludes: tuple[str, ...], world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    made = Mock(is_proven=True, not_saved=())
    save = Mock(return_value=made)
    monkeypatch.setattr(saving, "save_held", save)
    job = replace(world.job, plan=Plan(exclude=("*/cache/*", "*.mp4"), prove="off"))
    found: Any = [Mock(exclude=one) for one in staged]
    assert made.id == replace(world.work, job=job)._saved(found)
    assert (excludes, "each") == (save.call_args.args[0].plan.exclude, save.call_args.args[0].plan.prove)


def test_what_becomes_of_excluded_files_is_said_beforehand() -> None:
    exclude = ("*/cache/*", "*.mp4")
    assert ["Stays as it is: files that the backup excludes (*/cache/*, *.mp4)"] == restoring.staying(FILES, exclude)
    assert [] == restoring.staying(Part(files=False), exclude) == restoring.staying(FILES, ())
    assert 1 == len(restoring.staying(Part(database=False, path="files/a"), exclude))
    assert ["*/cache/*" in line for line in restoring.leaving(FILES, exclude)] == [True]
    assert [] == restoring.leaving(Part(files=False), exclude) == restoring.leaving(FILES, ())


def test_a_restore_of_a_site_that_a_killed_sync_has_only_closed_opens_it(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlocked = side().unlocked
    monkeypatch.setattr(Unlocked, "holder", "aegir/test")
    monkeypatch.setattr(Unlocked, "job", lambda *_: world.job)
    monkeypatch.setattr(site_closing, "closable_of", lambda _site: world.closable)
    record: dict[str, Any] = {"backup": "5afe", "safety": "5afe", "from": "prod:x"}
    monkeypatch.setattr(restoring, "interrupted", lambda *_: record)
    assert not restore._reopened(unlocked, SITE)
    record |= {"backup": "", "safety": ""}
    assert restore._reopened(unlocked, SITE)
    world.closable.open.assert_called_once()
    record.clear()
    assert not restore._reopened(unlocked, SITE)


def test_one_site_is_recognised_however_its_stack_is_written() -> None:
    def at(holder: str, server: str, address: str, database: str = "www_example_com") -> Side:
        found: Any = Mock(site=SITE, holder=holder, server=server, database=database)
        found.endpoint = Mock(address=address, port=3306, tunnel=None)
        return replace(side(), source=found)

    one = at("aegir/prod", "db1", "10.0.0.1")
    assert sides.is_same(one, at("aegir/prod", "db9", "10.0.0.9", "another"))
    assert sides.is_same(one, at("aegir/test", "database1", "10.0.0.1"))
    assert not sides.is_same(one, at("aegir/test", "db2", "10.0.0.2"))
    assert not sides.is_same(one, at("aegir/test", "db1", "10.0.0.1", "test_example_com"))


@pytest.mark.parametrize(
    ("application", "part", "clears"), [("drupal", FILES, True), ("wordpress", FILES, False), ("wordpress", BOTH, True)]
)
def test_caches_that_name_files_are_cleared(application: str, part: Part, *, clears: bool) -> None:
    assert clears is (getattr(sync._clearing(side(application=application), part), "func", None) is events.clear_caches)


def test_a_source_whose_update_is_at_work_is_not_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def busy(*_words: object) -> Iterator[bool]:
        yield False

    monkeypatch.setattr(copies, "alone", busy)
    for name, gives in {
        "client.connect": MagicMock(), "inventory.character_set": Mock(return_value=("utf8mb4", "")),
        "databases.size": Mock(return_value=(1, 1)), "loading.want_room": Mock(), "replace": Mock(),
        "live.dumped": MagicMock(side_effect=AssertionError("it was copied")),
    }.items():  # fmt: skip
        monkeypatch.setattr(f"{syncing.__name__}.{name}", gives)
    content = syncing.FromSite(
        site=Mock(), source=Mock(), database=Mock(), where="prod:x", part=BOTH, rules=None, former=(), clear=Mock()
    )
    with pytest.raises(BackupError, match="an update of prod:x is at work"):
        content._database(Mock())


@pytest.mark.parametrize("held", ["prod", "test"])
def test_no_database_leaves_or_reaches_a_site_that_is_held_back(
    world: Any, monkeypatch: pytest.MonkeyPatch, held: str
) -> None:
    source, target = side("prod"), judged(world, monkeypatch)
    monkeypatch.setattr(update, "is_held", lambda unlocked, _site: unlocked.stack.name == held)
    with pytest.raises(Refusal, match=rf"{held}:www\.example\.com is held back"):
        sync._judged(source, target, BOTH, sanitised=False)
    assert world.job is sync._judged(source, target, FILES, sanitised=False)


def test_a_sync_does_not_open_what_a_person_has_closed(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    target = judged(world, monkeypatch)
    world.closable.reasons.return_value = (HACKED,)
    with pytest.raises(Refusal, match=r"is closed \(jo@hub: hacked\).*aegir open www\.example\.com --stack test"):
        sync._judged(side("prod"), target, FILES, sanitised=False)
    monkeypatch.setattr(restoring, "interrupted", lambda *_: {"backup": "5afe", "safety": "5afe", "from": "prod:x"})
    with pytest.raises(Refusal, match=r"aegir restore www\.example\.com --stack test brings back what was there"):
        sync._judged(side("prod"), target, FILES, sanitised=False)


def judged(world: Any, monkeypatch: pytest.MonkeyPatch) -> Side:
    """Give a target that is backed up."""
    monkeypatch.setattr(Unlocked, "holder", "aegir/test")
    monkeypatch.setattr(Unlocked, "plan", lambda *_: Plan())
    monkeypatch.setattr(Unlocked, "job", lambda *_: world.job)
    monkeypatch.setattr(site_closing, "closable_of", lambda _site: world.closable)
    target = side()
    backed: Any = replace(target.unlocked.declared, backups=Mock(off=False))
    return replace(target, unlocked=replace(target.unlocked, declared=backed))
