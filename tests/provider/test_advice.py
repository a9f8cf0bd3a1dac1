"""Commands that messages advise, done in the situation that they are named for, on machines whose sites have content."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from aegir_components import layout
from aegir_components.testing import FakeHost
from tests import advice
from tests.matrix.engine import Stopped
from tests.matrix.world import ONE, TWO, UPLOAD, World

SHARE = "/srv/shared"


def below(host: FakeHost, source: str) -> list[tuple[str, str]]:
    return [key for key in host.items if key[1].startswith(f"{source}/")]


def copy(host: FakeHost, source: str, target: str) -> None:
    """Do what ``cp -au source/. target/`` does; what is there already stays, since nothing here has a time."""
    host.make_directories(target)
    for kind, name in below(host, source):
        host.items.setdefault((kind, f"{target}{name.removeprefix(source)}"), host.items[kind, name])


def move(host: FakeHost, source: str, target: str) -> None:
    """Do what ``mv source target`` does."""
    for kind, name in [("directory", source), *below(host, source)]:
        host.items[kind, f"{target}{name.removeprefix(source)}"] = host.items.pop((kind, name))


def as_advised(world: World, members: list[FakeHost], text: str) -> set[str]:
    """Do what the message says, and name the commands."""
    if "Copy them there with their owners (rsync -aHu)" in text:
        for host in members:
            for site in (ONE, TWO):
                home = layout.uploads_directory(SHARE, site)
                copy(host, layout.site_files(layout.PLATFORMS_ROOT, site), f"{home}/files")
                host.make_directories(f"{home}/private")
        return {"rsync -aHu"}
    found = re.findall(r"(web\d)[^;]*?\(cp -au (\S+)/\. (\S+)/\), move the former ones away \(mv (\S+) (\S+)\)", text)
    assert found, text
    for name, source, target, former, kept in found:
        copy(world.machine(name), source, target)
        move(world.machine(name), former, kept)
    return {"cp -au", "mv"}


@pytest.mark.slow
def test_uploads_that_are_to_be_shared_are_copied_and_moved_away_as_the_message_says(tmp_path: Path) -> None:
    world = World.made(tmp_path / "world", "cluster")
    members = [world.machine(name) for name in ("web1", "web2")]
    for host in members:
        host.make_directories(SHARE)
        for site in (ONE, TWO):
            host.write(f"{layout.site_files(layout.PLATFORMS_ROOT, site)}/only-{host.name}.txt", site)
    world.config["clusters"]["farm"]["uploads"] = {"path": SHARE}
    world.stack.preview()
    commands: set[str] = set()
    for _ in range(12):
        content = world.content()
        try:
            world.stack.up()
        except Stopped as said:
            text = str(said)
        else:
            break
        # The message stops the run before anything is touched.
        assert {
            where: had for where, had in content.items() if "databases" not in where
        }.items() <= world.content().items()
        commands |= as_advised(world, members, text)
    assert {"rsync -aHu", "cp -au", "mv"} == commands
    assert [] == world.missing()
    assert [] == world.stack.up()
    for host in members:
        for site in (ONE, TWO):
            for name in (UPLOAD, f"only-{host.name}.txt"):
                assert host.content(f"{layout.uploads_directory(SHARE, site)}/files/{name}")
                assert host.content(f"{layout.site_files(layout.PLATFORMS_ROOT, site)}.before/{name}")


def test_empty_attributes_beside_a_state_are_deleted_and_nothing_else(tmp_path: Path) -> None:
    page = (advice.ROOT / "docs" / "reference" / "messages.md").read_text(encoding="utf-8")
    command = re.search(r"`(find <state> [^`]+)`", page)
    assert command
    files = {"prod.json": "{}", "prod.json.attrs": "", "test.json.attrs": "{}", "empty.json": ""}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    subprocess.run(["sh", "-c", command[1].replace("<state>", str(tmp_path))], check=True, timeout=20)
    assert set(files) - {"prod.json.attrs"} == {path.name for path in tmp_path.iterdir()}
