"""Archives of removals that nobody can read without the stack's key."""

from __future__ import annotations

import getpass
import gzip
import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyrage
import pytest

from aegir_components.archives import encrypting, keeping
from aegir_components.archives import names as archive_names
from aegir_components.backups.imported import Archives
from aegir_components.backups.repository import BackupError
from aegir_components.cli import decrypt as decrypting
from aegir_components.cli.ends import Refusal
from aegir_components.inputs import key_owners
from aegir_components.mysql import client, databases
from aegir_components.providers import archived, backup_keys
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import HostError, Refused

STACK, SITE = "aegir/prod", "www.example.com"
SECRET = b"a row that nobody else may read\n" * 40_000


@pytest.fixture
def conn(tmp_path: Path) -> Connection:
    return Connection(host="web1", address="", kind="local", user=getpass.getuser(), hub_root=str(tmp_path / "hub"))


@pytest.fixture
def key(conn: Connection) -> str:
    found = encrypting.new_key()
    encrypting.publish(conn.hub_root, STACK, found)
    return found


@pytest.fixture
def keys(conn: Connection, key: str) -> encrypting.Keys:
    assert key
    found = encrypting.Keys.of(conn.hub_root, STACK)
    assert found is not None
    return found


def content(path: Path, key: str) -> bytes:
    with encrypting.reading(path, key) as stream:
        return b"".join(iter(lambda: stream.read(1000), b""))


def made(conn: Connection, keys: encrypting.Keys, path: Path) -> Path:
    source = path.with_suffix(".source")
    source.write_bytes(SECRET)
    encrypting.receive(conn, ["cat", str(source)], path, keys, called="reading it")
    source.unlink()
    return path


def test_what_a_program_prints_is_in_no_file_in_clear(
    conn: Connection, key: str, keys: encrypting.Keys, tmp_path: Path
) -> None:
    path = made(conn, keys, tmp_path / "x.age")

    assert b"age-encryption.org" == path.read_bytes()[:18]
    assert b"nobody else" not in path.read_bytes()
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert content(path, key) == content(path, keys.own) == SECRET
    assert pyrage.decrypt(path.read_bytes(), [pyrage.x25519.Identity.from_str(key)]) == SECRET


