"""Web clusters: what they mean for platforms and sites, before any machine is touched."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml

from aegir_components import settings
from aegir_components.components.web_cluster import uploads_path

BASE = yaml.safe_load("""
hub: {address: 10.0.0.1}
servers:
  web1: {address: 10.0.0.2, ssh: {trust: first-use}, services: {web: apache}}
  web2: {address: 10.0.0.3, ssh: {trust: first-use}, services: {web: nginx}}
  db1: {address: 10.0.0.4, ssh: {trust: first-use}, services: {database: mysql}}
clusters:
  web: {servers: [web2, web1]}
platforms:
  d10: {server: web, source: /srv/src/d10}
sites:
  www.example.com: {platform: d10}
""")


def load(**uploads: Any) -> settings.Settings:
    config = copy.deepcopy(BASE)
    config["clusters"]["web"].update(uploads)
    return settings.load(config, lambda _path: False)


def test_a_platform_and_its_sites_are_on_every_member() -> None:
    declared = load()
    assert ["web1", "web2"] == [server.name for server in declared.web_servers("d10")]
    assert ["web1", "web2"] == [server.name for server in declared.site_servers("www.example.com")]
    assert "web" == getattr(declared.cluster_of("d10"), "name", None)


def test_each_site_whose_uploads_would_differ_is_warned_of() -> None:
    (warning,) = load().warnings
    assert warning.startswith('aegir:sites["www.example.com"]: cluster "web" has 2 servers and no uploads')
    assert 'Declare aegir:clusters["web"].uploads' in warning


@pytest.mark.parametrize(
    ("uploads", "path"),
    [
        ("separate", ""),
        ({"path": "/srv/shared"}, "/srv/shared"),
        ({"nfs": "nas.example.com:/srv/uploads"}, "/var/aegir/uploads/web"),
    ],
    ids=["separate", "path", "nfs"],
)
def test_a_declared_place_for_uploads_ends_the_warning(uploads: Any, path: str) -> None:
    declared = load(uploads=uploads)
    assert () == declared.warnings
    assert path == uploads_path(declared.clusters["web"])


def test_one_member_needs_no_place_for_uploads() -> None:
    assert () == load(servers=["web1"]).warnings
