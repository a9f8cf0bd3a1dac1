"""What a pack declares: who exports what to whom, who has the code, and who gets an account."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aegir_components import settings
from aegir_components.services import nfs
from aegir_components.testing import RecordingMocks
from tests.unit.test_estate import SITE, declare, server, stack
from tests.unit.test_estate import hub as hub  # noqa: PLC0414  a fixture

DATABASE = settings.DatabaseService(address="10.0.0.3")


def with_pack(hub: Path, slaves: tuple[str, ...] = ("web2", "web3"), **changes: Any) -> settings.Settings:
    made = [
        server("db1", "10.0.0.3", hub, database=DATABASE),
        server("nas1", "10.0.0.9", hub),
        server("nas2", "10.0.0.10", hub),
        *(server(f"web{n}", f"10.0.0.2{n}", hub, web=settings.WebService()) for n in (1, 2, 3)),
    ]
    base = stack(hub)
    pack = settings.Pack(**({"name": "farm", "master": "web1", "slaves": slaves, "nfs": "web1"} | changes))
    platform = base.platforms["drupal-10"]
    on_it = settings.Platform(
        name=platform.name, server="farm", source=platform.source, publish_path=platform.publish_path
    )
    return settings.Settings(
        hub=base.hub,
        servers={each.name: each for each in made},
        packs={"farm": pack},
        platforms={on_it.name: on_it},
        sites=base.sites,
    )


def one(recorded: RecordingMocks, kind: str, name: str) -> Any:
    return recorded.of(kind)[name]


def test_the_master_exports_to_exactly_the_slaves(hub: Path) -> None:
    recorded = declare(with_pack(hub))
    export, mount = one(recorded, "aegir:PackExport", "farm"), one(recorded, "aegir:PackMount", "farm")
    assert ("web1", "/var/aegir/platforms") == (export["server"], export["path"])
    assert {"10.0.0.22": nfs.EXPORT_OPTIONS, "10.0.0.23": nfs.EXPORT_OPTIONS} == export["clients"]
    assert "10.0.0.21:/var/aegir/platforms" == mount["source"]
    assert {"web1": True, "web2": None, "web3": None} == {n: m.get("own") for n, m in mount["members"].items()}


def test_code_goes_to_the_master_and_configuration_to_all(hub: Path) -> None:
    recorded = declare(with_pack(hub))
    for kind, name in (("aegir:Release", "drupal-10"), ("aegir:SiteConfiguration", SITE)):
        members = one(recorded, kind, name)["members"]
        assert {"web1": None, "web2": "slave", "web3": "slave"} == {n: m.get("role") for n, m in members.items()}
    assert "web1" == one(recorded, "aegir:SiteConfiguration", SITE)["master"]
    assert "web1" == one(recorded, "aegir:Installation", SITE)["master"]


def test_accounts_are_for_master_slaves_and_hub(hub: Path) -> None:
    """Aegir left slaves of a pack without database access where the master was not the hub."""
    clients = one(declare(with_pack(hub)), "aegir:SiteDatabase", SITE)["clients"]
    assert ["10.0.0.1", "10.0.0.21", "10.0.0.22", "10.0.0.23"] == clients


def test_a_new_slave_gets_its_own_account_and_export(hub: Path) -> None:
    before, after = declare(with_pack(hub, ("web2",))), declare(with_pack(hub))
    for kind, name in (("aegir:SiteDatabase", SITE), ("aegir:PackExport", "farm")):
        assert {"10.0.0.23"} == set(one(after, kind, name)["clients"]) - set(one(before, kind, name)["clients"])


def test_a_machine_beside_the_pack_exports_to_all_and_lets_only_the_masters_root_write(hub: Path) -> None:
    recorded = declare(with_pack(hub, nfs="nas1"))
    export, mount = one(recorded, "aegir:PackExport", "farm"), one(recorded, "aegir:PackMount", "farm")
    assert ("nas1", "/var/aegir/nfs/farm") == (export["server"], export["path"])
    assert {
        "10.0.0.21": nfs.MASTER_OPTIONS,
        "10.0.0.22": nfs.EXPORT_OPTIONS,
        "10.0.0.23": nfs.EXPORT_OPTIONS,
    } == export["clients"]
    assert "10.0.0.9:/var/aegir/nfs/farm" == mount["source"]
    assert not any(member.get("own") for member in mount["members"].values())


def test_with_shared_uploads_every_member_has_the_code(hub: Path) -> None:
    recorded = declare(with_pack(hub, share="uploads"))
    assert not any(member.get("role") for member in one(recorded, "aegir:Release", "drupal-10")["members"].values())
    configuration = one(recorded, "aegir:SiteConfiguration", SITE)
    assert ("/var/aegir/uploads/farm", "web1") == (configuration["uploads"], configuration["master"])


def test_what_somebody_else_shares_is_not_exported(hub: Path) -> None:
    recorded = declare(with_pack(hub, nfs="", share="external", path="/srv/shared"))
    assert {} == recorded.of("aegir:PackExport")
    assert "/srv/shared" == one(recorded, "aegir:PackMount", "farm")["path"]


@pytest.mark.parametrize(("share", "mounted"), [("code", {"web2", "web3"}), ("uploads", set())])
def test_only_servers_that_mount_the_platforms_leave_their_directory_alone(
    hub: Path, share: str, mounted: set[str]
) -> None:
    services = declare(with_pack(hub, share=share)).of("aegir:WebService")
    assert mounted == {name for name, inputs in services.items() if inputs.get("mounted")}


def test_a_standby_may_read_everything_and_copies_what_is_exported(hub: Path) -> None:
    recorded = declare(with_pack(hub, nfs="nas1", standby="nas2"))
    assert nfs.STANDBY_OPTIONS == one(recorded, "aegir:PackExport", "farm")["clients"]["10.0.0.10"]
    keeps = one(recorded, "aegir:PackStandby", "farm")
    assert ("nas2", "10.0.0.9:/var/aegir/nfs/farm", False) == (keeps["server"], keeps["source"], keeps["serves"])
    assert "/var/aegir/nfs/farm" == keeps["path"]


def test_a_failover_moves_export_and_mounts_and_leaves_the_dead_server_alone(hub: Path) -> None:
    recorded = declare(with_pack(hub, nfs="nas1", standby="nas2", failover="nas2"))
    export = one(recorded, "aegir:PackExport", "farm")
    assert "nas2" == export["server"]
    assert {"10.0.0.21", "10.0.0.22", "10.0.0.23"} == set(export["clients"])
    assert "10.0.0.10:/var/aegir/nfs/farm" == one(recorded, "aegir:PackMount", "farm")["source"]
    assert one(recorded, "aegir:PackStandby", "farm")["serves"] is True
    for kind in ("PackExport", "PackMount", "PackStandby"):
        assert "10.0.0.9" not in str(one(recorded, f"aegir:{kind}", "farm")), kind


def numbers(recorded: RecordingMocks) -> dict[str, tuple[Any, Any]]:
    return {name: (made.get("uid"), made.get("gid")) for name, made in recorded.of("aegir:Machine").items()}


def test_machines_of_a_pack_take_the_numbers_that_the_masters_account_has(hub: Path) -> None:
    recorded = declare(with_pack(hub, nfs="nas1", standby="nas2"))
    followed = dict.fromkeys(("web2", "web3", "nas1", "nas2"), (998, 997))
    assert {"db1": (None, None), "web1": (None, None), **followed} == numbers(recorded)


def test_numbers_that_one_of_a_pack_declares_are_those_of_all(hub: Path) -> None:
    declared = with_pack(hub)
    user = settings.AegirUser(uid=500, gid=501)
    declared.servers["web3"] = replace(declared.servers["web3"], aegir_user=user)  # type: ignore[index]
    assert {"web1": (500, 501), "web2": (500, 501), "web3": (500, 501)} == {
        name: found for name, found in numbers(declare(declared)).items() if name.startswith("web")
    }
    assert {} == settings.numbers.follow(declared)


def test_packs_with_a_machine_in_common_have_one_master_that_decides(hub: Path) -> None:
    declared = with_pack(hub, ("web2",))
    second = settings.Pack(name="second", master="web2", slaves=("web1", "web3"), nfs="web2", share="uploads")
    both = replace(declared, packs={**declared.packs, "second": second})
    assert {"web2": "web1", "web3": "web1"} == settings.numbers.follow(both)
