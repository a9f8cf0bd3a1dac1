"""Set-up of restic: which one is used, and what is downloaded."""

from __future__ import annotations

import bz2
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tools import golang, restic
from tools.errors import SetupError, WayClosed

PROGRAM = b"#!/bin/sh\necho restic 0.18.1\n"


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        ("restic 0.18.1 compiled with go1.26.8 on linux/amd64", True),
        ("restic 0.18.2 compiled with go1.26.8 on linux/amd64", True),
        ("restic 0.14.0 compiled with go1.19.8 on linux/amd64", False),
        ("restic 0.19.0 compiled with go1.26.8 on linux/amd64", False),
        ("", False),
    ],
)
def test_only_a_restic_of_the_pinned_line_is_used(printed: str, expected: bool) -> None:
    assert expected is restic.serves(printed, "0.18.1")


def test_what_is_built_is_what_is_asked_for() -> None:
    assert restic.version() in (golang.MODULES.parent / "restic" / "go.mod").read_text()
    assert golang.required(restic.MODULE) == golang.required(), "one Go builds both"


def published(listed: str) -> Callable[[str], bytes]:
    def fetch(url: str) -> bytes:
        if url.endswith("SHA256SUMS"):
            return f"{listed}  {restic.archive_name('0.18.1', 'Linux', 'x86_64')}\n".encode()
        return bz2.compress(PROGRAM)

    return fetch


@pytest.fixture
def amd64(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.system", lambda: "Linux")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")


@pytest.mark.usefixtures("amd64")
def test_a_release_is_unpacked_when_it_is_what_was_published(tmp_path: Path) -> None:
    digest = hashlib.sha256(bz2.compress(PROGRAM)).hexdigest()
    restic.fetch("0.18.1", tmp_path / "bin", published(digest))
    assert PROGRAM == (tmp_path / "bin" / "restic").read_bytes()
    assert 0o755 == (tmp_path / "bin" / "restic").stat().st_mode & 0o777


@pytest.mark.usefixtures("amd64")
def test_a_release_with_another_checksum_is_not_used(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="it is not used"):
        restic.fetch("0.18.1", tmp_path / "bin", published("0" * 64))
    assert not (tmp_path / "bin").exists()


def test_a_machine_without_a_release_gets_one_built() -> None:
    with pytest.raises(WayClosed, match="none for Linux on riscv64"):
        restic.archive_name("0.18.1", "Linux", "riscv64")


def test_set_up_goes_on_without_restic_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def fail() -> None:
        raise SetupError("Go 1.25 or newer is missing")

    monkeypatch.setattr(restic, "ensure", fail)
    monkeypatch.setattr(restic, "LINK", tmp_path / "restic")
    with restic.beside():
        pass
    assert "backups need it" in capsys.readouterr().out
