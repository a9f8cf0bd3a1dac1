"""Files that are exchanged, put back and cleaned up: by the real shell on directories of the test's own."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from aegir_components.host import script
from aegir_components.host.errors import HostUnreachable
from aegir_components.snapshots import exchange
from aegir_components.snapshots.exchange import Exchange
from aegir_components.snapshots.files import Staged
from aegir_components.snapshots.source import Place

LIVE, OLD, NEW = "live", "of an earlier run", "new"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a site's directory whose machine is this one."""

    def execute(_conn: object, _mode: str, lines: list[str], **_words: Any) -> None:
        subprocess.run(["sh", "-c", "\n".join(lines)], check=True, capture_output=True)

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
