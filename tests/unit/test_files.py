"""Files of the hub are written in one step."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from aegir_components.hub import files


def names(directory: Path) -> list[str]:
    return sorted(entry.name for entry in directory.iterdir())


@pytest.mark.parametrize("content", ["ä\n", b"\xc3\xa4\n"], ids=["text", "bytes"])
@pytest.mark.parametrize("before", [None, b"a longer content of before\n"], ids=["made", "replaced"])
def test_a_file_gets_all_of_its_new_content(tmp_path: Path, content: str | bytes, before: bytes | None) -> None:
    path = tmp_path / "list"
    if before is not None:
        path.write_bytes(before)

    files.replace(path, content)

    assert b"\xc3\xa4\n" == path.read_bytes()
    assert ["list"] == names(tmp_path)


@pytest.mark.parametrize(("mode", "found"), [(None, 0o640), (0o600, 0o600), (0o666, 0o666)])
def test_a_given_mode_holds_whatever_the_umask_is(tmp_path: Path, mode: int | None, found: int) -> None:
    former = os.umask(0o027)
    try:
        files.replace(tmp_path / "list", "new", mode=mode)
    finally:
        os.umask(former)

    assert found == stat.S_IMODE((tmp_path / "list").stat().st_mode)


def test_a_block_that_fails_leaves_the_old_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_text("old")

    def write_half() -> None:
        with files.replacing(path) as fresh:
            fresh.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()

    assert "old" == path.read_text()
    assert ["list"] == names(tmp_path)


def test_a_caller_may_name_the_new_file(tmp_path: Path) -> None:
    with files.replacing(tmp_path / "dump", tmp_path / "dump.part") as fresh:
        fresh.write_text("whole")
        assert ["dump.part"] == names(tmp_path)

    assert ["dump"] == names(tmp_path)


def test_a_missing_directory_is_an_error_of_the_caller(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        files.replace(tmp_path / "missing" / "list", "new")


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "list")

    files.replace(tmp_path / "link", "new", durable=True)

    assert (tmp_path / "link").is_symlink()
    assert "new" == (tmp_path / "list").read_text()
    assert ["link", "list"] == names(tmp_path)


def test_another_name_of_the_same_file_leaves_nothing_beside_it(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("old")
    with files.replacing(tmp_path / "list") as fresh:
        os.link(tmp_path / "list", fresh)
    assert ["list"] == names(tmp_path)


def test_many_at_once_leave_one_of_their_texts(tmp_path: Path) -> None:
    texts = [str(number) * 10_000 for number in range(8)]
    threads = [threading.Thread(target=files.replace, args=(tmp_path / "list", text)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (tmp_path / "list").read_text() in texts
    assert ["list"] == names(tmp_path)
