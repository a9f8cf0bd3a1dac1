"""Hundreds of hostile archives, unpacked by somebody without rights: nothing outside of the build ever changes."""

from __future__ import annotations

import base64
import os
import pwd
import random
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from aegir_components.archives import merging
from aegir_components.deploy.arrival_operations import ReleaseBegin, ReleaseUnpack, ReleaseWithout
from aegir_components.scripts.libraries import functions
from aegir_components.sources import archives, links, records, tree
from aegir_components.sources.faults import SourceError
from tests.unit import hostile
from tests.unit.hostile import Entry

if TYPE_CHECKING:
    from .conftest import Shell
else:
    Shell = Any

ARCHIVES = 240
"""Of each format, half of them of chance alone and half of links that lead through each other."""
COPIES = 40
RELEASES = 15


@pytest.mark.slow
@pytest.mark.parametrize("write", [hostile.as_tar, hostile.as_zip])
@pytest.mark.filterwarnings("ignore:Duplicate name", "ignore:This process")
def test_no_archive_changes_anything_outside_of_its_build(
    write: Callable[[Path, list[Entry]], None], record_property: Callable[[str, object], None]
) -> None:
    with hostile.somebody_elses_home() as (home, uid):

        def work() -> dict[str, Any]:
            told, unpacked = [], 0
            for number in range(ARCHIVES):
                chance = random.Random(f"{write.__name__} {number}")
                entries = (hostile.climb if number % 2 else hostile.invent)(chance, str(home))
                scratch = home / "builds" / str(number)
                scratch.mkdir()
                write(scratch / "archive", entries)
                before = hostile.picture(home)
                try:
                    archives.unpack(scratch / "archive", scratch, scratch / "code")
                    unpacked += 1
                    told += [f"{number}: {fault}" for fault in _bad(scratch / "code")]
                except SourceError:
                    """Told, and thrown away."""
                for build in (scratch / "unpacked", scratch / "code"):
                    shutil.rmtree(build, ignore_errors=True)
                after = hostile.picture(home)
                # A directory whose content was made and removed again has another time: that of the scratch is the build's own.
                before.pop(str(scratch))
                after.pop(str(scratch))
                told += [f"{number}: {path}: {entries}" for path in before.keys() ^ after.keys()]
                told += [f"{number}: {path} changed" for path in before if before[path] != after.get(path)]
                shutil.rmtree(scratch)
            return {"told": told, "unpacked": unpacked}

        found = hostile.as_user(uid, work)
    assert [] == found["told"]
    assert ARCHIVES // 20 <= found["unpacked"] < ARCHIVES, "some are harmless and some are not"
    record_property(f"hostile archives {write.__name__}: tried, unpacked inside", (ARCHIVES, found["unpacked"]))


def _bad(code: Path) -> list[str]:
    """List what an archive that was taken must not have brought, where the next step would not reject it."""
    try:
        tree.check(code)
    except SourceError:
        return []
    return list(hostile.faults_of(code))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:This process")
