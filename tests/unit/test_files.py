"""Files of the hub are replaced whole or not at all."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from aegir_components import files


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "list.json").write_text("former")
    return tmp_path / "list.json"


@pytest.mark.parametrize("durable", [False, True])
@pytest.mark.parametrize("text", ["later, ä", "later, ä".encode()])
def test_the_text_is_there_and_nothing_beside_it(place: Path, text: str | bytes, durable: bool) -> None:
    files.replace(place, text, durable=durable)
    assert "later, ä" == place.read_text(encoding="utf-8")
    assert [place] == list(place.parent.iterdir())


def test_a_private_file_is_private_from_its_first_byte(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modes = []
    opened = os.fdopen

    def noted(found: int, how: str) -> object:
        modes.append(os.fstat(found).st_mode)
        return opened(found, how)

    monkeypatch.setattr(os, "fdopen", noted)
    files.replace(place, "secret", mode=0o600)
    assert [0o600, 0o600] == [stat.S_IMODE(modes[0]), stat.S_IMODE(place.stat().st_mode)]


def test_what_ends_in_the_middle_leaves_the_former_file(place: Path) -> None:
    def end_in_the_middle() -> None:
        with files.replacing(place) as fresh:
            fresh.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        end_in_the_middle()
    assert "former" == place.read_text()
    assert [place] == list(place.parent.iterdir())


def test_a_link_stays_one(place: Path) -> None:
    link = place.with_name("link.json")
    link.symlink_to(place)
    files.replace(link, "later")
    assert link.is_symlink()
    assert "later" == place.read_text()


def test_what_a_killed_process_left_is_not_in_the_way(place: Path) -> None:
    left = place.with_name(f".{place.name}.{os.getpid()}-{threading.get_native_id()}")
    left.write_text("half")
    files.replace(place, "later")
    assert "later" == place.read_text()
    assert not left.exists()


def test_many_at_once_leave_one_of_their_texts(place: Path) -> None:
    texts = [str(number) * 10_000 for number in range(8)]
    threads = [threading.Thread(target=files.replace, args=(place, text)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert place.read_text() in texts
    assert [place] == list(place.parent.iterdir())


def test_a_directory_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        files.replace(tmp_path / "none" / "list.json", "later")
