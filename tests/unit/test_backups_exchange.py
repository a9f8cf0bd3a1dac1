"""Files that are exchanged, put back and cleaned up: by the real shell on directories of the test's own."""

from __future__ import annotations

import getpass
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from aegir_components import layout
from aegir_components.backups import exchange
from aegir_components.backups.exchange import Exchange
from aegir_components.backups.files import Staged, excluded
from aegir_components.backups.source import Place
from aegir_components.remote.errors import HostUnreachable
from aegir_components.scripts import script

LIVE, OLD, NEW = "live", "of an earlier run", "new"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a site's directory whose machine is this one."""

    def execute(_conn: object, _mode: str, lines: list[str], **_words: Any) -> None:
        # Here is one user alone.
        as_user = 'runuser() { shift 3; "$@"; }'
        done = subprocess.run(["sh", "-c", "\n".join([as_user, *lines])], capture_output=True, check=False)
        if done.returncode:
            raise HostUnreachable("web1", done.stderr.decode())

    monkeypatch.setattr(script, "execute", execute)
    write(tmp_path / "files", LIVE)
    return tmp_path


def write(directory: Path, text: str) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "a.txt").write_text(text)


def staged(home: Path, *parts: str) -> Staged:
    write(home / ".aegir-restore/files", NEW)
    place = Place(label="web1", conn=Mock(), home=str(home), parts=("files",))
    return Staged(place=place, site="www.example.com", parts=parts or ("files",), entries=1)


def live(home: Path) -> str:
    return (home / "files/a.txt").read_text()


def hidden(home: Path) -> list[str]:
    return sorted(path.name for path in home.iterdir() if path.name.startswith("."))


@pytest.mark.parametrize("name", [".aegir-before-restore", ".aegir-before-restore.0123456789abcdef"])
def test_what_an_earlier_run_has_left_never_replaces_live_files(home: Path, name: str) -> None:
    write(home / name / "files", OLD)
    run = Exchange([staged(home)])

    run.staged[0].put_back()
    assert LIVE == live(home), "a place that was never exchanged"
    run.put_back()
    assert LIVE == live(home)

    write(home / ".aegir-restore/files", NEW)
    run.swap()
    assert NEW == live(home)
    run.put_back()
    assert LIVE == live(home)
    run.finish(is_over=True)
    assert [] == hidden(home)


def test_the_clean_up_of_a_run_leaves_what_an_interrupted_one_has_moved_aside(home: Path) -> None:
    write(home / ".aegir-before-restore.0123456789abcdef/files", OLD)
    Exchange([staged(home)]).finish(is_over=True)
    assert [".aegir-before-restore.0123456789abcdef"] == hidden(home)


def test_an_exchange_that_stopped_half_way_goes_on_and_back(home: Path) -> None:
    one = staged(home)
    before = home / f".aegir-before-restore.{one.token}"
    before.mkdir()
    (home / "files").rename(before / "files")

    one.swap()
    assert NEW == live(home)
    one.put_back()

    assert LIVE == live(home)


def test_the_next_run_brings_back_what_a_killed_one_has_moved_aside_by_its_record(home: Path) -> None:
    run = Exchange([staged(home)])
    record = run.record()
    run.swap()
    run.finish(is_over=False)
    assert NEW == live(home)
    source: Any = Mock(site="www.example.com", places=(run.staged[0].place,))

    exchange.put_back_earlier(source, {})
    assert NEW == live(home), "the record of an earlier version"
    for _ in range(2):
        exchange.put_back_earlier(source, record)
        assert LIVE == live(home)
    assert [] == hidden(home)


