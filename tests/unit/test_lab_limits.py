"""The kernel's limits that hosts run into."""

from __future__ import annotations

from pathlib import Path

from lab.limits import WANTED, raise_inotify


def test_a_low_limit_is_raised_once_and_said(tmp_path: Path) -> None:
    path, said = tmp_path / "limit", list[str]()
    path.write_text("128\n")

    raise_inotify(said.append, path)
    raise_inotify(said.append, path)

    assert f"{WANTED}\n" == path.read_text()
    assert 1 == len(said)
    assert "128" in said[0]


def test_a_higher_limit_stays(tmp_path: Path) -> None:
    path = tmp_path / "limit"
    path.write_text("99999\n")

    raise_inotify(lambda _: None, path)

    assert "99999\n" == path.read_text()


def test_where_there_is_no_such_limit_nothing_is_said(tmp_path: Path) -> None:
    said: list[str] = []

    raise_inotify(said.append, tmp_path / "missing")

    assert [] == said
