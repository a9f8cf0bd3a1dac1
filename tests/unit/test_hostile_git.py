"""Generated hostile git trees, checked out by somebody without rights: nothing outside of the build ever changes.

The objects are written as they are: git itself would not make most of these trees.
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aegir_components.sources import address, git, tree
from aegir_components.sources.builds import Workshop
from aegir_components.sources.faults import SourceError
from tests.unit import hostile

TREES = 30
NAMES = (b"a", b"b", b"c", b"d", b"e", b"f")
ODD = (b"..", b".", b".git", b".GIT", b"git~1", b"a/../../x", b"../x", b"/x")
TARGETS = (
    b"..",
    b"../..",
    b"../../..",
    b".",
    b"a",
    b"a/..",
    b"b/../..",
    b".git",
    b".git/hooks",
    b"../../../../home/kept",
)


class Repository:
    """A bare repository whose objects are written without git."""

    def __init__(self, path: Path) -> None:
        self.path = path
        for name in ("objects", "refs/heads"):
            (path / name).mkdir(parents=True)
        (path / "HEAD").write_text("ref: refs/heads/main\n")
        (path / "config").write_text("[core]\n\trepositoryformatversion = 0\n\tbare = true\n")

    def write(self, kind: str, content: bytes) -> bytes:
        whole = b"%s %d\0" % (kind.encode(), len(content)) + content
        name = hashlib.sha1(whole, usedforsecurity=False)
        place = self.path / "objects" / name.hexdigest()[:2]
        place.mkdir(exist_ok=True)
        (place / name.hexdigest()[2:]).write_bytes(zlib.compress(whole))
        return name.digest()

    def commit(self, top: bytes) -> str:
        who = b"a <a@example.com> 0 +0000"
        commit = self.write("commit", b"tree %s\nauthor %s\ncommitter %s\n\n" % (top.hex().encode(), who, who)).hex()
        (self.path / "refs/heads/main").write_text(f"{commit}\n")
        return commit


def grow(to: Repository, chance: random.Random, other: Path, submodule: str, depth: int = 0) -> bytes:
    """Write a tree of chance: files, programs, links, submodules, and names twice, once as a link and once as a directory."""
    rows: list[tuple[bytes, bytes, bytes]] = []
    for plain in chance.sample(NAMES, chance.randint(2, 4)):
        kinds = ["file", "link", "tree"] if depth < 2 else ["file", "link"]
        chosen = chance.choice(kinds)
        name = chance.choice(ODD) if chance.random() < 0.03 else plain
        for kind in [chosen, *(chance.sample(kinds, 1) if chance.random() < 0.08 else [])]:
            if kind == "file":
                rows.append((chance.choice([b"100644", b"100755", b"104755"]), name, to.write("blob", b"hostile")))
            elif kind == "link":
                rows.append((b"120000", name, to.write("blob", chance.choice(TARGETS))))
            else:
                rows.append((b"40000", name, grow(to, chance, other, submodule, depth + 1)))
    if depth == 0 and chance.random() < 0.3:
        path = chance.choice(["a", "b", "a/b", "b/hooks", ".."])
        text = f'[submodule "{chance.choice(["x", "../../modules"])}"]\n\tpath = {path}\n\turl = {other}\n'
        rows.append((b"100644", b".gitmodules", to.write("blob", text.encode())))
        rows.append((b"160000", path.split("/")[0].encode(), bytes.fromhex(submodule)))
    # As git sorts: directories as if their names ended with a slash.
    rows.sort(key=lambda row: row[1] + (b"/" if row[0] == b"40000" else b""))
    return to.write("tree", b"".join(b"%s %s\0%s" % row for row in rows))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:This process")
@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed here")
def test_no_commit_changes_anything_outside_of_its_build(record_property: Callable[[str, object], None]) -> None:
    with hostile.somebody_elses_home() as (home, uid):

        def work() -> dict[str, Any]:
            os.environ["HOME"] = str(home)
            told, taken = [], 0
            builds = home / "builds"
            other = Repository(builds / "other.git")
            submodule = other.commit(
                other.write("tree", b"100755 hook\0" + other.write("blob", b"#!/bin/sh\ntouch ran\n"))
            )
            for number in range(TREES):
                chance = random.Random(f"git {number}")
                place = builds / "place"
                scratch = place / "scratch"
                scratch.mkdir(parents=True)
                repository = Repository(place / "repository.git")
                commit = repository.commit(grow(repository, chance, other.path, submodule))
                before = _around(home, place)
                try:
                    with (place / "log").open("wb") as log:
                        shop = Workshop(code=scratch / "code", scratch=scratch, log=log, lock=log.fileno())
                        git.check_out(shop, address.parse(str(repository.path)), commit, place / "mirrors")
                    git.leave(scratch / "code")
                    tree.check(scratch / "code")
                    taken += 1
                    told += [f"{number}: {fault}" for fault in hostile.faults_of(scratch / "code")]
                except SourceError:
                    """Told, and thrown away."""
                after = _around(home, place)
                told += [
                    f"{number}: {path}" for path in before.keys() | after.keys() if before.get(path) != after.get(path)
                ]
                told += [f"{number}: {path}" for path in scratch.iterdir() if path.name != "code"]
                told += [f"{number}: {path}" for path in place.iterdir() if path.name not in EXPECTED]
                shutil.rmtree(place)
            return {"told": told, "taken": taken}

        found = hostile.as_user(uid, work)
    assert [] == found["told"]
    assert TREES // 10 < found["taken"] < TREES
    record_property("hostile git trees: tried, checked out inside", (TREES, found["taken"]))


EXPECTED = {"scratch", "repository.git", "mirrors", "log"}


def _around(home: Path, place: Path) -> dict[str, Any]:
    """Give what can be seen outside of the build's own place, without the times of the directories above it."""
    seen = {path: each for path, each in hostile.picture(home).items() if not f"{path}/".startswith(f"{place}/")}
    del seen[str(place.parent)]
    return seen
