"""What a program declares is what earlier versions declared: users' states see no change.

`tests/fixtures/declared` has the resources that an earlier version declared of `stack_file`: URN, inputs, dependencies and
protection. The engine compares these with a state. Digests of templates change with these, and are left out.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from aegir_components.preview import php_offers
from tests.programs import KEY, run
from tests.unit.test_estate import COMPUTED, hub

__all__ = ["hub"]

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "tests" / "fixtures" / "declared"


def stack_file(hub: Path) -> dict[str, str]:
    """Give the configuration of a stack with a pack, a cluster, a bastion, databases with TLS and an external one."""
    ssh = {"host_key": KEY}
    config: dict[str, Any] = {
        "environment": "acceptance",
        "hub": {"address": "10.0.0.1", "root": str(hub), "ssh": {"identity": str(hub / "id")}},
        "servers": {
            "db1": {
                "address": "10.0.0.3", "ssh": ssh, "dns": "manage",
                "services": {"database": {"type": "mysql", "tls": "required", "reach": "ssh"}},
                "limits": {"connections": 50},
            },
            "db2": {
                "address": "10.0.0.4", "connection": "none",
                "services": {"database": {"type": "mysql", "admin": {"name": "admin", "password": "correct horse"}}},
            },
            "web1": {"address": "10.0.0.11", "ssh": ssh, "services": {"web": "nginx_ssl"}, "php": {"memory": "256M"}},
            "web2": {"address": "10.0.0.12", "ssh": {**ssh, "jump": "web1"}, "services": {"web": "apache"}},
            "web3": {"address": "10.0.0.13", "ssh": ssh, "services": {"web": {"type": "apache", "php": ["8.3", "8.2"]}}},
            "web4": {"address": "10.0.0.14", "ssh": ssh, "services": {"web": "apache_ssl"}},
            "web5": {"address": "10.0.0.15", "ssh": ssh, "services": {"web": "apache_ssl"}, "limits": {"memory": "1G"}},
        },
        "clusters": {"webs": {"servers": ["web2", "web3"], "uploads": {"nfs": "nas.example.com:/srv/uploads"}}},
        "packs": {"pack": {"master": "web4", "slaves": ["web5"]}},
        "platforms": {
            name: {"server": server, "source": str(hub / "drupal"), **more}
            for name, server, more in (
                ("single", "web1", {"rollout": {"canary": ["www.example.com"]}, "update": ["database", "config"]}),
                ("wide", "webs", {"keep_releases": 5}),
                ("shared", "pack", {"publish_path": "/var/aegir/platforms/shared-10"}),
            )
        },
        "sites": {
            "www.example.com": {
                "platform": "single", "database": "db1", "https": "required", "aliases": ["example.com"], "mail": "off",
                "settings": {"a": 1}, "php": {"memory": "512M"}, "isolation": "process", "formerly": "old.example.com",
            },
            "wide.example.com": {"platform": "wide", "database": {"server": "db2", "rights": ["TRIGGER"]}, "protect": True},
            "shared.example.com": {"platform": "shared", "database": "db1", "state": "disabled", "client": "A client"},
        },
        "backups": {"every": "day"},
        "reverse_proxies": ["10.0.0.0/24"],
    }  # fmt: skip
    return {f"aegir:{key}": value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}


def rows(hub: Path, program: Path) -> dict[str, Any]:
    """Run a program, and give what is the same wherever it runs."""
    computed = {**COMPUTED, "aegir:DatabaseAuthority": {"certificate": "CA", "key": "key"}}
    secrets = {"aegir:servers"}
    ran = run(program, config=stack_file(hub), computed=computed, project="aegir", secrets=secrets)
    key = " ".join((hub / "id.pub").read_text().split()[:2])
    text = json.dumps(ran.rows, sort_keys=True).replace(key, "PUBLIC KEY")
    text = re.sub(r'"templates": "[0-9a-f]+"', '"templates": "DIGEST"', text.replace(str(hub), "HUB"))
    found: dict[str, Any] = json.loads(text)
    return found


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*.json")), ids=lambda path: path.stem)
def test_a_stack_file_declares_what_it_declared_before(hub: Path, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Nobody is at these addresses: a login would be waited for half a minute.
    monkeypatch.setattr(php_offers, "ask_machines", lambda _connections: {})
    before, now = json.loads(path.read_text()), rows(hub, ROOT / "__main__.py")

    assert sorted(before) == sorted(now)
    for urn, row in before.items():
        assert row == now[urn], urn
