"""A release on its normal way: packed by the hub, sent as a stream, unpacked and proven by a real shell, switched."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aegir_components.applications import APPLICATIONS
from aegir_components.hub import spool
from aegir_components.providers import release
from aegir_components.remote import rsync
from aegir_components.remote.connection import Connection
from aegir_components.sources import tree
from tests.provider.directory import DirectoryMachine

PLATFORMS = "var/aegir/platforms"
Inputs = dict[str, Any]


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[DirectoryMachine]:
    made = DirectoryMachine.made(tmp_path / "machine", tmp_path / "programs")
    # What the web service of a server has made before any release comes.
    (made.root / "var/aegir/config/apache/platform.d").mkdir(parents=True)
    with made.installed():
        yield made


@pytest.fixture
def source(tmp_path: Path) -> Path:
    code = tmp_path / "code"
    (code / "web/core/lib").mkdir(parents=True)
    (code / "web/sites").mkdir()
    for number in range(40):
        (code / f"web/core/lib/File{number}.php").write_bytes(b"<?php // %d\n" % number * 200)
    (code / "web/index.php").write_text("<?php // first\n")
    (code / "web/a name with spaces.txt").write_bytes(bytes(range(256)) * 64)
    (code / "run").write_text("#!/bin/sh\n")
    (code / "run").chmod(0o755)
    (code / "web/link.php").symlink_to("index.php")
    return code


def declared(source: Path, hub: Path) -> Inputs:
    patterns = APPLICATIONS["drupal"].exclusions
    found = tree.read(source, patterns, "web", hub / "sums")
    members = {
        "web1": {"connection": Connection(host="web1", address="x", hub_root=str(hub)).to_props(), "type": "apache"}
    }
    return {
        "platform": "code", "publish_path": f"/{PLATFORMS}/code", "digest": found.digest, "files": found.files,
        "source": str(source), "application": "drupal", "docroot": "web", "keep": 3, "allow_shrink": False,
        "members": members, "templates": "0" * 16, "holder": "aegir/test",
    }  # fmt: skip


def content(place: Path) -> dict[str, Any]:
    """Read a tree: a link's target, a file's bytes and whether it is a program; links that aegir makes are left out."""
    found: dict[str, Any] = {}
    for path in sorted(place.rglob("*")):
        name = str(path.relative_to(place))
        if path.is_symlink():
            if not str(path.readlink()).startswith("/"):
                found[name] = str(path.readlink())
        elif path.is_file():
            found[name] = (path.read_bytes(), bool(path.stat().st_mode & 0o100))
    return found


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    (tmp_path / "hub").mkdir()
    return tmp_path / "hub"


def drift(provider: release.ReleaseProvider, known_as: str, outs: Inputs | None) -> list[str]:
    seen = provider.read(known_as, outs or {}).outs
    assert seen is not None
    return list(seen["drift"])


def live(machine: DirectoryMachine) -> Path:
    return (machine.root / PLATFORMS / "code").readlink()


def staged(machine: DirectoryMachine) -> list[str]:
    return sorted(path.name for path in (machine.root / PLATFORMS / ".releases/code").iterdir() if path.is_dir())


def test_a_first_release_then_a_changed_file_come_as_streams_and_go_live(
    machine: DirectoryMachine, source: Path, hub: Path
) -> None:
    provider = release.ReleaseProvider()
    first = declared(source, hub)
    made = provider.create(first)

    assert content(source) == content(live(machine))
    assert live(machine).name == first["digest"][:16]
    assert provider.diff(made.id, made.outs, first).changes is False
    assert [] == drift(provider, made.id, made.outs)

    (source / "web/index.php").write_text("<?php // second\n")
    (source / "web/core/lib/File7.php").unlink()
    second = declared(source, hub)
    assert provider.diff(made.id, made.outs, second).changes is True
    updated = provider.update(made.id, made.outs, second)

    assert content(source) == content(live(machine))
    assert {first["digest"][:16], second["digest"][:16]} == set(staged(machine))
    assert [] == drift(provider, made.id, updated.outs)
    whole, difference = machine.sent
    assert 0 < difference < whole
    # What did not change is the same file in both releases.
    same = "web/core/lib/File1.php"
    former = live(machine).parent / first["digest"][:16]
    assert (live(machine) / same).stat().st_ino == (former / same).stat().st_ino

    provider.delete(made.id, updated.outs)
    assert not (machine.root / PLATFORMS / "code").is_symlink()
    assert not (machine.root / PLATFORMS / ".releases/code").exists()


def cut(stream: bytes) -> bytes:
    return stream[: len(stream) * 2 // 3]


def damaged(stream: bytes) -> bytes:
    """Change one byte of a file's content; an archive has no checksum of that."""
    at = stream.index(b"<?php // second") + len(b"<?php // ")
    return stream[:at] + b"X" + stream[at + 1 :]


DAMAGES = [
    pytest.param(cut, True, "did not arrive whole", id="cut, compressed"),
    pytest.param(damaged, False, "is not what the hub read", id="damaged"),
]


@pytest.mark.parametrize(("damage", "compress", "why"), DAMAGES)
def test_a_stream_that_arrives_otherwise_than_it_was_sent_is_refused_and_nothing_is_switched(
    damage: Callable[[bytes], bytes], compress: bool, why: str, machine: DirectoryMachine, source: Path, hub: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    if compress and not spool.can_compress():
        pytest.skip("zstd is not installed")
    monkeypatch.setattr(spool, "can_compress", lambda: compress)
    provider = release.ReleaseProvider()
    first = declared(source, hub)
    made = provider.create(first)
    before, was = content(live(machine)), live(machine)
    # So much is another one that all of it comes.
    for path in (source / "web/core/lib").iterdir():
        path.write_bytes(b"<?php // second\n" + path.read_bytes())
    second = declared(source, hub)

    machine.streams.append(damage)
    with pytest.raises(RuntimeError, match=why):
        provider.update(made.id, made.outs, second)

    assert was == live(machine)
    assert before == content(live(machine))
    assert [] == drift(provider, made.id, made.outs)
    assert second["digest"][:16] not in staged(machine)

    # The next run brings it.
    provider.update(made.id, made.outs, second)
    assert content(source) == content(live(machine))
    assert live(machine).name == second["digest"][:16]


def test_a_difference_that_arrives_damaged_is_refused_and_all_of_it_is_compared_instead(
    machine: DirectoryMachine, source: Path, hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("rsync") is None:
        pytest.skip("rsync is not installed")
    monkeypatch.setattr(spool, "can_compress", lambda: False)
    provider = release.ReleaseProvider()
    made = provider.create(declared(source, hub))
    (source / "web/index.php").write_text("<?php // second\n" * 4000)
    copied: list[str] = []
    copy = rsync.copy

    def counted(conn: Connection, origin: str, target: str, **options: Any) -> None:
        copied.append(target)
        copy(conn, origin, target, **options)

    monkeypatch.setattr(rsync, "copy", counted)

    machine.streams.append(damaged)
    second = declared(source, hub)
    provider.update(made.id, made.outs, second)

    assert [f"/{PLATFORMS}/.releases/code/.staging-{second['digest'][:16]}/"] == copied
    assert content(source) == content(live(machine))
    assert live(machine).name == second["digest"][:16]
