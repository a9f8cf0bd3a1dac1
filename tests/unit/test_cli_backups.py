"""The commands of backups, as far as they need no machine: choosing, times, recovery sheets, timers."""

from __future__ import annotations

import getpass
import os
import re
import shutil
import signal
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pyrage
import pytest

from aegir_components.archives import names as archive_names
from aegir_components.backups import files
from aegir_components.backups.book import Backup, Book, Proof, seconds
from aegir_components.backups.repository import Opened, Snapshot, Target
from aegir_components.backups.source import SHARED, Place
from aegir_components.backups.staging import Part
from aegir_components.cli import (
    archives,
    backup,
    backups,
    choosing,
    events,
    kept,
    login,
    recover,
    recovery,
    restore,
    restored,
    rewrite,
    selecting,
    timers,
)
from aegir_components.cli.ends import Refusal
from aegir_components.cli.made import Site
from aegir_components.cli.selecting import Selection
from aegir_components.cli.state import State
from aegir_components.cli.unlocked import Unlocked
from aegir_components.remote.connection import Connection
from aegir_components.settings import Repository
from aegir_components.sources import records
from tests.unit.made import accounts, members, outputs


def made(name: str, moment: str, *, ok: bool = True) -> Backup:
    begun = int(datetime.fromisoformat(moment).astimezone().timestamp())
    return Backup(id=name, begun=begun, proof=Proof(at=begun, seconds=1, ok=ok, text="restored"))


KNOWN = (
    made("aaaa1111", "2026-11-01T02:00"),
    made("aaaa2222", "2026-11-02T02:00"),
    made("bbbb3333", "2026-11-03T02:00", ok=False),
)


@pytest.mark.parametrize(
    ("at", "wanted", "expected"),
    [
        (None, None, "aaaa2222"),
        ("2026-11-02T01:59", None, "aaaa1111"),
        ("2026-11-03", None, "aaaa2222"),
        ("2026-11-02 02:00", None, "aaaa2222"),
        (None, "bbbb", "bbbb3333"),
    ],
)
def test_a_backup_is_chosen_by_time_or_name(at: str | None, wanted: str | None, expected: str) -> None:
    assert expected == choosing.choose(KNOWN, at, wanted, "www.example.com").id


@pytest.mark.parametrize(
    ("at", "wanted", "expected"),
    [
        ("2026-10-01", None, "has no backup from before 2026-10-01; the first one is of 2026-11-01 02:00"),
        ("yesterday", None, "'yesterday' is no time; write it like 2026-11-01T02:00"),
        (None, "aaaa", "has several backups named aaaa"),
        (None, "cccc", "has no backup named cccc"),
    ],
)
def test_what_cannot_be_chosen_is_said(at: str | None, wanted: str | None, expected: str) -> None:
    with pytest.raises(Refusal, match=expected):
        choosing.choose(KNOWN, at, wanted, "www.example.com")


def test_what_a_restore_has_replaced_comes_back_only_by_name_or_time() -> None:
    lost = replace(made("cccc4444", "2026-11-04T02:00"), why="before a restore")
    updated = replace(made("dddd5555", "2026-11-03T05:00"), why="before an update")
    known = (*KNOWN, updated, lost)
    assert "dddd5555" == choosing.choose(known, None, None, "www.example.com").id
    assert "cccc4444" == choosing.choose(known, "2026-11-05", None, "www.example.com").id
    assert "cccc4444" == choosing.choose(known, None, "cccc", "www.example.com").id
    assert "cccc4444" == choosing.choose([lost], None, None, "www.example.com").id, "nothing else is there"


def test_one_that_was_found_in_a_repository_comes_back_before_older_ones_and_a_later_proof_counts() -> None:
    """A hub that was recovered has only these of the time after its own last backup."""
    found = Backup(id="eeee5555", begun=made("eeee5555", "2026-11-05T02:00").begun, copies={"hub": "eeee5555"})
    lost = replace(found, id="ffff6666", begun=found.begun + 3600, why="before a restore")
    bad = replace(found, proof=Proof(at=found.begun, seconds=1.0, ok=False, text="a table is missing"))
    known = (*KNOWN, found, lost)
    assert "eeee5555" == choosing.choose(known, None, None, "www.example.com").id
    assert "found in a repository" in backups.proven(found)
    assert "aaaa2222" == choosing.choose((*KNOWN, bad), None, None, "www.example.com").id