def test_no_copy_of_uploads_changes_anything_outside_of_the_site(
    record_property: Callable[[str, object], None],
) -> None:
    """On the machine that gets it there are links already, where the archive has directories, and files."""
    with hostile.somebody_elses_home() as (home, uid):

        def work() -> dict[str, Any]:
            told, copied = [], 0
            for number in range(COPIES):
                chance = random.Random(f"copy {number}")
                site = home / "builds" / str(number)
                files = site / "site" / "files"
                files.mkdir(parents=True)
                for name in chance.sample("abcdefgh", 4):
                    (files / name).symlink_to(chance.choice([str(home / "a"), "../../../../home", "..", "nowhere"]))
                entries = [replace(each, name=f"site/files/{each.name}") for each in hostile.invent(chance, str(home))]
                entries = [each for each in entries if each.kind not in ("device", "pipe")]
                hostile.as_tar(site / "archive", [Entry("setuid", "site/files/tool"), *entries])
                before = hostile.picture(home / "a"), hostile.picture(home / "home"), (home / ".profile").stat()
                with (site / "archive").open("rb") as archive:
                    done = subprocess.run(
                        ["sh", "-c", merging.MERGE, "sh", str(site), "nobody", "site/files", "private"],
                        stdin=archive, capture_output=True, check=False,
                    )  # fmt: skip
                after = hostile.picture(home / "a"), hostile.picture(home / "home"), (home / ".profile").stat()
                if before != after:
                    told.append(f"{number}: something changed outside of the site: {entries}")
                if {path.name for path in site.iterdir()} - {"site", "private", "archive"}:
                    told.append(f"{number}: {sorted(map(str, site.iterdir()))}")
                if done.returncode == 0:
                    copied += 1
                    if (files / "tool").stat().st_mode & 0o7000:
                        told.append(f"{number}: set-user-id")
                shutil.rmtree(site)
            return {"told": told, "copied": copied}

        found = hostile.as_user(uid, work)
    assert [] == found["told"]
    assert found["copied"] > COPIES // 10
    record_property("hostile copies of uploads: tried, copied", (COPIES, found["copied"]))


def test_what_is_newer_there_stays_and_a_part_that_is_a_link_is_refused(tmp_path: Path) -> None:
    home, packed = tmp_path / "home", tmp_path / "archive"
    (home / "site" / "files").mkdir(parents=True)
    (home / "site" / "files" / "kept").write_text("newer")
    hostile.as_tar(
        packed, [Entry("file", "site/files/kept"), Entry("file", "site/files/a b"), Entry("file", "private/c")]
    )

    def merge(*parts: str) -> subprocess.CompletedProcess[str]:
        with packed.open("rb") as archive:
            argv = ["sh", "-c", merging.MERGE, "sh", str(home), "nobody", *parts]
            return subprocess.run(argv, stdin=archive, capture_output=True, text=True, check=False)

    assert (0, "") == (merge("site/files", "private", "config").returncode, merge("private").stderr)
    assert "newer" == (home / "site" / "files" / "kept").read_text()
    assert ["hostile"] * 2 == [(home / name).read_text() for name in ("site/files/a b", "private/c")]
    assert {"site", "private"} == {path.name for path in home.iterdir()}
    if os.geteuid() == 0:
        # The archive names root as the owner.
        assert {pwd.getpwnam("nobody").pw_uid} == {
            (home / name).stat().st_uid for name in ("site/files/a b", "private/c", "private")
        }
    shutil.rmtree(home / "private")
    (home / "private").symlink_to(tmp_path)
    refused = merge("site/files", "private")
    assert 1 == refused.returncode
    assert refused.stderr.startswith(f"{home}/private is a link on this machine; put a directory in its place")


@pytest.mark.slow
def test_no_second_release_writes_through_a_link_of_the_first_one(shell: Shell, tmp_path: Path) -> None:
    """Links become directories and files and the other way round, and somebody has put links of his own into the live one."""
    done = 0
    for number in range(RELEASES):
        chance = random.Random(f"release {number}")
        place, theirs = tmp_path / str(number), tmp_path / str(number) / "theirs"
        (theirs / "a").mkdir(parents=True)
        (theirs / "a" / "dear").write_text("dear")
        contents = []
        for name in ("live", "new"):
            _grow(place / name, chance)
            digest = tree.read(place / name, (), ".", place / f"{name}.sums").digest
            contents.append(tree.SumCache(place / f"{name}.sums").content(digest))
        old, new = contents
        assert old is not None
        assert new is not None
        for directory in [path for path in (place / "live").rglob("*") if path.is_dir() and not path.is_symlink()]:
            if directory.exists() and chance.random() < 0.3:
                shutil.rmtree(directory)
                directory.symlink_to(theirs)
        before = hostile.picture(theirs), {path: each[3] for path, each in hostile.picture(place / "live").items()}
        change = records.difference(old, new)
        with tarfile.open(place / "sent.tar", "w", format=tarfile.GNU_FORMAT) as packed:
            for path in change.sent:
                packed.add(place / "new" / os.fsdecode(path), os.fsdecode(path), recursive=False)
        staging = place / ".next"
        lists = [change.gone, records.within([*change.gone, *change.sent])]
        ran = shell.apply(
            functions("arrival"),
            ReleaseBegin(staging=str(staging), live=str(place / "live"), docroot=str(staging), sites="/elsewhere").line,
            ReleaseWithout(staging=str(staging), gone=_packed(lists[0]), within=_packed(lists[1])).line,
            ReleaseUnpack(staging=str(staging), program="cat", option=str(place / "sent.tar")).line,
        )
        after = hostile.picture(theirs), {path: each[3] for path, each in hostile.picture(place / "live").items()}
        assert before == after, (number, ran.failure)
        done += ran.status == 0
    assert done > RELEASES // 2


