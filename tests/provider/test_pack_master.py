"""A pack gets another master by hand, as docs/howto/give-a-pack-another-master.md says; the sites' content comes along."""

from __future__ import annotations

from pathlib import Path

import pytest

from aegir_components.layout import PLATFORMS_ROOT
from aegir_components.testing import FakeHost
from tests.matrix.engine import Stopped
from tests.matrix.world import World, nothing_changes

BEFORE = "/var/aegir/before"
PAGE = Path(__file__).parents[2] / "docs" / "howto" / "give-a-pack-another-master.md"
SITES = ("one.example.com", "two.example.com")


def copy(source: FakeHost, target: FakeHost) -> None:
    """Do what ``rsync -aH --numeric-ids`` does between two machines."""
    inside = f"{PLATFORMS_ROOT}/"
    target.items |= {key: value for key, value in source.items.items() if key[1].startswith(inside)}
    target.releases |= {path: digest for path, digest in source.releases.items() if path.startswith(inside)}
    target.counts |= source.counts


def move_away(host: FakeHost) -> None:
    """Do what ``mv`` does with everything that was shared."""
    for kind, name in [key for key in host.items if key[1].startswith(f"{PLATFORMS_ROOT}/")]:
        host.items[kind, name.replace(PLATFORMS_ROOT, BEFORE, 1)] = host.items.pop((kind, name))
    for path in [path for path in host.releases if path.startswith(f"{PLATFORMS_ROOT}/")]:
        host.releases[path.replace(PLATFORMS_ROOT, BEFORE, 1)] = host.releases.pop(path)


def states(world: World, state: str) -> None:
    for name in SITES:
        world.config["sites"][name]["state"] = state
    world.stack.up()
    assert [] == world.missing()


@pytest.mark.slow
def test_the_page_s_steps_give_a_pack_another_master_and_lose_nothing(tmp_path: Path) -> None:
    world = World.made(tmp_path / "world", "pack")
    pack = world.config["packs"]["flock"]
    one, two = world.machine("web1"), world.machine("web2")
    pack.update(master="web2", slaves=["web1"])
    with nothing_changes(world), pytest.raises(Stopped, match="docs/howto/give-a-pack-another-master"):
        world.stack.preview()

    # 1 and 2: the slave leaves, and the sites are closed.
    pack.update(master="web1", slaves=[])
    world.stack.up()
    assert [] == world.missing()
    states(world, "disabled")
    # 3: the copy, and the word that it is one.
    copy(one, two)
    pack.update(master="web2", slaves=["web1"])
    with pytest.raises(Stopped, match="no copy of them was made here for it to move"):
        world.stack.up()
    two.write("/var/lib/aegir/standby/flock", "1700000000")
    # 4: what is mounted hides nothing.
    with pytest.raises(Stopped, match="is not empty: a mount would hide what is in it"):
        world.stack.up()
    move_away(one)
    world.stack.up()
    assert [] == world.missing()
    # 5: they open again, and the former files are there still.
    states(world, "enabled")
    assert [] == world.stack.up()
    assert {} == world.stack.refresh()
    assert [name for name in one.files if name.startswith(f"{BEFORE}/.sites/one.example.com/")]


def test_the_page_has_the_commands_of_these_steps() -> None:
    section = PAGE.read_text(encoding="utf-8")
    for command in (
        f"rsync -aH --numeric-ids root@web1.example.com:{PLATFORMS_ROOT}/ {PLATFORMS_ROOT}/",
        "mkdir -p /var/lib/aegir/standby; date +%s >/var/lib/aegir/standby/web",
        f"mkdir {BEFORE}; find {PLATFORMS_ROOT} -mindepth 1 -maxdepth 1 -exec mv -t {BEFORE} {{}} +",
    ):
        assert command in section
