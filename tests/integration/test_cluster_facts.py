"""Three web servers as one: each serves alone, a fourth joins, uploads stay, and a member that fails holds all back."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from aegir_components import layout
from lab import Host, HostSpec, Lab
from tests.integration.farm import Farm, fetch, hub_settings

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(900)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
SITE = "www.example.com"
SHARED = "/srv/shared"
FILES = layout.site_files(layout.PLATFORMS_ROOT, SITE)
KINDS = {"web1": "apache", "web2": "nginx", "web3": "apache", "web4": "nginx"}
UNITS = {"apache": "apache2", "nginx": "nginx"}
PUBLISHED = f"{layout.PLATFORMS_ROOT}/code"
DRUPAL = f"{layout.PLATFORMS_ROOT}/drupal"
REFUSES_RELOADS = "/etc/systemd/system/apache2.service.d/refuses.conf"
CUTS_OFF = f"""[Service]
ExecReload=
ExecReload=/usr/sbin/apachectl graceful
ExecReload=/bin/sh -c '[ -e /run/cut ] || {{ readlink {PUBLISHED} >/run/cut; pkill -KILL -f "[s]shd: root"; }}'
"""
SUMS = "cd $(readlink {path}) && find . -type f -printf '%P\\0' | sort -z | xargs -0 sha256sum | sha256sum"
"""Of every byte of a release, as nobody of ours computes it."""


def upload(host: Host, name: str) -> None:
    """Write a file as the site's PHP does when somebody uploads it."""
    host.run(f"runuser -u {layout.system_user(SITE)} -- sh -c 'echo dear >{FILES}/{name}.txt'")


class Estate:
    """A cluster of three with a site that shares its uploads, and a platform of Drupal's form without one."""

    def __init__(self, lab: Lab, directory: Path, wordpress: Path) -> None:
        self.lab, self.directory = lab, directory
        self.source = directory / "source"
        shutil.copytree(wordpress, self.source, symlinks=True)
        drupal = directory / "drupal"
        for name, text in {
            "web/core/lib/Drupal.php": "<?php class Drupal { const VERSION = '10.1.6'; }\n",
            "web/index.php": "<?php\n",
            # What an unanchored exclusion of Drupal's sites would take for a site's own.
            "vendor/x/sites/y/settings.php": "<?php // of vendor's\n",
            "vendor/x/sites/y/files/code.php": "<?php // of vendor's\n",
            "web/modules/x/sites/default/private/code.php": "<?php // of a module's\n",
        }.items():
            (drupal / name).parent.mkdir(parents=True, exist_ok=True)
            (drupal / name).write_text(text)
        database = lab.host("db1")
        self.farm = Farm(
            directory / "farm",
            {
                "hub": hub_settings(lab),
                "servers": {database.spec.fqdn: {"address": database.address, "services": {"database": "mysql"}}},
                "clusters": {"web": {"servers": [], "uploads": {"path": SHARED}}},
                "platforms": {
                    "code": {"server": "web", "source": str(self.source)},
                    "drupal": {"server": "web", "source": str(drupal)},
                },
                "sites": {SITE: {"platform": "code"}},
            },
        )
        self.hosts: list[Host] = []
        self.text = ""
        """Of the newest release."""
        for name in ("web1", "web2", "web3"):
            self.join(name)

    def join(self, name: str) -> Host:
        """Make a host a member."""
        host = self.lab.host(name)
        self.farm.settings["servers"][host.spec.fqdn] = {"address": host.address, "services": {"web": KINDS[name]}}
        self.farm.settings["clusters"]["web"]["servers"].append(host.spec.fqdn)
        self.hosts.append(host)
        return host

    def change(self) -> str:
        """Make the source another release; give the text of the former one."""
        former, number = self.text, int(self.text or "0") + 1
        self.text = str(number)
        (self.source / "release.txt").write_text(self.text)
        return former

    def live(self) -> list[str]:
        return [host.run(f"readlink {PUBLISHED}").stdout.strip() for host in self.hosts]

    def answers(self, *hosts: Host) -> set[tuple[int, str]]:
        """Ask members, all of them unless some are given, for the site and for which release it is."""
        return {
            (fetch(host, SITE).status, fetch(host, SITE, "/release.txt").body.strip()) for host in hosts or self.hosts
        }

    @contextmanager
    def alone(self, host: Host) -> Iterator[None]:
        """Let one member's web server run, and no other's."""
        others = [other for other in self.hosts if other is not host]
        for other in others:
            other.run(f"systemctl stop {UNITS[KINDS[other.name]]}")
        try:
            yield
        finally:
            for other in others:
                other.run(f"systemctl start {UNITS[KINDS[other.name]]}")


