"""An update on a cluster: once, with all members on the same release; and WordPress, whose database says itself what it has."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from aegir_components import layout
from lab import Host, HostSpec, Lab
from tests import codebases
from tests.integration.farm import Farm, fetch, web_and_database
from tests.integration.updating import Visitor

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(600)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
SITE = "blog.example.com"
FORMER = "UPDATE wp_options SET option_value = '53496' WHERE option_name = 'db_version'"
VERSION = "SELECT option_value FROM wp_options WHERE option_name = 'db_version'"


class Cluster:
    """WordPress on two web servers of different types."""

    def __init__(self, farm: Farm, lab: Lab, source: Path) -> None:
        self.farm, self.source = farm, source
        self.webs: tuple[Host, Host] = (lab.host("web1"), lab.host("web2"))
        self.database = lab.host("db1")

    def sql(self, statement: str) -> str:
        """Ask the site's database as root."""
        return self.database.run(f"mariadb -N {layout.database_name(SITE)}", input=statement).stdout.strip()

    def releases(self) -> set[str]:
        """Name the document roots that the web servers' definitions have."""
        found = set()
        for web in self.webs:
            text = web.run("cat /var/aegir/config/*/platform.d/code.conf").stdout
            found |= {word.rstrip(";") for word in text.split() if "/.releases/" in word}
        return found


@pytest.fixture(scope="module")
def cluster(lab_factory: LabFactory, tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    work = tmp_path_factory.mktemp("updates-cluster")
    source = work / "code"
    shutil.copytree(codebases.ask("wordpress"), source, symlinks=True)
    lab = lab_factory(
        "updates-cluster", [HostSpec("web1", image="web"), HostSpec("web2", image="web"), HostSpec("db1", image="db")]
    )
    farm = Farm(work / "farm", web_and_database(lab, source=source, sites={}))
    other = lab.host("web2")
    farm.settings["servers"][other.spec.fqdn] = {"address": other.address, "services": {"web": "nginx"}}
    members = [lab.host(name).spec.fqdn for name in ("web1", "web2")]
    farm.settings["clusters"] = {"web": {"servers": members, "uploads": "separate"}}
    farm.settings["platforms"]["code"]["server"] = "web"
    farm.settings["sites"] = {SITE: {"platform": "code", "cron": "off"}}
    farm.up(timeout=300)
    return Cluster(farm, lab, source)


def test_all_members_have_the_same_release_when_visitors_go_on(cluster: Cluster) -> None:
    new = cluster.sql(VERSION)
    cluster.sql(FORMER)
    (cluster.source / "RELEASE.txt").write_text("two\n")
    with Visitor(cluster.webs[0], SITE, "/") as one, Visitor(cluster.webs[1], SITE, "/") as two:
        done = cluster.farm.up()
    assert f"{SITE}: 1 updates, rehearsed in" in done.sentence
    assert one.statuses | two.statuses <= {200, 307}
    assert new == cluster.sql(VERSION)
    assert 1 == len(cluster.releases())
    cluster.farm.unchanged()
    assert [] == cluster.farm.drift().drift


def test_a_member_that_is_away_holds_the_site_back_on_all(cluster: Cluster) -> None:
    cluster.sql(FORMER)
    (cluster.source / "RELEASE.txt").write_text("three\n")
    before = cluster.releases()
    cluster.webs[1].pause()
    try:
        cluster.farm.up(ok=False, timeout=280)
    finally:
        cluster.webs[1].unpause()
    assert before == cluster.releases()
    assert "53496" == cluster.sql(VERSION)
    for web in cluster.webs:
        assert 200 == fetch(web, SITE).status
    cluster.farm.up()
    assert "53496" != cluster.sql(VERSION)
    assert 1 == len(cluster.releases())
    assert cluster.releases() != before
