"""Files from elsewhere: what is taken, and what is left out with its reason."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from aegir_components import layout
from aegir_components.origins import dumps, live, uploads


def packed(place: Path, *members: tuple[str, bytes, str], base: str = "") -> Path:
    """Make an archive: names, types, and what a link leads to or a file has."""
    target = place / "uploads.tar.gz"
    with tarfile.open(target, "w:gz") as archive:
        for name, kind, what in members:
            one = tarfile.TarInfo(f"{base}{name}")
            one.type, one.mode, one.linkname = kind, 0o6777, what if kind in {tarfile.SYMTYPE, tarfile.LNKTYPE} else ""
            if kind == tarfile.LNKTYPE:
                one.linkname = f"{base}{what}"
            one.size = len(what) if kind == tarfile.REGTYPE else 0
            archive.addfile(one, io.BytesIO(what.encode()) if kind == tarfile.REGTYPE else None)
    return target


def taken(path: Path) -> tuple[dict[str, tarfile.TarInfo], uploads.Findings]:
    found = uploads.Findings()
    members = {}
    for member, content in uploads._members(path, found):
        members[member.name] = member
        assert member.size == len(content.read() if content else b"")
    return members, found


FILE, LINK, HARD, DEVICE = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE
DIRECTORY = tarfile.DIRTYPE


@pytest.mark.parametrize("base", ["", "files/", "htdocs/wp-content/uploads/", "./web/sites/default/files/"])
def test_what_is_hostile_in_an_archive_is_left_out_and_named(tmp_path: Path, base: str) -> None:
    path = packed(
        tmp_path, ("a.jpg", FILE, "a"), ("hard.jpg", HARD, "a.jpg"), ("down", LINK, "a.jpg"), ("out", LINK, "/etc"),
        ("up", LINK, "x/../.."), ("dev", DEVICE, ""), ("a\nb", FILE, "x"), ("x/../../e", FILE, "x"),
        ("shell.php.jpg", FILE, "<?php"), base=base,
    )  # fmt: skip
    members, found = taken(path)
    assert {"a.jpg", "hard.jpg", "down", "shell.php.jpg"} == set(members)
    assert {0o660} == {member.mode for member in members.values()}
    assert 5 == len(found.left), found.left
    assert "a?b (its name)" in found.left, "a name makes no further line of a message"
    assert "shell.php.jpg" in found.php
    assert {0} == {member.uid + member.gid for member in members.values()}


def test_a_directory_is_read_without_following_its_links(tmp_path: Path) -> None:
    place = tmp_path / "files"
    (place / "sub").mkdir(parents=True)
    (place / "sub" / "a.jpg").write_text("a")
    (place / "out").symlink_to("/etc")
    os.mkfifo(place / "pipe")
    members, found = taken(place)
    assert {"sub", "sub/a.jpg"} == set(members)
    assert ["out (a link that leads elsewhere)", "pipe (a device, socket or pipe)"] == sorted(found.left)


def test_files_beside_the_uploads_of_an_archive_are_named(tmp_path: Path) -> None:
    path = packed(
        tmp_path, ("2026/a.jpg", FILE, "a"), ("old/wp-content/uploads/b.jpg", FILE, "b"), ("old", DIRECTORY, "")
    )
    members, found = taken(path)
    assert {"b.jpg"} == set(members)
    said = "files: the archive's files below old/wp-content/uploads/ were taken, and not 2026/a.jpg"
    assert said == found.told("files")[0]


def test_an_archive_with_the_uploads_of_several_sites_is_rejected(tmp_path: Path) -> None:
    both = ("sites/default/files", DIRECTORY, ""), ("sites/one.example.com/files/a.jpg", FILE, "a")
    members, _ = taken(packed(tmp_path, *both))
    assert {"a.jpg"} == set(members)
    members, _ = taken(packed(tmp_path, both[0], ("index.php", FILE, "<?php")))
    assert set() == set(members), "code is no upload"
    with pytest.raises(dumps.DumpError, match=r"in sites/default/files/, sites/one.example.com/files/\. Pack those"):
        taken(packed(tmp_path, *both, ("sites/default/files/b.jpg", FILE, "b")))


def test_what_is_below_the_uploads_and_looks_like_uploads_comes_with_them(tmp_path: Path) -> None:
    path = packed(tmp_path, ("old/sites/default/files/b.jpg", FILE, "b"), ("a.jpg", FILE, "a"), base="sites/a/files/")
    members, found = taken(path)
    assert {"old/sites/default/files/b.jpg", "a.jpg"} == set(members)
    assert [] == found.beside


def test_a_hard_link_to_what_is_not_in_the_archive_is_left_out_and_named(tmp_path: Path) -> None:
    members, found = taken(packed(tmp_path, ("a.jpg", FILE, "a"), ("hard.jpg", HARD, "elsewhere.jpg")))
    assert {"a.jpg"} == set(members)
    assert ["hard.jpg (a link to what is not in the archive)"] == found.left
    assert 1 == found.count


@pytest.mark.parametrize(
    ("patterns", "left"),
    [
        (("videos",), {"videos/a.mp4", "videos"}),
        (("*.mp4",), {"videos/a.mp4", "b.mp4"}),
        (("videos/*",), {"videos/a.mp4"}),
        (("b.mp?", "videos"), {"videos", "videos/a.mp4", "b.mp4"}),
        (("deo",), set()),
    ],
)
def test_a_clone_leaves_out_what_is_declared_with_what_is_below(patterns: tuple[str, ...], left: set[str]) -> None:
    part = uploads.Part(name="files", excluded=live.Left(patterns).pattern)
    names = ("videos", "videos/a.mp4", "b.mp4", "a.jpg", "video/x")
    assert left == {name for name in names if part.leaves_out(tarfile.TarInfo(name), uploads.Findings())}


def test_a_clone_leaves_out_what_is_too_large_and_says_how_many() -> None:
    part, found = uploads.Part(name="files", largest=10), uploads.Findings()
    small, large = tarfile.TarInfo("small"), tarfile.TarInfo("large")
    small.size, large.size = 10, 11
    assert [False, True] == [part.leaves_out(one, found) for one in (small, large)]
    assert ["files: 1 files that are larger than origin.files.largest"] == found.told("files")


def test_a_directory_whose_place_may_have_a_link_is_read_by_the_sites_own_user(tmp_path: Path) -> None:
    """Below a directory of its own, the site may have put a link to another site's: root would follow it."""
    (tmp_path / "bin").mkdir()
    stub = tmp_path / "bin" / "runuser"
    stub.write_text('#!/bin/sh\necho "as $2" >&2\nshift 3\nexec "$@"\n')
    stub.chmod(0o755)
    place = tmp_path / "it's config" / "active"
    place.mkdir(parents=True)
    (place / "a.json").write_text("{}")

    def run(reader: str) -> tuple[list[str], str]:
        text = uploads._packing(uploads.Part(name="config/active", directory=str(place), reader=reader))
        path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
        done = subprocess.run(["sh", "-c", text], capture_output=True, env={"PATH": path}, timeout=30, check=True)
        with tarfile.open(fileobj=io.BytesIO(done.stdout)) as found:
            return sorted(found.getnames()), done.stderr.decode()

    assert ([".", "./a.json"], "as site-x\n") == run("site-x")
    assert ([".", "./a.json"], "") == run("")


def test_the_configuration_of_a_live_site_is_read_by_its_user(monkeypatch: pytest.MonkeyPatch) -> None:
    came: list[uploads.Part] = []
    monkeypatch.setattr(uploads, "stage", lambda _place, _site, parts, _tell: came.extend(parts))
    place = SimpleNamespace(label="web1", conn=None, home="/p/.sites/a")
    source: Any = SimpleNamespace(places=(place,), site="a.example.com")
    site: Any = SimpleNamespace(application="backdrop", source=source, tell=print)
    live.stage_files(site, source, [], sanitise=False)
    readers = {part.directory: part.reader for part in came}
    assert layout.system_user("a.example.com") == readers["/p/.sites/a/config/active"]
    assert "" == readers["/p/.sites/a/site/files"]
