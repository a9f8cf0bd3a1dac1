"""A platform whose code comes from a git repository."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from lab import HostSpec, Lab
from tests.integration.farm import Farm, web_and_database

pytestmark = [pytest.mark.lab, pytest.mark.slow]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
PUBLISHED = "/var/aegir/platforms/code"


def commit(repository: Path, text: str) -> str:
    """Change a file, and give the commit."""
    (repository / "release.txt").write_text(text)
    who = ["-c", "user.name=a", "-c", "user.email=a@b.example", "-c", "core.autocrlf=false"]
    for words in (["add", "-A"], ["commit", "-q", "-m", text], ["rev-parse", "HEAD"]):
        done = subprocess.run(
            ["git", *who, *words], cwd=repository, check=True, capture_output=True, text=True, timeout=60,
            env={**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null"},
        )  # fmt: skip
    return done.stdout.strip()


def test_a_branch_that_moves_is_seen_switched_to_and_never_half_there(
    lab_factory: LabFactory, wordpress: Path, tmp_path: Path
) -> None:
    lab = lab_factory("sources", [HostSpec("web1", image="web"), HostSpec("db1", image="db")])
    web = lab.host("web1")
    repository = tmp_path / "repository"
    shutil.copytree(wordpress, repository, symlinks=True)
    subprocess.run(["git", "init", "-q", "-b", "main", str(repository)], check=True, timeout=20)
    first = commit(repository, "one")
    farm = Farm(tmp_path / "farm", web_and_database(lab, source=wordpress, sites={}))
    source: dict[str, object] = {"git": str(repository), "ref": "main"}
    farm.settings["platforms"]["code"]["source"] = source

    farm.up()

    assert "one" == web.run(f"cat {PUBLISHED}/release.txt").stdout
    assert web.run(f"test -e {PUBLISHED}/.git", check=False).returncode != 0
    outputs = farm.outputs()["platforms"]["code"]
    assert ("wordpress", ".", first) == (outputs["application"], outputs["docroot"], outputs["revision"])
    assert outputs["release_path"] == web.run(f"readlink {PUBLISHED}").stdout.strip()
    farm.unchanged()

    second = commit(repository, "two")
    seen = farm.preview("--diff")
    assert f'source_revision: "{first}" => "{second}"' in seen.sentence

    # A build that fails: there is no Composer project.
    source["composer"] = True
    refused = farm.up(ok=False)
    assert "The live release is untouched. The log is " in refused.sentence
    log = Path(refused.sentence.partition("The log is ")[2].split(".log")[0] + ".log")
    assert "checkout" in log.read_text()
    assert "one" == web.run(f"cat {PUBLISHED}/release.txt").stdout

    del source["composer"]
    farm.up()
    assert "two" == web.run(f"cat {PUBLISHED}/release.txt").stdout
    assert second == farm.outputs()["platforms"]["code"]["revision"]

    repository.rename(tmp_path / "away")
    away = farm.unchanged()
    assert "the former build of 'main' is used" in away.sentence