def test_a_backup_that_is_not_proven_is_not_restored_by_itself() -> None:
    with pytest.raises(Refusal, match="aegir backups prove www"):
        choosing.choose(KNOWN[2:], None, None, "www.example.com")


def test_a_backup_of_a_clock_that_was_ahead_is_restored_by_name_alone() -> None:
    ahead = made("cccc4444", f"{datetime.now(tz=UTC) + timedelta(days=400):%Y-%m-%dT%H:%M}")
    assert "aaaa2222" == choosing.choose((*KNOWN, ahead), None, None, "www.example.com").id
    assert "cccc4444" == choosing.choose((*KNOWN, ahead), None, "cccc", "www.example.com").id


def test_a_backup_that_its_site_does_not_start_from_is_restored_by_name_alone() -> None:
    broken = Proof(at=0, seconds=1, ok=False, text="its front page answers 500")
    known = (*KNOWN, replace(made("dddd5555", "2026-11-04T02:00"), start=broken))
    assert "aaaa2222" == choosing.choose(known, None, None, "www.example.com").id
    assert (
        "the site does NOT START from it: its front page answers 500" in backups.table({"www.example.com": known})[-1]
    )


def test_a_run_of_the_timer_that_failed_is_seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """systemctl(1): Result is that of the last run, ActiveState of the timer is active while it waits."""
    program = tmp_path / "bin" / "systemctl"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\ncase "$*" in *Result*) cat "$0.result" ;; *) cat "$0.active" ;; esac\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    monkeypatch.setattr(timers, "UNITS", tmp_path)
    timer = timers.Timer(project=tmp_path / "project")
    assert "" == timer.fault(), "none is installed"
    (tmp_path / f"{timer.name}.timer").touch()
    service = tmp_path / f"{timer.name}.service"
    service.write_text(timer.texts()[service.name])
    for result, active, expected in (
        ("success", "active", ""),
        (
            "exit-code",
            "active",
            f"the last run of the timer {timer.name} failed (exit-code); journalctl -u {timer.name} says why",
        ),
        ("success", "inactive", f"the timer {timer.name} does not run (inactive); aegir timers install starts it"),
    ):
        program.with_name("systemctl.result").write_text(f"{result}\n")
        program.with_name("systemctl.active").write_text(f"{active}\n")
        assert expected == timer.fault()
    program.with_name("systemctl.active").write_text("active\n")
    program.with_name("systemctl.result").write_text("timeout\n")
    assert "failed (timeout)" in timer.fault()
    service.write_text(service.read_text().replace("KillMode=process\n", ""))
    assert timer.fault().endswith("aegir timers install writes it again")


