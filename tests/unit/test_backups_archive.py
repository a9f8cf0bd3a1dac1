"""Tar as a stream."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from aegir_components.backups import archive


def made(tmp_path: Path) -> bytes:
    """Pack a directory with what sites have, by tar(1)."""
    home = tmp_path / "home"
    (home / "deep").mkdir(parents=True)
    (home / "deep" / ("n" * 150)).write_bytes(b"long name")
    (home / "zeros").write_bytes(b"\0" * 5000)
    (home / "big").write_bytes(os.urandom(2_500_000))
    (home / "link").symlink_to("zeros")
    (home / "umläut").write_bytes(b"")
    done = subprocess.run(
        ["tar", "-C", home, "--create", "--file=-", "."], stdout=subprocess.PIPE, check=True, timeout=60
    )
    return done.stdout


def test_another_tar_is_passed_on_and_read_by_tar(tmp_path: Path) -> None:
    out = io.BytesIO()
    writer = archive.Writer(out)
    writer.add("about.json", b"{}")
    names = [entry.name for entry in writer.pass_on(io.BytesIO(made(tmp_path)))]
    digest = writer.digest
    writer.add(archive.MANIFEST, b"{}")
    writer.end()
    assert {"zeros", "big", "link", f"deep/{'n' * 150}"} <= set(names)
    with tarfile.open(fileobj=io.BytesIO(out.getvalue())) as read:
        assert {"about.json", archive.MANIFEST} <= set(read.getnames())
    target = tmp_path / "back"
    target.mkdir()
    subprocess.run(["tar", "-C", target, "--extract", "--file=-"], input=out.getvalue(), check=True, timeout=60)
    assert (tmp_path / "home" / "big").read_bytes() == (target / "big").read_bytes()
    assert b"\0" * 5000 == (target / "zeros").read_bytes()
    shutil.rmtree(target)

    reading = archive.Reading(io.BytesIO(out.getvalue()))
    assert ["about.json"] == [entry.name for entry in reading.take(lambda name: name.endswith(".json"))]
    assert ({}, digest) == reading.manifest(), "what is read again has the digest of what was written"


def test_a_stream_that_was_cut_off_is_damaged(tmp_path: Path) -> None:
    whole = made(tmp_path)
    with pytest.raises(archive.DamagedError):
        list(archive.entries(io.BytesIO(whole[:1_000_000])))
    with pytest.raises(archive.DamagedError):
        list(archive.entries(io.BytesIO(b"not a tar" * 200)))
    with pytest.raises(archive.DamagedError, match="no manifest"):
        archive.Reading(io.BytesIO(whole)).manifest()
