"""Packs: what they mean for platforms and sites, and what is refused before any machine is touched."""

# ruff: noqa: E501  A message stands in one piece, so that it can be searched for.

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml

from aegir_components import settings
from aegir_components.settings.packs import shared_root

BASE = yaml.safe_load("""
hub: {address: 10.0.0.1}
servers:
  web1: {address: 10.0.0.2, ssh: {trust: first-use}, services: {web: apache}}
  web2: {address: 10.0.0.3, ssh: {trust: first-use}, services: {web: nginx}}
  web3: {address: 10.0.0.4, ssh: {trust: first-use}, services: {web: apache}}
  nas1: {address: 10.0.0.5, ssh: {trust: first-use}}
  nas2: {address: 10.0.0.6, ssh: {trust: first-use}}
  db1: {address: 10.0.0.7, ssh: {trust: first-use}, services: {database: mysql}}
  rds: {address: 10.0.0.8, connection: none, services: {database: {type: mysql, admin: {name: a, password: secret-words}}}}
  hub: {address: 10.0.0.1, connection: local}
packs:
  farm: {master: web1, slaves: [web3, web2]}
platforms:
  d10: {server: farm, source: /srv/src/d10}
sites:
  www.example.com: {platform: d10, database: db1}
""")
FARM = 'aegir:packs["farm"]'


def load(changes: dict[str, Any] | None = None, **pack: Any) -> settings.Settings:
    config = copy.deepcopy(BASE)
    config["packs"]["farm"].update(pack)
    for path, value in (changes or {}).items():
        *steps, last = path.split(">")
        place = config
        for step in steps:
            place = place.setdefault(step, {})
        place[last] = value
    return settings.load(config, lambda path: path.endswith(".password"))


def test_a_platform_and_its_sites_are_on_master_and_slaves() -> None:
    declared = load()
    assert ["web1", "web2", "web3"] == [server.name for server in declared.web_servers("d10")]
    assert ["web1", "web2", "web3"] == [server.name for server in declared.site_servers("www.example.com")]
    pack = declared.pack_of("d10")
    assert pack is not None
    assert ("web1", ("web2", "web3"), "web1") == (pack.master, pack.slaves, pack.exporter)
    assert declared.cluster_of("d10") is None


def test_the_master_exports_unless_another_machine_is_declared() -> None:
    assert "nas1" == load(nfs="nas1").packs["farm"].exporter
    assert "hub" == load(nfs="hub").packs["farm"].exporter
    assert "nas2" == load(nfs="nas1", standby="nas2", failover="nas2").packs["farm"].exporter
    assert "" == load(share="external", path="/srv/shared").packs["farm"].exporter


def test_code_is_below_what_the_members_share() -> None:
    assert "/var/aegir/platforms/d10" == load().platforms["d10"].publish_path
    external = load(share="external", path="/srv/shared")
    assert "/srv/shared/d10" == external.platforms["d10"].publish_path
    assert "/srv/shared" == shared_root(external.packs["farm"])
    assert "" == shared_root(load(share="uploads").packs["farm"])