def _grow(root: Path, chance: random.Random) -> None:
    """Make a tree that a source may be: few names, and links that stay inside."""
    root.mkdir()
    (root / "index.php").write_text(f"{chance.random()}")
    for _ in range(chance.randint(3, 9)):
        path = root.joinpath(*(chance.choice("abc") for _ in range(chance.randint(1, 3))))
        if any(each.is_symlink() or each.is_file() for each in (path, *path.parents)) or path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        kind = chance.choice(["file", "link", "directory"])
        if kind == "file":
            path.write_text(f"{chance.random()}")
        elif kind == "directory":
            path.mkdir()
        else:
            path.symlink_to("../" * (len(path.relative_to(root).parts) - 1) + chance.choice("abc"))


def _packed(names: Iterable[bytes]) -> str:
    return base64.b64encode(b"".join(name + b"\0" for name in names)).decode()


@pytest.mark.slow
def test_where_a_link_leads_is_what_the_kernel_says(tmp_path: Path) -> None:
    """Trees of links alone, made as they are, however they lead."""
    leaving = 0
    for seed in range(200):
        root = tmp_path / str(seed) / "one" / "two" / "three" / "root"
        root.mkdir(parents=True)
        made = _random_links(root, random.Random(seed))
        for path in made:
            way = _way_of(root, path.decode())
            outside = any(not f"{step}/".startswith(f"{root}/") for step in way)
            assert outside is links.leads_outside(path, made), (seed, path, made)
            leaving += outside
    assert leaving > 50


def _random_links(root: Path, chance: random.Random) -> dict[bytes, bytes]:
    made: dict[bytes, bytes] = {}
    for _ in range(chance.randint(2, 8)):
        parent = root.joinpath(*(chance.choice("abc") for _ in range(chance.randint(0, 2))))
        path = parent / chance.choice("abc")
        if any(each.is_symlink() for each in (path, parent, *parent.parents)) or path.exists():
            continue
        parent.mkdir(parents=True, exist_ok=True)
        target = "/".join(chance.choice(["a", "b", "c", "..", ".."]) for _ in range(chance.randint(1, 5)))
        path.symlink_to(target)
        made[str(path.relative_to(root)).encode()] = target.encode()
    return made


def _way_of(root: Path, path: str) -> list[str]:
    """Follow a link as the kernel does, and list each directory on the way."""
    here = str((root / path).parent)
    pending = str((root / path).readlink()).split("/")
    seen: list[str] = []
    followed = 0
    while pending:
        step = pending.pop(0)
        here = str(Path(here).parent) if step == ".." else f"{here}/{step}"
        if Path(here).is_symlink():
            followed += 1
            if followed > links.MOST_FOLLOWED:
                break
            pending = str(Path(here).readlink()).split("/") + pending
            here = str(Path(here).parent)
        seen.append(here)
    return seen
