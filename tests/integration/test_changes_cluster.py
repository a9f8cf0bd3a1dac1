"""Edits of a cluster whose sites are served over TLS: a release that breaks one site, and other names for its web servers."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from aegir_components import layout
from aegir_components.health import probe
from lab import Host, HostSpec, Lab
from tests.integration.farm import Farm, web_and_database

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(600)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
REQUIRED, ENABLED, CLOSED = "required.example.com", "enabled.example.com", "closed.example.com"
SITES = {REQUIRED: {"https": "required"}, ENABLED: {"https": "enabled"}, CLOSED: {"state": "disabled"}}
HOSTS = [HostSpec("web1", image="web"), HostSpec("web2", image="web"), HostSpec("db1", image="db")]


@pytest.fixture(scope="module")
def lab(lab_factory: LabFactory) -> Lab:
    return lab_factory("edits", HOSTS)


@pytest.fixture(scope="module")
def farm(lab: Lab, wordpress: Path, tmp_path_factory: pytest.TempPathFactory) -> Farm:
    source = tmp_path_factory.mktemp("source") / "code"
    shutil.copytree(wordpress, source, symlinks=True)
    settings = web_and_database(lab, source=source, sites=SITES)
    for name, kind in (("web1", "apache_ssl"), ("web2", "nginx_ssl")):
        host = lab.host(name)
        settings["servers"][host.spec.fqdn] = {
            "address": host.address,
            "services": {"web": kind},
            "ssh": {"host_key": host.host_key},
        }
    members = [lab.host(name).spec.fqdn for name in ("web1", "web2")]
    settings["clusters"] = {"web": {"servers": members, "uploads": "separate"}}
    settings["platforms"]["code"]["server"] = "web"
    made = Farm(tmp_path_factory.mktemp("edits"), settings)
    made.up()
    for host in webs(lab):
        files = layout.site_files(layout.PLATFORMS_ROOT, ENABLED)
        host.run(f"runuser -u {layout.system_user(ENABLED)} -- sh -c 'echo of {host.name} >{files}/own.txt'")
    return made


def webs(lab: Lab) -> list[Host]:
    return [lab.host("web1"), lab.host("web2")]


def live(lab: Lab) -> list[str]:
    return [host.run("readlink /var/aegir/platforms/code").stdout for host in webs(lab)]


def check_all_is_served(lab: Lab) -> None:
    for host in webs(lab):
        asked = {name: probe.get(host.address, 80, name, tls=True).status for name in (REQUIRED, ENABLED)}
        assert asked == {REQUIRED: 200, ENABLED: 200}, host.name
        assert probe.get(host.address, 80, CLOSED).status == 503, host.name
        upload = probe.get(host.address, 80, ENABLED, f"/sites/{ENABLED}/files/own.txt", tls=True)
        assert upload.body.strip() == f"of {host.name}"


def test_a_site_that_a_release_breaks_goes_back_on_all_web_servers(farm: Farm, lab: Lab) -> None:
    settings = Path(farm.settings["platforms"]["code"]["source"]) / "wp-settings.php"
    kept, before = settings.read_text(), live(lab)
    settings.write_text(f"{kept}\nif ($_SERVER['HTTP_HOST'] === '{REQUIRED}') {{ throw new Exception('gone'); }}")

    said = farm.up(ok=False).sentence
    assert "1 of 2 sites that answered before do not answer with the new release" in said
    assert all(f"{REQUIRED} on {host.spec.fqdn}: answers 500" in said for host in webs(lab))
    assert "font-family" not in said, "a style sheet tells nobody anything"
    assert all(was != now for was, now in zip(before, live(lab), strict=True)), "the other sites go on"
    check_all_is_served(lab)
    settings.write_text(kept)
    # What a failed run has worked on is made as declared once more.
    farm.up()
    assert before == live(lab)
    farm.unchanged()


def test_a_cluster_and_its_web_servers_get_other_names_and_change_them(farm: Farm, lab: Lab) -> None:
    servers = farm.settings["servers"]
    for host, name in zip(webs(lab), ("one.lab.test", "two.lab.test"), strict=True):
        servers[name] = servers.pop(host.spec.fqdn)
    farm.settings["clusters"] = {"front": {"servers": ["one.lab.test", "two.lab.test"], "uploads": "separate"}}
    farm.settings["platforms"]["code"]["server"] = "front"
    farm.up()
    check_all_is_served(lab)
    farm.unchanged("--refresh")

    servers["one.lab.test"], servers["two.lab.test"] = servers["two.lab.test"], servers["one.lab.test"]
    farm.up()
    check_all_is_served(lab)
    farm.unchanged("--refresh")


def test_two_platforms_of_a_cluster_get_their_releases_in_one_run(farm: Farm, lab: Lab) -> None:
    """Each switch holds both web servers: taken crosswise, both runs waited for each other until their time was up."""
    code = Path(farm.settings["platforms"]["code"]["source"])
    farm.settings["platforms"]["beside"] = dict(farm.settings["platforms"]["code"])
    farm.up()
    for number in range(3):
        (code / "license.txt").write_text(f"release {number}\n")
        farm.up()
    check_all_is_served(lab)
    del farm.settings["platforms"]["beside"]
    farm.up()