@pytest.mark.parametrize(
    ("pack", "fault"),
    [
        ({"slaves": ["web1"]}, f'{FARM}.slaves[0]: "web1" is the pack\'s master; it cannot be a slave of itself'),
        ({"slaves": ["web2", "web2"]}, f'{FARM}.slaves[1]: "web2" is in this list already'),
        ({"slaves": ["db1"]}, f'{FARM}.slaves[0]: server "db1" has no web service; servers that have one: web1, web2, web3'),
        ({"slaves": ["web9"]}, f'{FARM}.slaves[0]: no server named "web9"; known: db1, hub, nas1, nas2, rds, web1, web2, web3'),
        ({"slaves": ["farm"]}, f'{FARM}.slaves[0]: "farm" is a pack; the members of a pack are web servers: web1, web2, web3'),
        ({"master": "farm", "slaves": []}, f'{FARM}.master: "farm" is a pack; the members of a pack are web servers: web1, web2, web3'),
        ({"master": ["web1", "web2"], "slaves": []}, f"{FARM}.master: a pack has one master; write one server's name, and the others under slaves"),
        ({"nfs": "web2"}, f'{FARM}.nfs: "web2" is a slave; the NFS server is the master, the hub, or a machine beside the pack'),
        ({"nfs": "rds"}, f'{FARM}.nfs: server "rds" has connection: none; nothing can be exported there'),
        ({"nfs": "nas9"}, f'{FARM}.nfs: no server named "nas9"; known: db1, hub, nas1, nas2, rds, web1, web2, web3'),
        ({"share": "all"}, f'{FARM}.share: must be one of code, uploads, external, not "all"'),
        ({"share": "external"}, f"{FARM}.path: missing; share: external needs the directory that every member has mounted already"),
        ({"share": "external", "path": "/srv/shared", "nfs": "nas1"}, f"{FARM}.nfs: nothing is exported with share: external; remove this key"),
        ({"path": "/srv/shared"}, f"{FARM}.path: only share: external has a path; with share: code the place is Aegir's own"),
        ({"standby": "nas2"}, f"{FARM}.standby: a standby can take over only from an NFS server beside the pack: the master's own files would lie under the mount. Declare nfs"),
        ({"nfs": "nas1", "standby": "web2"}, f'{FARM}.standby: "web2" is in the pack already; a standby is a machine of its own'),
        ({"nfs": "nas1", "failover": "nas2"}, f'{FARM}.failover: "nas2" keeps no copy of this pack; declare it as the pack\'s standby first'),
        ({"nfs": "nas1", "standby": "nas2", "failover": "nas1"}, f'{FARM}.failover: "nas1" keeps no copy of this pack; the pack\'s standby is "nas2"'),
        ({"masters": "web1"}, f'{FARM}.masters: unknown key; did you mean "master"?'),
    ],
    ids=lambda value: None if isinstance(value, dict) else value.partition(":")[2][:40],
)  # fmt: skip
def test_a_wrong_pack_is_refused_with_its_path(pack: dict[str, Any], fault: str) -> None:
    with pytest.raises(settings.SettingsError) as refused:
        load(**pack)
    assert (fault,) == tuple(refused.value.faults)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        (
            {"clusters>farm": {"servers": ["web1"]}},
            f'{FARM}: a cluster is called "farm" already; choose another name for the pack',
        ),
        (
            {"packs>web2": {"master": "web1"}},
            'aegir:packs["web2"]: a server is called "web2" already; choose another name for the pack',
        ),
        ({"packs>farm": {}}, f"{FARM}.master: missing; write the web server that has code and data; known: web1, web2, web3"),
        (
            {"platforms>own": {"server": "web2", "source": "/srv/src/own"}},
            f'{FARM}: the mount on /var/aegir/platforms of server "web2" would hide platform "own", which is on "web2"; '
            "give that another publish_path, or put it on the pack",
        ),
        (
            {"packs>other": {"master": "web1", "slaves": ["web2"]}},
            'aegir:packs["other"]: server "web2" mounts /var/aegir/platforms from pack "farm" already; it can have one pack\'s code only',
        ),
        (
            {"platforms>d10>publish_path": "/srv/aegir/d10"},
            'aegir:platforms["d10"].publish_path: must lie in /var/aegir/platforms, which the members of pack "farm" share',
        ),
    ],
    ids=["cluster-name", "server-name", "no-master", "hidden-platform", "two-mounts", "outside"],
)  # fmt: skip
def test_what_does_not_go_with_a_pack_is_refused(changes: dict[str, Any], fault: str) -> None:
    with pytest.raises(settings.SettingsError) as refused:
        load(changes)
    assert fault in refused.value.faults


def test_the_master_may_have_platforms_of_its_own_where_it_exports() -> None:
    declared = load({"platforms>own": {"server": "web1", "source": "/srv/src/own"}})
    assert ["web1"] == [server.name for server in declared.web_servers("own")]


def test_members_that_share_uploads_only_may_have_other_platforms() -> None:
    declared = load({"platforms>own": {"server": "web2", "source": "/srv/src/own"}}, share="uploads")
    assert ["web2"] == [server.name for server in declared.web_servers("own")]