def test_a_timer_runs_as_the_user_who_installs_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    called = tmp_path / "called"
    for name in ("sudo", "systemctl", "install"):
        (tmp_path / name).write_text(f'#!/bin/sh\necho "{name} $*" >>{called}\n')
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(timers, "UNITS", tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(getpass, "getuser", lambda: "aegir")
    timer = timers.Timer(project=tmp_path, user=timers._user())
    assert "\nUser=aegir\n" in timer.texts()[f"{timer.name}.service"]
    assert "User=" not in timers.Timer(project=tmp_path).texts()[f"{timer.name}.service"]
    timers._need_systemd(tmp_path)
    timers._checked("daemon-reload")
    assert "sudo -n systemctl daemon-reload\n" == called.read_text()
    (tmp_path / "sudo").write_text("#!/bin/sh\necho 'sudo: a password is required' >&2; exit 1\n")
    with pytest.raises(Refusal, match=r"a password is required. Only root can write to .*aegir timers show prints"):
        timers._checked("daemon-reload")


def test_a_timer_of_roots_is_not_installed_for_another_users_checkout(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    project = Mock(**{"owner.return_value": "aegir", "stat.return_value.st_uid": 1000})
    monkeypatch.setattr(timers, "UNITS", tmp_path)
    monkeypatch.setattr(shutil, "which", lambda _name: "/bin/systemctl")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("SUDO_USER", "aegir")
    with pytest.raises(Refusal, match="Run the same command as aegir, without sudo"):
        timers._need_systemd(project)
    monkeypatch.setenv("SUDO_USER", "root")
    timers._need_systemd(project)


def test_files_go_to_where_the_site_is_now() -> None:
    def place(label: str) -> Place:
        conn = Connection.from_props({"host": label, "address": label, "kind": "local"})
        return Place(label=label, conn=conn, home=f"/srv/{label}", parts=("site/files",))

    web1, web2, shared = place("web1"), place("web2"), place(SHARED)
    assert {"web1": web1} == files.labels(["web1"], [web1])
    assert {"web1": web2} == files.labels(["web1"], [web2]), "a site that was moved"
    assert {"web1": web1, "web2": web2} == files.labels(["web1", "web2"], [web1, web2])
    assert {} == files.labels(["web3"], [web1, web2]), "nobody knows which one"
    assert {SHARED: shared, "web1": web1} == files.labels([SHARED, "web1"], [shared, web1])


def test_the_table_says_how_each_was_proven() -> None:
    lines = backups.table({"www.example.com": KNOWN})
    assert "restored, 1 s" in lines[1]
    assert "NOT GOOD: restored" in lines[3]
    assert ["There is no backup yet."] == backups.table({})


@pytest.mark.parametrize(
    ("sites", "said"),
    [
        ({"a.test": False}, "no proven backup of a.test; run aegir backup a.test --stack prod"),
        (
            {"a.test": True, "b.test": False},
            "no proven backup of a.test, b.test; run aegir backups prove a.test --stack prod",
        ),
        (dict.fromkeys("abcde", False), "no proven backup of a, b, c and 2 more; run aegir backup a --stack prod"),
    ],
)
def test_the_list_says_which_sites_have_no_proven_backup(sites: dict[str, bool], said: str) -> None:
    assert said == backups.without_proof(sites, "prod")


def test_two_backups_of_one_minute_are_told_apart_and_come_back_by_the_time_that_the_list_shows() -> None:
    two = (made("aaaa1111", "2026-11-01T02:00:05"), made("aaaa2222", "2026-11-01T02:00:48"))
    for one, line in zip(two, backups.table({"www.example.com": two})[1:], strict=True):
        shown = re.search(r"2026-11-01 [0-9:]+", line)
        assert shown is not None
        assert one == choosing.choose(two, shown[0], None, "www.example.com")


def test_the_list_has_the_present_name_of_a_site_with_the_former_one_and_both_are_taken() -> None:
    # Two sites have exchanged their names, and a third one was removed.
    sites = (
        Site(identity="a.test", configuration=outputs({"name": "b.test"})),
        Site(identity="b.test", configuration=outputs({"name": "a.test"})),
    )
    renamed = Site(identity="old.test", configuration=outputs({"name": "new.test"}))
    state = State(stack="prod", sites={site.name: site for site in (*sites, renamed)})
    keys = dict.fromkeys(("a.test", "b.test", "old.test", "gone.test"), "key")
    unlocked = Unlocked(stack=Mock(), declared=Mock(), state=state, keys=keys)
    names = {one: backups.named(unlocked, one) for one in keys}
    assert names == {
        "a.test": "b.test (formerly a.test)", "b.test": "a.test (formerly b.test)", "old.test": "new.test (formerly old.test)",
        "gone.test": "gone.test",
    }  # fmt: skip
    assert [one for one, shown in names.items() if unlocked.identity(shown.partition(" ")[0]) == one] == list(keys)
    assert "old.test" == unlocked.identity("old.test")
    assert ["a.test"] == [site.name for site in selecting.pick(state, Selection(words=("a.test",)), dict)]


def test_what_removals_have_left_is_listed_by_site_and_time(tmp_path: Path) -> None:
    place = tmp_path / "backups"
    assert ["No removal has left anything on this hub."] == archives.table(archive_names.all_kept(str(tmp_path)))
    place.mkdir()
    for name in (
        "old.example.com-20261104T020000Z.sql.gz.age", "old.example.com-20261104T015959Z-web1.example.com-files.tar.gz.age",
        "a-b.example.com-20251104T020000Z.sql.gz", "old.example.com-20261104T020001Z.part", "keys", "notes.sql.gz",
    ):  # fmt: skip
        (place / name).write_text("content")

    head, *rows = archives.table(archive_names.all_kept(str(tmp_path)))

    assert ["SITE", "MADE", "WHAT", "SIZE", "ENCRYPTED", "FILE"] == head.split()
    assert [("a-b.example.com", "no"), ("old.example.com", "yes"), ("old.example.com", "yes")] == [
        (row.split()[0], row.split()[-2]) for row in rows
    ]
    assert "database" in rows[0]
    assert "files of web1.example.com" in rows[1]
    (one,) = archive_names.all_kept(str(tmp_path), "a-b.example.com")
    assert {"site": "a-b.example.com", "made": "2025-11-04T02:00:00Z", "what": "database", "machine": None}.items() <= (
        archives.plain(one).items()
    )
    assert [] == archive_names.all_kept(str(tmp_path), "old.example.co")


def test_only_the_recipients_read_a_sheet(tmp_path: Path) -> None:
    person, stranger = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
    sheet, key, other = tmp_path / "sheet.age", tmp_path / "key.txt", tmp_path / "other.txt"
    sheet.write_bytes(recovery.encrypted(b'{"keys": {"x": "the key"}}', [str(person.to_public())]))
    key.write_text(f"# created: today\n{person}\n")
    other.write_text(f"{stranger}\n")
    assert b"the key" not in sheet.read_bytes()
    assert {"keys": {"x": "the key"}} == recover.decrypted(sheet, key)
    with pytest.raises(Refusal, match="was encrypted for others"):
        recover.decrypted(sheet, other)
    with pytest.raises(Refusal, match=r"Name one in aegir:backups\.recipients"):
        recovery.encrypted(b"", [])


def test_a_timer_has_no_secret_and_runs_what_is_due(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    timer = timers.Timer(project=tmp_path, environment={"PULUMI_CONFIG_PASSPHRASE_FILE": '/etc/a "file"'})
    service = timer.texts()[f"{timer.name}.service"]
    assert f"--cwd {tmp_path} backup --due\n" in service
    assert 'Environment="PULUMI_CONFIG_PASSPHRASE_FILE=/etc/a \\"file\\""\n' in service
    assert "OnCalendar=*:0/10" in timer.texts()[f"{timer.name}.timer"]
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "a passphrase")
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE_FILE", raising=False)
    with pytest.raises(Refusal, match="PULUMI_CONFIG_PASSPHRASE_FILE"):
        timers._environment()


def test_restic_gets_no_secret_in_its_arguments_or_environment(tmp_path: Path) -> None:
    places = [
        Repository(
            name="s3", kind="s3", path="bucket/x", address="https://s3.example", access_key="hub", secret_key="secret1"
        ),
        Repository(
            name="nas", kind="sftp", path="/srv", address="nas", user="b", identity="/root/id", host_key="ssh-ed25519 A"
        ),
        Repository(name="hub", kind="directory", path="/var/aegir/backups"),
    ]
    for place in places:
        opened = Opened(target=Target(repository=place, owner="www.example.com", key="secret2"), directory=tmp_path)
        said = " ".join([*opened.words(), *opened.environment.values()])
        assert "secret1" not in said
        assert "secret2" not in said
        assert opened.target.address.endswith("/www.example.com")


def test_the_reason_of_ssh_is_given_also_where_restic_ended_before_it_had_read_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Repository(
        name="nas", kind="sftp", path="/srv", address="nas", user="b", identity="/root/id", host_key="ssh-ed25519 A"
    )
    opened = Opened(target=Target(repository=place, owner="www.example.com", key="secret2"), directory=tmp_path)
    (tmp_path / "ssh").write_text("#!/bin/sh\necho 'Host key verification failed.' >&2\nexit 255\n")
    (tmp_path / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    short = "Fatal: unable to start the sftp session, error: server unexpectedly closed connection: unexpected EOF"

    assert "unexpected EOF (Host key verification failed.)" in str(opened.explained("unlock", 1, short))
    whole = f"subprocess ssh: Connection refused\n{short}"
    assert "Host key" not in str(opened.explained("unlock", 1, whole))


def test_a_lock_is_free_at_once_also_while_a_process_begins_that_has_its_file(tmp_path: Path) -> None:
    book = Book(hub_root=str(tmp_path), stack="aegir/test", site="www.example.com")
    with book.held():
        child = os.fork()
        if not child:
            # Between fork and exec, as a process of another thread's.
            signal.pause()
            os._exit(0)
    try:
        with book.held():
            pass
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_what_a_repository_has_and_the_hub_forgot_is_learnt(tmp_path: Path) -> None:
    book = Book(hub_root=str(tmp_path), stack="aegir/test", site="www.example.com")
    first = Snapshot(
        id="aaaa", time="2026-11-01T02:00:00.123456789Z", tags=("note=for%20ever", "why=due"), added=1, size=2
    )
    book.learn("hub", [first])
    book.learn("attic", [Snapshot(id="bbbb", time=first.time, tags=(), added=1, size=2, original="aaaa")])
    (one,) = book.backups()
    assert ("aaaa", "for ever", {"hub": "aaaa", "attic": "bbbb"}) == (one.id, one.note, one.copies)
    assert not one.is_proven, "nobody knows of a proof"
    book.lose("hub")
    assert {"attic": "bbbb"} == book.backups()[0].copies
    book.lose("attic")
    assert () == book.backups()


@pytest.mark.parametrize(
    ("text", "expected"),
    [("2026-11-29T07:22:00.123456789Z", 1795936920), ("2026-11-29T08:22:00+01:00", 1795936920), ("never", 0)],
)
def test_restics_times_are_read(text: str, expected: int) -> None:
    assert expected == seconds(text)


def test_the_age_is_in_words() -> None:
    now = datetime.fromisoformat("2026-11-10T12:00").astimezone()
    ages = [
        datetime.fromisoformat(text).astimezone()
        for text in ("2026-11-10T11:30", "2026-11-09T12:00", "2026-11-01T12:00")
    ]
    assert ["30 min", "24 h", "9 days", "ever"] == [kept._age(then, now) for then in [*ages, None]]


@pytest.mark.parametrize(
    ("then", "advice"),
    [
        (
            "code 1111",
            "belongs to release 1111 of code (made from revision 0a1b of its source), and www.example.com is on 3333 of code; if "
            "it is kept, write `release: 1111` at the site, or `rollback: 1111` at the platform, and run pulumi up --stack "
            "prod. With",
        ),
        ("shop 2222", "write `platform: shop` at the site and run pulumi up --stack prod. With"),
        ("shop 1111", " of code. With"),
        ("gone 1111", " of code. With"),
    ],
)
def test_a_backup_of_other_code_leads_to_where_that_code_is(
    then: str, advice: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records.save(tmp_path, records.Record(
        platform="code", digest="1111", files=1, application="drupal", docroot=".", source="/srv/code", revision="0a1b"
    ))  # fmt: skip
    monkeypatch.setattr(restore, "_code", lambda *_: {"platform": "code", "name": "3333"})
    live = {"code": SimpleNamespace(name="3333"), "shop": SimpleNamespace(name="2222")}
    unlocked: Any = SimpleNamespace(
        state=SimpleNamespace(releases=live), stack=SimpleNamespace(name="prod"),
        declared=SimpleNamespace(hub=SimpleNamespace(root=str(tmp_path))),
    )  # fmt: skip
    site: Any = SimpleNamespace(name="www.example.com", platform="code")
    with pytest.raises(Refusal, match=re.escape(advice)):
        restore._fits(unlocked, site, replace(KNOWN[0], release=then), allowed=False)


FARM = State(
    stack="prod",
    sites={
        name: Site(identity=name,
                   installation=outputs({"name": name, "platform": platform, "members": members(server), "application": app}),
                   configuration=outputs({"accounts": accounts(database)}))
        for name, platform, server, database, app in (
            ("www.a.org", "code", "web1", "db1", "drupal"), ("www.b.org", "shop", "web2", "db1", "wordpress"),
            ("c.org", "shop", "web2", "db2", "wordpress"),
        )
    },
)  # fmt: skip
KNOWN_AS = replace(FARM, sites={**FARM.sites, "c.org": replace(FARM.sites["c.org"], identity="known.org")})
"""The farm with a site that was renamed."""
UNLOCKED = Unlocked(
    stack=Mock(**{"drawn.return_value.sites": {}}),
    state=FARM,
    keys={"gone.org": "key"},
    declared=Mock(sites={}, **{"backups.off": False}),
)


@pytest.mark.parametrize(
    ("selection", "database", "names"),
    [
        (Selection(words=("c.org",)), None, ["c.org"]),
        (Selection(words=("C.org", "c.org", "gone.org")), None, ["c.org", "gone.org"]),
        (Selection(words=("www*",)), None, ["www.a.org", "www.b.org"]),
        (Selection(words=("www*",), platforms=("shop",)), None, ["www.b.org"]),
        (Selection(servers=("web2",)), None, ["c.org", "www.b.org"]),
        (Selection(), "db1", ["www.a.org", "www.b.org"]),
        (Selection(applications=("wordpress",)), "db1", ["www.b.org"]),
        (Selection(everything=True), None, ["c.org", "www.a.org", "www.b.org"]),
    ],
    ids=str,
)
def test_the_sites_of_a_restore_are_selected_as_in_other_commands(
    selection: Selection, database: str | None, names: list[str]
) -> None:
    found = restored.names(UNLOCKED, selection, database)
    assert len(names) == len(found)
    assert names == [name.lower() for name in found]


@pytest.mark.parametrize("due", [False, True])
def test_a_stack_without_backups_is_told_to_declare_them_and_is_never_due(
    due: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare: Any = SimpleNamespace(name="prod", drawn=lambda: SimpleNamespace(backups=None))
    declared: Any = SimpleNamespace(backups=None, sites={})
    monkeypatch.setattr(Unlocked, "read", lambda _stack: replace(UNLOCKED, stack=bare, declared=declared))
    if due:
        assert backup._wanted(bare, Selection(), due=True) is None
        return
    with pytest.raises(Refusal, match="aegir:backups is not declared in the stack file of prod"):
        backup._wanted(bare, Selection(words=("www.a.org",)), due=False)


def test_a_site_without_any_backup_is_told_how_to_get_one() -> None:
    with pytest.raises(Refusal, match=r"knows of no backup of www\.a\.org\. `aegir backup www\.a\.org` makes one"):
        choosing.choose((), None, None, "www.a.org")


@pytest.mark.parametrize(
    ("selection", "names"),
    [
        (Selection(words=("www*",)), ["www.a.org"]),
        (Selection(platforms=("shop",)), ["c.org"]),
        (Selection(everything=True), ["www.a.org", "c.org"]),
        (Selection(words=("www.b.org", "c.org")), "backups are off for www.b.org in the stack file"),
        (Selection(words=("www.b*",)), "backups are off for all sites that you selected"),
    ],
    ids=str,
)
def test_the_sites_of_a_backup_are_selected_and_those_without_backups_are_passed_over(
    selection: Selection, names: list[str] | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Unlocked, "read", lambda _stack: UNLOCKED)
    monkeypatch.setattr(Unlocked, "plan", lambda _self, site: None if site == "www.b.org" else Mock())
    if isinstance(names, str):
        with pytest.raises(Refusal, match=names):
            backup._wanted(UNLOCKED.stack, selection, due=False)
        return
    found = backup._wanted(UNLOCKED.stack, selection, due=False)
    assert found is not None
    assert names == [site.identity for site in found[1]]


@pytest.mark.parametrize(
    ("selection", "names"),
    [
        (Selection(everything=True), ["c.org", "www.b.org"]),
        (Selection(words=("www*",)), ["www.b.org"]),
        (Selection(words=("www.a.org", "c.org")), "www.a.org is no WordPress site"),
        (Selection(platforms=("code",)), "www.a.org is no WordPress site"),
    ],
    ids=str,
)
def test_the_sites_of_a_rewrite_are_those_of_wordpress(selection: Selection, names: list[str] | str) -> None:
    if isinstance(names, str):
        with pytest.raises(Refusal, match=names):
            rewrite._chosen(UNLOCKED, selection)
        return
    assert names == [site.name for site in rewrite._chosen(UNLOCKED, selection)]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("c.*", "c.org"), ("c.org", "c.org"), ("C.ORG", "c.org"), ("known.*", "c.org"), ("www*", "2 sites of prod fit www"),
        ("x*", "has no site x"),
    ],
)  # fmt: skip
def test_a_command_for_one_site_takes_the_words_of_all_commands(name: str, found: str) -> None:
    if found == "c.org":
        assert found == login.find(KNOWN_AS, name).name
        assert [found] == [site.name for site in selecting.pick(KNOWN_AS, Selection(words=(name,)), dict)]
        return
    with pytest.raises(Refusal, match=found):
        login.find(KNOWN_AS, name)


def test_the_caches_of_another_sites_database_are_cleared(monkeypatch: pytest.MonkeyPatch) -> None:
    cleared: list[str] = []
    monkeypatch.setattr(events, "clear_caches", lambda site, server, _command: cleared.append(f"{site.name} {server}"))
    site: Any = SimpleNamespace(name="new", identity="new", enabled=True, installation={}, members={"web1": {}})
    for identity, part in (("new", Part()), ("www", Part(database=False)), ("www", Part())):
        restore._forget_pages(
            restore.Chosen(identity=identity, site=site, backup=KNOWN[0], known=(), part=part, original="")
        )
    assert ["new web1"] == cleared