@pytest.fixture(scope="module")
def estate(lab_factory: LabFactory, wordpress: Path, tmp_path_factory: pytest.TempPathFactory) -> Estate:
    webs = [HostSpec(name, image="web", shared=SHARED) for name in KINDS]
    lab = lab_factory("facts", [*webs, HostSpec("db1", image="db")])
    made = Estate(lab, tmp_path_factory.mktemp("facts"), wordpress)
    made.change()
    made.farm.up()
    return made


def test_fact_14_each_of_three_members_alone_serves_the_site_with_the_same_release(estate: Estate) -> None:
    (release,) = set(estate.live())
    assert release == estate.farm.outputs()["platforms"]["code"]["release_path"]
    assert 1 == len({host.run(SUMS.format(path=PUBLISHED)).stdout for host in estate.hosts})

    for host in estate.hosts:
        with estate.alone(host):
            assert {(200, estate.text)} == estate.answers(host)
            others = {other.name: other.run(f"systemctl is-active {UNITS[KINDS[other.name]]}", check=False).stdout.strip()
                      for other in estate.hosts if other is not host}  # fmt: skip
            assert {"inactive"} == set(others.values())


def test_fact_24_code_below_a_directory_called_sites_is_on_every_web_server(estate: Estate) -> None:
    wanted = "\n".join(
        f"{path}: {text}"
        for path, text in (
            ("vendor/x/sites/y/files/code.php", "<?php // of vendor's"),
            ("vendor/x/sites/y/settings.php", "<?php // of vendor's"),
            ("web/modules/x/sites/default/private/code.php", "<?php // of a module's"),
        )
    )
    found = [
        host.run(
            f"cd {DRUPAL}/ && grep -rH . --include=code.php --include=settings.php vendor web/modules | sort"
        ).stdout
        for host in estate.hosts
    ]
    assert [wanted.replace(": ", ":")] * 3 == [text.strip() for text in found]


def test_fact_16_an_upload_on_the_second_member_stays_through_releases(estate: Estate) -> None:
    second, path = estate.hosts[1], f"/sites/{SITE}/files/upload.txt"
    upload(second, "upload")
    estate.change()

    estate.farm.up()
    estate.farm.up("--refresh")

    assert {(200, estate.text)} == estate.answers()
    assert ["dear"] * len(estate.hosts) == [fetch(host, SITE, path).body.strip() for host in estate.hosts]
    assert "dear" == second.run(f"cat {FILES}/upload.txt").stdout.strip()


def test_fact_15_a_fourth_member_serves_with_its_access_to_the_database(estate: Estate) -> None:
    upload(estate.hosts[0], "earlier")
    fourth = estate.join("web4")

    estate.farm.up()

    with estate.alone(fourth):
        assert {(200, estate.text)} == estate.answers(fourth)
        assert "dear" == fetch(fourth, SITE, f"/sites/{SITE}/files/earlier.txt").body.strip()
    said = estate.lab.host("db1").run("mysql -Ne \"SELECT host FROM mysql.user WHERE user LIKE 'www_example%'\"").stdout
    assert fourth.address in said.split()
    assert 1 == len(set(estate.live()))
    estate.farm.unchanged("--refresh")