@pytest.mark.parametrize("damage", [lambda whole: whole[:-40_000], lambda whole: whole[:-9] + b"x" + whole[-8:]])
def test_a_damaged_archive_has_no_end(
    conn: Connection, keys: encrypting.Keys, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    path = made(conn, keys, tmp_path / "x.age")
    path.write_bytes(damage(path.read_bytes()))

    with pytest.raises(encrypting.UnreadableError, match="cannot be decrypted"):
        content(path, keys.own)
    with pytest.raises(encrypting.UnreadableError, match="cannot be decrypted"):
        encrypting.send(conn, ["cat"], path, keys.own, called="reading it")


def test_another_key_reads_nothing(conn: Connection, keys: encrypting.Keys, tmp_path: Path) -> None:
    path = made(conn, keys, tmp_path / "x.age")

    with pytest.raises(encrypting.UnreadableError, match="No matching keys"):
        content(path, encrypting.new_key())


def test_a_reader_may_stop_early(conn: Connection, keys: encrypting.Keys, tmp_path: Path) -> None:
    path = made(conn, keys, tmp_path / "x.age")

    with encrypting.reading(path, keys.own) as stream:
        assert stream.read(10) == SECRET[:10]


def test_a_program_that_fails_leaves_no_file(conn: Connection, keys: encrypting.Keys, tmp_path: Path) -> None:
    path = tmp_path / "x.age"

    with pytest.raises(HostError, match="no such row"):
        encrypting.receive(conn, ["sh", "-c", "echo some; echo no such row >&2; exit 2"], path, keys, called="dumping")

    assert not path.exists()


def test_an_encrypted_file_is_a_programs_input(conn: Connection, keys: encrypting.Keys, tmp_path: Path) -> None:
    path, to = made(conn, keys, tmp_path / "x.age"), tmp_path / "out"

    encrypting.send(conn, ["sh", "-c", f"cat >{to}"], path, keys.own, called="writing it")

    assert to.read_bytes() == SECRET


def test_a_stack_without_a_key_has_none_and_a_broken_one_stops_the_removal(conn: Connection) -> None:
    assert encrypting.Keys.of(conn.hub_root, STACK) is None
    path = encrypting.recipient_file(conn.hub_root, STACK)
    path.parent.mkdir(parents=True)
    path.write_text("age1nothing")

    with pytest.raises(Refused, match="nothing was removed"):
        encrypting.Keys.of(conn.hub_root, STACK)


def test_no_key_is_in_what_python_shows_of_it(keys: encrypting.Keys) -> None:
    assert keys.own not in repr(keys)
    assert keys.own not in repr(archived.Kept(Path("x"), keys.own))
    assert keys.own not in repr(Archives(dump=None, files=(), key=keys.own))


def test_a_dump_that_the_stack_of_now_cannot_read_is_none(
    conn: Connection, keys: encrypting.Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A state that was lost has its key with it: the removal makes another dump, and does not trust the one of before."""
    sums = {"posts": 7}
    monkeypatch.setattr(databases, "checksums", lambda *_given: sums)
    endpoint = client.Endpoint(server="db1", address="10.0.0.3", port=3306, user="aegir_root", password="p")
    other = encrypting.Keys(recipient="age1another", own="")

    def has(dump: str, recorded: dict[str, object], now: encrypting.Keys | None) -> bool:
        path = archive_names.directory(conn) / dump
        path.write_bytes(b"")
        record = path.parent / ".sums" / f"{path.name}.json"
        record.parent.mkdir(exist_ok=True)
        record.write_text(json.dumps({"database": "base", "sums": sums, **recorded}))
        found = keeping.has_database(conn, endpoint, "base", "www.example.com", now)
        path.unlink()
        return found

    encrypted = "www.example.com-20260101T000000Z.sql.gz.age"
    assert has(encrypted, {"recipient": keys.recipient}, keys)
    assert not has(encrypted, {"recipient": keys.recipient}, other)
    assert not has(encrypted, {"recipient": keys.recipient}, None)
    clear = "www.example.com-20260101T000000Z.sql.gz"
    assert has(clear, {}, None), "of an earlier version"
    assert has(clear, {"recipient": ""}, None)
    assert not has(clear, {}, keys), "what is kept is encrypted now"
    assert not has(encrypted, {"recipient": keys.recipient, "sums": {"posts": 8}}, keys)


def test_an_archive_of_files_is_encrypted_proven_and_unpacked(
    conn: Connection, key: str, keys: encrypting.Keys, tmp_path: Path
) -> None:
    site = tmp_path / "site"
    (site / "files").mkdir(parents=True)
    (site / "files" / "a.txt").write_bytes(SECRET)

    kept = keeping.save_files(conn, str(site), SITE, keys)

    assert kept is not None
    assert kept.name.endswith("-web1-files.tar.gz.age")
    assert [kept] == archive_names.kept(conn, SITE)
    assert kept.name == archive_names.newest(conn.hub_root)(SITE)
    assert not [path for path in kept.parent.rglob("*") if path.is_file() and b"nobody else" in path.read_bytes()]
    assert b"files/a.txt" in gzip.decompress(content(kept, key))
    assert kept == Archives.find(conn.hub_root, SITE, key).files[0]
    with pytest.raises(BackupError, match="encrypted, and the stack's state has no key"):
        Archives.find(conn.hub_root, SITE)


def test_an_archive_that_lacks_a_file_is_none(
    conn: Connection, keys: encrypting.Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "a").write_text("a")
    monkeypatch.setattr(keeping, "_entries", lambda _path, _key: 1)

    with pytest.raises(Refused, match="1 entries of 2; nothing was removed"):
        keeping.save_files(conn, str(site), SITE, keys)

    assert [] == archive_names.kept(conn, SITE)


def test_archives_of_an_earlier_version_are_found_beside_encrypted_ones(tmp_path: Path) -> None:
    place = tmp_path / "backups"
    place.mkdir()
    for name in (
        "20260101T000000Z-web1-files.tar.gz", "20260101T000001Z.sql.gz", "20260201T000001Z.sql.gz.age",
        "20260201T000000Z-web1-files.tar.gz.age", "20260101T000000Z-web2-files.tar.gz",
    ):  # fmt: skip
        (place / f"{SITE}-{name}").touch()

    found = Archives.find(str(tmp_path), SITE, "a key")

    assert found.dump == place / f"{SITE}-20260201T000001Z.sql.gz.age"
    assert {path.name.partition("Z-")[2] for path in found.files} == {"web1-files.tar.gz.age", "web2-files.tar.gz"}
    assert found == Archives.from_props(json.loads(json.dumps(found.to_props())))


def test_a_removal_that_was_begun_knows_how_to_read_its_archive(conn: Connection, tmp_path: Path) -> None:
    archives = archived.Archives(hub_root=conn.hub_root, stack=STACK, site=SITE)
    new, old = tmp_path / "new.age", tmp_path / "old"
    for path in (new, old):
        path.touch()

    archives.note([(conn, "/a", archived.Kept(new, "its key"))])
    archives.note([(conn, "/b", archived.Kept(old))])

    assert archives.of(conn, "/a") == archived.Kept(new, "its key")
    assert archives.of(conn, "/b") == archived.Kept(old)
    archives.forget()
    assert archives.of(conn, "/a") is None
    assert not [path for path in Path(conn.hub_root).rglob("*") if path.is_file() and b"its key" in path.read_bytes()]


def test_a_stack_with_keys_of_an_earlier_version_gets_one_for_archives(tmp_path: Path) -> None:
    provider = backup_keys.BackupKeysProvider()
    want: dict[str, Any] = {"hub_root": str(tmp_path), "holder": STACK, "sites": [SITE]}
    olds = {**want, "keys": json.dumps({":hub": "h", SITE: "s"})}
    assert provider.diff("", olds, want).changes

    inputs, former = backup_keys.BackupKeysInputs.from_props(want), backup_keys.BackupKeysState.from_props(olds)
    keys = provider.converge(inputs, former)["keys"]

    known = json.loads(keys)
    assert known[":hub"] == "h"
    assert known[SITE] == "s"
    assert encrypting.is_published(str(tmp_path), STACK, known[key_owners.ARCHIVES])
    assert not provider.diff("", {**want, "keys": keys}, want).changes
    made = backup_keys.BackupKeysState.from_props({**want, "keys": keys})
    assert keys == provider.converge(inputs, made)["keys"], "a key is never changed"


def test_a_hub_without_the_public_key_gets_it_from_the_state_and_nothing_is_a_change(tmp_path: Path) -> None:
    """A hub that was recovered, the second one of a team, and each new runner of a pipeline."""
    provider = backup_keys.BackupKeysProvider()
    want: dict[str, Any] = {"hub_root": str(tmp_path), "holder": STACK, "sites": [SITE]}
    have = {**want, **provider.converge(backup_keys.BackupKeysInputs.from_props(want), None)}
    path = encrypting.recipient_file(str(tmp_path), STACK)
    published = path.read_text()
    for other in (None, "age1somebodyelses\n"):
        if other is None:
            path.unlink()
        else:
            path.write_text(other)
        assert not provider.diff("", have, want).changes
        backup_keys.publish_again(str(tmp_path), STACK, backup_keys.BackupKeysState.from_props(have))
        assert published == path.read_text()
    without = backup_keys.BackupKeysState.from_props({**want, "keys": json.dumps({":hub": "h"})})
    backup_keys.publish_again(str(tmp_path), STACK, without)
    assert published == path.read_text()


def test_a_file_in_clear_is_read_without_this_command(tmp_path: Path) -> None:
    path = tmp_path / "x.sql.gz"
    path.touch()
    with pytest.raises(Refusal, match="is not encrypted"):
        decrypting.decrypt.callback.__wrapped__(file=path, chosen="prod")  # type: ignore[union-attr]
