"""A backup before an update or a move: made once, proven as planned, and what is said where there is none."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from aegir_components.backups import about, safety, saving
from aegir_components.backups.book import Backup, Book, BusyError, Proof
from aegir_components.backups.packed import Packed
from aegir_components.backups.repository import BackupError, Target
from aegir_components.backups.saving import Job
from aegir_components.backups.source import Place, Source
from aegir_components.moving import safety as before_move
from aegir_components.mysql.client import Endpoint
from aegir_components.remote.connection import Connection
from aegir_components.rollout import safety as before_update
from aegir_components.rollout.update import NotUpdated
from aegir_components.scripts import script
from aegir_components.settings import Backups, Plan, Repository
from aegir_components.settings.backups import Keep
from aegir_components.sources import records

SITE = "www.example.com"
GOOD = Proof(at=1, seconds=1, ok=True, text="restored")
STACK_FILE = f"""\
config:
  aegir:sites:
    {SITE}: {{platform: code, admin: {{mail: a@example.com, password: {{secure: v1:AAAA}}}}}}
    bücher.example.com: {{platform: other}}
"""


@pytest.fixture
def job(tmp_path: Path) -> Job:
    place = Repository(name="hub", kind="directory", path=str(tmp_path / "hub"))
    (tmp_path / "hub" / SITE).mkdir(parents=True)
    return Job(
        source=SimpleNamespace(site=SITE, name=SITE), plan=Plan(), tell=lambda _text: None,  # type: ignore[arg-type]
        targets=(Target(repository=place, owner=SITE, key="k"),),
        book=Book(hub_root=str(tmp_path), stack="aegir/prod", site=SITE),
    )  # fmt: skip


def backup(age: float = 1.0, *, proof: Proof | None = GOOD, **facts: Any) -> Backup:
    return Backup(
        id="aaaa1111", begun=int(time.time() - age), **{"proof": proof, "copies": {"hub": "aaaa1111"}, **facts}
    )


def made(found: Backup) -> Callable[..., Backup]:
    def save(job: Job, *, why: str) -> Backup:
        assert job.start is None
        assert why == "before an update"
        return found

    return save


def test_a_site_is_backed_up_and_the_backup_is_named(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    found = backup(not_saved=("view orphan",), failed={"attic": "it is full"})
    monkeypatch.setattr(saving, "save", made(found))
    saved = safety.save_before(job, "an update")
    assert saved.line == (
        "it is backed up as aaaa1111, in hub; the backup lacks view orphan; it is not in attic: it is full"
    )


@pytest.mark.parametrize(
    ("known", "counts"),
    [
        (lambda: backup(5), True),
        (lambda: backup(safety.RECENT + 5), False),
        (lambda: backup(-3600), False),
        (lambda: backup(5, proof=None), False),
        (lambda: backup(5, not_saved=("a file",)), False),
        (lambda: backup(5, copies={"attic": "aaaa1111"}), False),
    ],
    ids=["a moment ago", "long ago", "of a clock that was ahead", "not proven", "incomplete", "elsewhere"],
)
def test_two_are_not_made_within_minutes(
    job: Job, known: Callable[[], Backup], counts: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Made now: on a slow machine the tests were collected long ago.
    job.book.put(known())
    monkeypatch.setattr(saving, "save", made(backup()))
    assert safety.save_before(job, "an update").is_new is not counts


def test_one_of_a_moment_ago_does_not_count_when_its_repository_is_gone(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    job.book.put(backup(5))
    Path(job.targets[0].address).rmdir()

    def save(*_: object, **__: object) -> Backup:
        raise BackupError("repository hub is gone: it had 1 backups")

    monkeypatch.setattr(saving, "save", save)
    with pytest.raises(BackupError, match=r"before an update: repository hub is gone.*`backups: off` at the site"):
        safety.save_before(job, "an update")


def test_a_backup_that_cannot_be_proven_is_none(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = backup(proof=Proof(at=1, seconds=1, ok=False, text="table a has 1 rows of 2"))
    monkeypatch.setattr(saving, "save", made(bad))
    with pytest.raises(BackupError, match=r"aaaa1111 was made and could not be proven: table a has 1 rows of 2"):
        safety.save_before(job, "an update")


def test_it_waits_for_the_nightly_backup_and_takes_that(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*_: object, **__: object) -> Backup:
        job.book.put(backup())
        raise BusyError("another run is at work")

    monkeypatch.setattr(saving, "save", busy)
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    assert not safety.save_before(job, "an update").is_new


def test_it_does_not_wait_for_ever(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*_: object, **__: object) -> Backup:
        raise BusyError("another run is at work")

    monkeypatch.setattr(saving, "save", busy)
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    with pytest.raises(BackupError, match="another run is at work"):
        safety.save_before(job, "an update", patience=0)


def test_plans_and_keys_come_to_the_providers_as_one_text(tmp_path: Path) -> None:
    places = {
        "hub": Repository(name="hub", kind="directory", path="/x"),
        "offsite": Repository(name="offsite", kind="s3", path="b", address="https://s3", secret_key="hidden-words"),
        "unused": Repository(name="unused", kind="directory", path="/y"),
    }
    plans = {
        f"s{number}": Plan(to=("hub", "offsite"), keep=Keep(daily=3), exclude=("*/cache/*",)) for number in range(9)
    }
    keys = '{"s0": "key-of-s0", "s1": "key-of-s1", "elsewhere": "key-of-another"}'
    packed = Packed.of(Backups(repositories=places), plans, keys, tmp_path / "Pulumi.prod.yaml")
    read = Packed.read(packed.text)
    assert read == packed
    assert "key-of-another" not in packed.text
    assert "unused" not in packed.text
    assert packed.text.count("*/cache/*") == 1, "sites with the same plan share it"
    assert set(read.secrets) == {"key-of-s0", "key-of-s1", "hidden-words"}
    assert Packed.read("") == Packed()


def source(known: Any = None) -> Source:
    conn = Connection(host="web1", address="192.0.2.1", user="root", hub_root="/nowhere")
    return Source(
        site=SITE, name=SITE, server="db1", conn=conn, database="www_example_com", account="www", clients=("192.0.2.1",),
        endpoint=Endpoint(server="db1", address="192.0.2.2", port=3306, user="hub", password=""), holder="aegir/prod",
        places=(Place(label="web1", conn=conn, home="/x", parts=("private",)),), about=known or {},
    )  # fmt: skip


def test_a_job_has_the_declaration_without_secrets_and_directories_first(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.prod.yaml"
    file.write_text(STACK_FILE)
    places = {
        "offsite": Repository(name="offsite", kind="s3", path="b", address="https://s3"),
        "hub": Repository(name="hub", kind="directory", path=str(tmp_path)),
    }
    packed = Packed.of(Backups(repositories=places), {SITE: Plan(to=("offsite", "hub"))}, f'{{"{SITE}": "k"}}', file)
    job = packed.job(SITE, source, {"platform": "code", "name": "1111"}, str(tmp_path), print)
    assert job is not None
    assert ["hub", "offsite"] == [target.name for target in job.targets]
    assert {"platform": "code", "admin": {"mail": "a@example.com"}} == job.source.about["declaration"]
    assert {"platform": "code", "name": "1111"} == job.source.about["release"]
    assert ("aegir/prod", SITE) == (job.book.stack, job.book.site)
    assert packed.job("other.example.com", source, {}, str(tmp_path), print) is None
    lost = Packed.of(Backups(repositories=places), {SITE: Plan()}, "{}", file)
    with pytest.raises(BackupError, match="has no key"):
        lost.job(SITE, source, {}, str(tmp_path), print)
    assert {"platform": "other"} == about.declaration(file, "xn--bcher-kva.example.com")
    assert {} == about.declaration(tmp_path / "none.yaml", SITE)


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        ("", ("code", "1" * 16, "1.0")),
        ("AEGIR_DOCROOT=/var/aegir/platforms/.releases/code/1111111111111111/web", ("code", "1" * 16, "1.0")),
        ("AEGIR_DOCROOT=/var/aegir/platforms/.releases/code/2222222222222222/web", ("code", "2" * 16, "2.0")),
        ("AEGIR_DOCROOT=/var/aegir/platforms/.releases/gone/3333333333333333", ("gone", "3" * 16, "")),
    ],
    ids=["on the live one", "held back on it", "held back on another one", "of a platform that no record knows"],
)
def test_a_backup_names_the_release_that_a_site_is_held_back_on(
    held: str, expected: tuple[str, str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records.save(tmp_path, records.Record(
        platform="code", digest="2" * 64, files=1, application="drupal", docroot="web", source="/x", version="2.0"
    ))  # fmt: skip
    one = source({"release": about.release("code", "1" * 16, version="1.0", application="drupal")})
    conn = replace(one.places[0].conn, hub_root=str(tmp_path))
    one = replace(one, places=(replace(one.places[0], conn=conn),))
    monkeypatch.setattr(script, "execute", lambda *_, **__: SimpleNamespace(facts={"held": held} if held else {}))
    found = about.with_own_release(one).about["release"]
    assert expected == (found["platform"], found["name"], found["version"])


def test_an_update_without_backups_goes_on_and_one_that_cannot_be_backed_up_does_not(job: Job) -> None:
    site: Any = SimpleNamespace(site=SITE, name=SITE)
    assert before_update.save(lambda _site, _code: None, site, {}) == ""

    def broken(_site: object, _code: object) -> Job:
        raise BackupError("it has no key for its backups yet")

    with pytest.raises(NotUpdated, match="has no key"):
        before_update.save(broken, site, {})
    job.book.put(backup())
    assert before_update.save(lambda _site, _code: job, site, {}) == "backup aaaa1111 is of a moment ago, in hub"


def test_a_move_without_backups_asks_nobody() -> None:
    site: Any = SimpleNamespace(key=SITE)
    assert before_move.saver("")(site) == ""
