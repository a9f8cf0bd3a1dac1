"""A one-machine Aegir: hub, web server and database server are the same host, reached without ssh."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from lab import HostSpec, Lab
from tests.integration import inside
from tests.integration.farm import fetch
from tests.integration.waiting import journal

pytestmark = [pytest.mark.lab, pytest.mark.slow]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
NAME = "www.example.com"
HUB = "hub1.lab.test"


@pytest.mark.timeout(600)
def test_the_hub_is_a_server_as_well(lab_factory: LabFactory, wordpress: Path) -> None:
    lab = lab_factory("local", [HostSpec("hub1", image="web")])
    host = lab.host("hub1")
    declared = {
        "aegir:hub": {"address": host.address},
        "aegir:servers": {HUB: {"connection": "local", "services": {"web": "apache", "database": "mysql"}}},
        "aegir:platforms": {"code": {"server": HUB, "source": "/opt/code"}},
        "aegir:sites": {NAME: {"platform": "code"}},
    }
    inside.become_hub(host, declared, wordpress)
    since = host.run("date '+%Y-%m-%d %H:%M:%S'").stdout.strip()

    inside.up(host)

    assert fetch(host, NAME).status == 200
    accounts = host.run("mysql -N -e \"SELECT CONCAT(user, '@', host) FROM mysql.user\"").stdout.split()
    ours = {account.partition("@")[2] for account in accounts if account.startswith(("aegir_root", "www_example"))}
    assert {host.address} == ours
    inside.unchanged(host, "--refresh")
    assert "Accepted" not in journal(host, f"-u ssh --since '{since}'")
    inside.destroy(host)
    assert "1" == host.run("ls /var/aegir/backups/*.sql.gz | wc -l").stdout.strip()
