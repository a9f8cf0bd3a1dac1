"""Machines that answer without end, and records of theirs that lead elsewhere."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from aegir_components.remote import bounded, rsync, session, ssh
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import HostError
from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions
from tests.unit.conftest import Shell

HERE = Connection(host="web1", address="127.0.0.1", kind="local")
ENDLESS = {
    "on its output": "yes",
    "on its error output": "yes >&2",
    "without a line's end": "tr '\\0' y </dev/zero",
}


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded, "LONGEST", 3_000_000)


def _run(text: str) -> object:
    return ssh.run(HERE, text, what="a look", timeout=20)


def _hold(text: str) -> object:
    return session.hold(HERE, text, lambda: True, what="a look", timeout=20)


def _send(text: str) -> object:
    return session.send(HERE, text, lambda: [b"x"] * 10, what="a look", user="root", timeout=20)


@pytest.mark.parametrize("ask", [_run, _hold, _send])
@pytest.mark.parametrize("text", ENDLESS.values(), ids=ENDLESS)
def test_an_answer_without_end_is_ended_and_told(ask: Callable[[str], object], text: str) -> None:
    with pytest.raises(HostError) as told:
        ask(text)
    assert "web1: a look: it answered with more than 3 MB" in str(told.value)


def test_of_rsync_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rsync, "command_as", lambda *_given: ["sh", "-c", "yes >&2"])
    with pytest.raises(HostError, match="answered with more than 3 MB"):
        rsync.copy(HERE, str(tmp_path), str(tmp_path))


def test_an_answer_that_is_not_too_long_comes_through_with_its_status() -> None:
    done = bounded.run(["sh", "-c", "cat; echo no >&2; exit 3"], data=b"y" * 2_900_000, timeout=20)
    assert (3, 2_900_000, b"no\n") == (done.returncode, len(done.stdout), done.stderr)
    with pytest.raises(subprocess.TimeoutExpired):
        bounded.run(["sleep", "20"], timeout=0.1)


@pytest.mark.parametrize("record", ["manifest", "sums"])
def test_a_record_that_is_a_link_to_roots_file_is_not_read(shell: Shell, tmp_path: Path, record: str) -> None:
    release, secret = tmp_path / "0123456789abcdef", tmp_path / "shadow"
    release.mkdir()
    (release / "index.php").write_text("x")
    secret.write_text("root:$6$" + "a" * 80 + "-the-hash:19000::\n")
    manifest = Path(f"{release}.manifest")
    if record == "manifest":
        manifest.symlink_to(secret)
    else:
        manifest.write_bytes(b"f 644 1 0.0 other\0")
        Path(f"{release}.sums").symlink_to(secret)
        Path(f"{release}.listing").write_text("x")
    for function in ("release_faults", "full_faults"):
        names = (f"release={release}", f"manifest={manifest}", f"sites={tmp_path}")
        given = names if function == "release_faults" else (str(release), "x")
        ran = shell.check(functions("release"), f'fact said "$({script.call(function, *given)})"')
        assert "the-hash" not in ran.report.facts["said"]
        assert ran.report.facts["said"]