def test_fact_17_with_a_member_down_no_other_switches_and_each_ones_result_is_told(estate: Estate) -> None:
    third, before = estate.hosts[2], estate.live()
    old = estate.change()
    third.kill()
    estate.farm.disconnect()
    rest = [host for host in estate.hosts if host is not third]
    try:
        refused = estate.farm.up(ok=False)
        assert f"{third.spec.fqdn}: " in refused.sentence
        for host in rest:
            assert f"{host.spec.fqdn} is prepared" in refused.sentence
        assert "Nothing was switched" in refused.sentence
        assert {before[0]} == {host.run(f"readlink {PUBLISHED}").stdout.strip() for host in rest}
        assert {(200, old)} == estate.answers(*rest)
    finally:
        third.start()
    assert before == estate.live()

    estate.farm.up()

    assert {(200, estate.text)} == estate.answers()
    # A container that is started anew has another /etc/hosts, without what was written into it.
    estate.farm.up("--refresh")
    estate.farm.unchanged("--refresh")


def test_fact_17_when_one_member_fails_at_the_switch_those_that_switched_go_back(estate: Estate) -> None:
    """It is ready, gets the word with all others, moves its link, and its web server does not take the reload."""
    third, before = estate.hosts[2], estate.live()
    third.run(
        f"mkdir -p {Path(REFUSES_RELOADS).parent} && cat >{REFUSES_RELOADS} && systemctl daemon-reload",
        input="[Service]\nExecReload=\nExecReload=/bin/false\n",
    )
    old = estate.change()

    refused = estate.farm.up(ok=False)

    for host in estate.hosts:
        if host is third:
            assert f"{host.spec.fqdn} was not switched: " in refused.sentence
        else:
            assert f"{host.spec.fqdn} was switched and has gone back to its former release" in refused.sentence
    assert "the reload failed; it was rolled back" in refused.sentence
    assert before == estate.live()
    assert {(200, old)} == estate.answers()
    for host in estate.hosts:
        said = host.run(f"cat /var/aegir/config/{KINDS[host.name]}/platform.d/code.conf").stdout
        assert before[0] in said, "definition and link name the same release"

    third.run(f"rm {REFUSES_RELOADS} && systemctl daemon-reload")
    estate.farm.up()
    assert {(200, estate.text)} == estate.answers()
    estate.farm.unchanged("--refresh")


def test_fact_17_a_member_that_was_cut_off_after_it_switched_goes_back_with_the_others(estate: Estate) -> None:
    """The hub hears nothing of it: it looks again, and does not call it one that did not switch."""
    third, before = estate.hosts[2], estate.live()
    third.run(
        f"mkdir -p {Path(REFUSES_RELOADS).parent} && cat >{REFUSES_RELOADS} && systemctl daemon-reload",
        input=CUTS_OFF,
    )
    old = estate.change()

    refused = estate.farm.up(ok=False)

    assert before[2] != third.run("cat /run/cut").stdout.strip(), "it had switched when it was cut off"
    assert f"{third.spec.fqdn} was told to switch (the connection broke during switching" in refused.sentence
    for host in estate.hosts:
        told = refused.sentence.partition(f"{host.spec.fqdn} was ")[2].partition(";")[0]
        assert "has gone back to its former release" in told
    assert before == estate.live()
    assert {(200, old)} == estate.answers()
    third.run(f"rm {REFUSES_RELOADS} /run/cut && systemctl daemon-reload")
    estate.farm.up()
    assert {(200, estate.text)} == estate.answers()
    estate.farm.unchanged("--refresh")


def test_every_member_keeps_the_newest_three_releases(estate: Estate) -> None:
    for _ in range(4):
        estate.change()
        estate.farm.up()

    kept = [
        host.run(f"ls {layout.PLATFORMS_ROOT}/.releases/code | grep -cE '^[0-9a-f]{{16}}$'").stdout.strip()
        for host in estate.hosts
    ]
    assert {"3"} == set(kept)
    assert {(200, estate.text)} == estate.answers()
