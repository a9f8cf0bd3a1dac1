"""A platform that gets another server."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from aegir_components import layout
from lab import HostSpec, Lab
from tests.integration.farm import Farm, fetch, web_and_database

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(600)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
PUBLISHED = "/var/aegir/platforms/code"
SITE = "www.example.com"


def test_a_platform_moves_with_its_sites(lab_factory: LabFactory, wordpress: Path, tmp_path: Path) -> None:
    """Uploads are on the server that a platform leaves: they are never left behind."""
    names = [HostSpec("web1", image="web"), HostSpec("web2", image="web"), HostSpec("db1", image="db")]
    lab = lab_factory("move", names)
    one, two = lab.host("web1"), lab.host("web2")
    farm = Farm(tmp_path, web_and_database(lab, source=wordpress))
    farm.settings["servers"][two.spec.fqdn] = {"address": two.address, "services": {"web": "nginx"}}
    farm.up()
    files = layout.site_files(layout.PLATFORMS_ROOT, SITE)
    one.run(f"runuser -u {layout.system_user(SITE)} -- sh -c 'echo dear >{files}/early.txt'")

    farm.settings["platforms"]["code"]["server"] = two.spec.fqdn
    farm.up()

    assert "dear\n" == fetch(two, SITE, f"/sites/{SITE}/files/early.txt").body
    assert one.run(f"ls -A {PUBLISHED} /var/aegir/config/apache/platform.d 2>/dev/null || true").stdout.split() == [
        "/var/aegir/config/apache/platform.d:"
    ]
    farm.unchanged("--refresh")


def test_a_platform_moves_from_a_server_to_a_cluster_and_its_sites_follow(
    lab_factory: LabFactory, wordpress: Path, tmp_path: Path
) -> None:
    names = [*(HostSpec(f"web{number}", image="web") for number in (1, 2, 3)), HostSpec("db1", image="db")]
    lab = lab_factory("move-cluster", names)
    one, two, three = (lab.host(f"web{number}") for number in (1, 2, 3))
    farm = Farm(tmp_path, web_and_database(lab, source=wordpress))
    for host, kind in ((two, "nginx"), (three, "apache")):
        farm.settings["servers"][host.spec.fqdn] = {"address": host.address, "services": {"web": kind}}
    farm.settings["clusters"] = {"web": {"servers": [two.spec.fqdn, three.spec.fqdn], "uploads": "separate"}}
    farm.up()
    files = layout.site_files(layout.PLATFORMS_ROOT, SITE)
    one.run(f"runuser -u {layout.system_user(SITE)} -- sh -c 'echo dear >{files}/early.txt'")

    # To a cluster without the server that has the uploads: they come along.
    farm.settings["platforms"]["code"]["server"] = "web"
    farm.up()
    assert ["dear"] * 2 == [fetch(host, SITE, f"/sites/{SITE}/files/early.txt").body.strip() for host in (two, three)]
    # Who still comes to the former one is served from there.
    assert ("dear", 200) == (fetch(one, SITE, f"/sites/{SITE}/files/early.txt").body.strip(), fetch(one, SITE).status)
    farm.unchanged("--refresh")

    farm.settings["clusters"]["web"]["servers"].append(one.spec.fqdn)
    farm.up()

    assert [200] * 3 == [fetch(host, SITE).status for host in (one, two, three)]
    assert ["dear"] * 3 == [
        fetch(host, SITE, f"/sites/{SITE}/files/early.txt").body.strip() for host in (one, two, three)
    ]
    assert 1 == len({host.run(f"readlink {PUBLISHED}").stdout for host in (one, two, three)})
    farm.unchanged("--refresh")

    farm.settings["clusters"]["web"]["servers"].remove(one.spec.fqdn)
    farm.up()

    assert [200] * 2 == [fetch(host, SITE).status for host in (two, three)]
    assert "" == one.run(f"ls -d {PUBLISHED} {layout.PLATFORMS_ROOT}/.releases/code 2>/dev/null || :").stdout
    farm.unchanged("--refresh")
