"""What is done on a pack's slaves, and above all what is not: the code and the data that they see are the master's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aegir_components.providers import machine, pack_export, placement, release, web_service
from aegir_components.remote.connection import Connection
from aegir_components.testing import FakeFarm

DIGEST, NEWER = "a1" * 32, "b2" * 32
ROOT = "/var/aegir/platforms"
Inputs = dict[str, Any]


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[FakeFarm]:
    made = FakeFarm(hub="10.0.0.1", sources={"/srv/one": (DIGEST, 3000), "/srv/two": (NEWER, 3001)})
    for number in (1, 2, 3):
        made.host(f"web{number}", f"10.0.0.1{number}")
    with made.installed():
        for name in made.hosts:
            common = {"host": name, "connection": reach(made, tmp_path, name), "holder": "aegir/test"}
            machine.MachineProvider().create({**common, "public_key": "", "uid": None, "gid": None})
            web_service.WebServiceProvider().create({**common, "type": "apache", "port": 80, "php_version": ""})
        yield made


def reach(farm: FakeFarm, hub: Path, name: str) -> Inputs:
    return Connection(host=name, address=farm.hosts[name].address, hub_root=str(hub)).to_props()


def code(farm: FakeFarm, hub: Path, *slaves: str, master: str = "web1", **changes: Any) -> Inputs:
    members = {master: {"connection": reach(farm, hub, master), "type": "apache"}}
    for name in slaves:
        farm.hosts[name].items["mount", ROOT] = (f"10.0.0.11:{ROOT}", "")
    members |= {name: {"connection": reach(farm, hub, name), "type": "apache", "role": "slave"} for name in slaves}
    props = {
        "platform": "code", "publish_path": f"{ROOT}/code", "digest": DIGEST, "files": 3000, "source": "/srv/one",
        "application": "drupal", "docroot": "web", "keep": 3, "allow_shrink": False, "members": members,
        "templates": "0" * 16, "holder": "aegir/test",
    }  # fmt: skip
    return props | changes


def test_a_slave_gets_the_definition_and_no_code(farm: FakeFarm, tmp_path: Path) -> None:
    release.ReleaseProvider().create(code(farm, tmp_path, "web2"))

    assert farm.hosts["web1"].releases
    assert {} == farm.hosts["web2"].releases
    assert "/var/aegir/config/apache/platform.d/code.conf" in farm.hosts["web2"].files
    assert ("link", f"{ROOT}/code") not in farm.hosts["web2"].items


def test_nothing_is_removed_through_the_mount_of_a_slave_that_leaves(farm: FakeFarm, tmp_path: Path) -> None:
    # What a slave sees is what the master has.
    before = code(farm, tmp_path, "web2")
    release.ReleaseProvider().create(before)
    slave = farm.hosts["web2"]
    slave.releases.update(farm.hosts["web1"].releases)
    slave.items["link", f"{ROOT}/code"] = ("seen",)

    placement.PlacementProvider().update("", before, code(farm, tmp_path))

    assert slave.releases == farm.hosts["web1"].releases
    assert ("link", f"{ROOT}/code") in slave.items
    assert "/var/aegir/config/apache/platform.d/code.conf" not in slave.files


def test_a_slave_cannot_get_code_of_its_own_while_it_sees_its_masters(farm: FakeFarm, tmp_path: Path) -> None:
    before = code(farm, tmp_path, "web2")
    release.ReleaseProvider().create(before)
    both = code(farm, tmp_path)
    both["members"]["web2"] = {"connection": reach(farm, tmp_path, "web2"), "type": "apache"}

    with pytest.raises(RuntimeError, match="web2 has the code of code over NFS") as refused:
        release.ReleaseProvider().update("", before, both)

    assert "Take web2 out of the pack" in str(refused.value)
    assert {} == farm.hosts["web2"].releases


def test_a_platform_whose_sites_are_on_the_master_does_not_go_to_a_slave_alone(farm: FakeFarm, tmp_path: Path) -> None:
    before = code(farm, tmp_path, "web2")
    release.ReleaseProvider().create(before)
    registry = "/var/aegir/config/sites.d/code/www.example.com"
    farm.hosts["web1"].items["file", registry] = ("root", "root", "644", "")

    with pytest.raises(RuntimeError, match=r"has sites with their files here: .*www\.example\.com"):
        release.ReleaseProvider().update("", before, code(farm, tmp_path, master="web2"))


def export(farm: FakeFarm, hub: Path, server: str = "web1", **changes: Any) -> Inputs:
    members = {name: {"connection": reach(farm, hub, name)} for name in ("web1", "web2")}
    props = {
        "pack": "farm", "server": server, "connection": reach(farm, hub, server), "path": ROOT,
        "clients": {"10.0.0.12": "rw,root_squash"}, "members": members, "holder": "aegir/test",
    }  # fmt: skip
    return props | changes


def test_other_numbers_are_refused_before_anything_is_exported(farm: FakeFarm, tmp_path: Path) -> None:
    farm.hosts["web2"].numbers = "951:950"

    with pytest.raises(RuntimeError) as refused:
        pack_export.PackExportProvider().create(export(farm, tmp_path))

    assert "aegir has uid:gid 951:950 on web2, and 950:950 on web1" in str(refused.value)
    assert "declare aegir_user: {uid: 950, gid: 950}" in str(refused.value)
    assert "/etc/exports.d/aegir-farm.exports" not in farm.hosts["web1"].files


def test_the_former_server_exports_no_more_and_a_dead_one_holds_up_nothing(farm: FakeFarm, tmp_path: Path) -> None:
    before = export(farm, tmp_path)
    pack_export.PackExportProvider().create(before)
    for name in ("web1", "web3"):
        # A copy was made for it to move.
        farm.hosts[name].write("/var/lib/aegir/standby/farm", "1764316800\n")
    pack_export.PackExportProvider().update("", before, export(farm, tmp_path, "web3"))
    assert "/etc/exports.d/aegir-farm.exports" not in farm.hosts["web1"].files

    farm.hosts["web3"].unreachable = True
    pack_export.PackExportProvider().update("", export(farm, tmp_path, "web3"), before)
    assert "/etc/exports.d/aegir-farm.exports" in farm.hosts["web1"].files
