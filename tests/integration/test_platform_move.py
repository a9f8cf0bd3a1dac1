"""A platform that gets another server."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from lab import HostSpec, Lab
from tests.integration.farm import Farm, web_and_database

pytestmark = [pytest.mark.lab, pytest.mark.slow]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
PUBLISHED = "/var/aegir/platforms/code"


def test_a_platform_moves_without_sites_and_stays_with_them(
    lab_factory: LabFactory, wordpress: Path, tmp_path: Path
) -> None:
    """Uploads are on the server that a platform leaves: they are never left behind silently."""
    names = [HostSpec("web1", image="web"), HostSpec("web2", image="web"), HostSpec("db1", image="db")]
    lab = lab_factory("move", names)
    one, two = lab.host("web1"), lab.host("web2")
    farm = Farm(tmp_path, web_and_database(lab, source=wordpress))
    farm.settings["servers"][two.spec.fqdn] = {"address": two.address, "services": {"web": "nginx"}}
    farm.up()

    farm.settings["platforms"]["code"]["server"] = two.spec.fqdn
    refused = farm.up(ok=False)

    assert "has sites with their files here: www.example.com" in refused.sentence
    assert two.run(f"test -e {PUBLISHED}", check=False).returncode != 0
    assert one.run(f"test -e {PUBLISHED}/index.php", check=False).returncode == 0

    site = farm.settings["sites"].pop("www.example.com")
    farm.settings["platforms"]["code"]["server"] = one.spec.fqdn
    farm.up()
    farm.settings["platforms"]["code"]["server"] = two.spec.fqdn
    farm.up()

    assert one.run(f"ls -A {PUBLISHED} /var/aegir/config/apache/platform.d 2>/dev/null || true").stdout.split() == [
        "/var/aegir/config/apache/platform.d:"
    ]
    farm.settings["sites"]["www.example.com"] = site
    farm.up()
    farm.unchanged("--refresh")