def test_a_place_that_could_not_be_put_back_keeps_its_former_files(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Exchange([staged(home)])
    run.swap()
    with monkeypatch.context() as gone:
        gone.setattr(Staged, "put_back", Mock(side_effect=HostUnreachable("web1", "gone")))
        with pytest.raises(HostUnreachable):
            run.put_back()
    run.finish(is_over=False)
    assert [f".aegir-before-restore.{run.staged[0].token}"] == hidden(home)
    run.put_back()
    assert LIVE == live(home)


def test_a_run_without_a_token_exchanges_as_before(home: Path) -> None:
    write(home / ".aegir-before-restore/files", OLD)
    one = replace(staged(home), token="")
    one.swap()
    assert NEW == live(home)
    one.put_back()
    assert LIVE == live(home)


def tree(place: Path) -> dict[str, str]:
    return {
        str(path.relative_to(place)): str(path.readlink()) if path.is_symlink() else path.read_text()
        for path in sorted(place.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


EXCLUDE = ("*/css/*", "*.mp4", "tmp")
KEPT = {
    "css/deep/a.css": "live", "b/css/c.css": "live", "film 'one'.mp4": "live", "-rf.mp4": "live", "tmp/x": "live",
    "b/tmp": "/etc",
}  # fmt: skip
"""Of the live site: what the backup excludes."""


def with_excluded(home: Path) -> dict[str, str]:
    """Give the live site what its backups have not, and more that they have."""
    files = home / "files"
    for name, text in {**KEPT, "old/gone.txt": "live"}.items():
        (files / name).parent.mkdir(parents=True, exist_ok=True)
        if text == "/etc":
            (files / name).symlink_to(text)
        else:
            (files / name).write_text(text)
    return tree(files)


def test_what_a_backup_excludes_stays_and_the_rest_is_exchanged(home: Path) -> None:
    had = with_excluded(home)
    run = Exchange([replace(staged(home), exclude=EXCLUDE)])
    run.swap()
    assert {"a.txt": NEW, **KEPT} == tree(home / "files")
    run.put_back()
    assert had == tree(home / "files")

    write(home / ".aegir-restore/files", NEW)
    run.swap()
    run.finish(is_over=True)
    assert {"a.txt": NEW, **KEPT} == tree(home / "files")
    assert [] == hidden(home)


def test_what_a_backup_excludes_survives_a_killed_run(home: Path) -> None:
    had = with_excluded(home)
    run = Exchange([replace(staged(home), exclude=EXCLUDE)])
    record = run.record()
    source: Any = Mock(site="www.example.com", places=(run.staged[0].place,))
    run.swap()
    exchange.put_back_earlier(source, record)
    assert had == tree(home / "files")

    # It was killed before these were moved, and the application has made the directory since.
    write(home / ".aegir-restore/files", NEW)
    replace(run.staged[0], exclude=()).swap()
    write(home / "files/css/deep", "since")
    exchange.put_back_earlier(source, record)
    assert had == tree(home / "files")


def test_one_path_is_exchanged_without_what_is_excluded_below_it(home: Path) -> None:
    with_excluded(home)
    write(home / ".aegir-restore/files/b", NEW)
    place = Place(label="web1", conn=Mock(), home=str(home), parts=("files",))
    one = Staged(place=place, site=getpass.getuser(), parts=("files/b",), entries=1, exclude=EXCLUDE)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(layout, "system_user", str)
        one.swap()
    assert {"a.txt": NEW, "css/c.css": "live", "tmp": "/etc"} == tree(home / "files/b")


def test_what_cannot_be_moved_is_named_and_the_run_goes_back(home: Path) -> None:
    with_excluded(home)
    run = Exchange([replace(staged(home), exclude=EXCLUDE)])
    # The backup has a file where the site has a directory with what it excludes.
    (home / ".aegir-restore/files/b").write_text("a file")
    had = tree(home / "files")
    with pytest.raises(HostUnreachable, match="files/b"):
        run.swap()
    run.put_back()
    assert had == tree(home / "files")


@pytest.mark.parametrize(
    "pattern",
    ["css", "*/css/*", "*.css", "files/*", "files/site/css", "site/*/deep", "c[sx]s", "c?s", "*/deep", "site/", "./css",
     r"\*.txt", "CSS", "*", "e*/a.css", "a.css"],
)  # fmt: skip
def test_what_is_excluded_is_what_tar_excludes(tmp_path: Path, pattern: str) -> None:
    for name in ("site/css/deep/a.css", "cxs/a.txt", ".hidden/css", "site/*.txt", "extra/a.css"):
        (tmp_path / "files" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "files" / name).write_text("x")

    def listed(*words: str) -> set[str]:
        done = subprocess.run(
            ["tar", "--create", "--file=/dev/null", "--verbose", *words, "--", "files"],
            cwd=tmp_path, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return {name.rstrip("/") for name in done.stdout.splitlines()}

    gone = listed() - listed(f"--exclude={pattern}")
    text = excluded([pattern])
    print_all = 'for name; do find "$name"; done'
    found = subprocess.run(
        ["sh", "-c", text, "files", print_all, "x"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert gone == set(found.stdout.splitlines())
