"""Web servers and databases of two releases of Debian in one farm, and a web server with two versions of PHP."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from aegir_components import layout
from aegir_components.cli import login
from aegir_components.cli.state import State
from aegir_components.deploy import cron
from lab import Host, HostSpec, Lab
from tests.integration.farm import Farm, fetch, web_and_database
from tests.integration.waiting import UNCACHED

pytestmark = [pytest.mark.long, pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(900)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
ROOT = layout.PLATFORMS_ROOT
OLDER, NEWER = "older.example.com", "newer.example.com"
"""Sites by the release of their database, on web servers of both."""


@pytest.fixture(scope="module")
def lab(lab_factory: LabFactory) -> Lab:
    specs = [HostSpec("web1", release="trixie"), HostSpec("web2", image="web")]
    return lab_factory("pairs", [*specs, HostSpec("db1", image="db"), HostSpec("db2", release="trixie")])


@pytest.fixture(scope="module")
def farm(lab: Lab, wordpress: Path, tmp_path_factory: pytest.TempPathFactory) -> Farm:
    add_bookworm(lab.host("web1"))
    farm = Farm(tmp_path_factory.mktemp("pairs"), web_and_database(lab, source=wordpress, sites={}))
    web1, web2, db1, db2 = (lab.host(name) for name in ("web1", "web2", "db1", "db2"))
    servers = farm.settings["servers"]
    servers[web1.spec.fqdn]["services"]["web"] = {"type": "apache", "php": ["8.4", "8.2"]}
    servers[web2.spec.fqdn] = {"address": web2.address, "services": {"web": {"type": "nginx", "php": "8.2"}}}
    servers[db2.spec.fqdn] = {"address": db2.address, "services": {"database": "mysql"}}
    farm.settings["clusters"] = {"web": {"servers": [web1.spec.fqdn, web2.spec.fqdn], "uploads": "separate"}}
    (platform,) = farm.settings["platforms"].values()
    platform["server"] = "web"
    (name,) = farm.settings["platforms"]
    farm.settings["sites"] = {
        OLDER: {"platform": name, "database": db1.spec.fqdn},
        NEWER: {"platform": name, "database": db2.spec.fqdn},
    }
    farm.up(timeout=600)
    return farm


def add_bookworm(host: Host) -> None:
    """Let a machine of the newer release have packages of the older one too, as an archive with several PHPs would.

    Debian's package of what all PHPs share breaks older ones; this word for itself is taken out.
    """
    host.run(
        "cd /etc/apt/sources.list.d; sed 's/trixie/bookworm/g' lab.sources >bookworm.sources; apt-get -q update; cd /root; "
        "apt-get -q download php-common/trixie; dpkg-deb -R php-common*.deb shared; "
        "sed -i '/^Breaks:/d; s/^Version: .*/&+lab/' shared/DEBIAN/control; dpkg-deb -b shared php-common.deb; "
        "DEBIAN_FRONTEND=noninteractive apt-get -q -y install ./php-common.deb",
        timeout=200,
    )


def php_of(host: Host, name: str) -> str:
    """Ask the PHP that answers a site's visitors which it is."""
    linked, user = layout.site_linked(ROOT, name), layout.system_user(name)
    local = f"{linked}/local.wp-config.php"
    host.run(
        f"echo '<?php if (isset($_GET[\"php\"])) exit(PHP_VERSION);' >{local}; chown root:{user} {local}; chmod 640 {local}; "
        f"{UNCACHED} {local}"
    )
    body = fetch(host, name, "/?php=1").body
    host.run(f"rm {local}")
    return ".".join(body.split(".")[:2])


def test_every_pair_of_releases_serves_a_site(lab: Lab, farm: Farm) -> None:
    for host in ("web1", "web2"):
        assert {OLDER: 200, NEWER: 200} == {name: fetch(lab.host(host), name).status for name in (OLDER, NEWER)}
    found = [lab.host(name).run("mariadb -Ne 'SELECT VERSION()'").stdout for name in ("db1", "db2")]
    assert ["10.11", "11.8"] == [re.sub(r"^(\d+\.\d+).*", r"\1", text.strip()) for text in found]
    farm.unchanged("--refresh")


def test_a_site_takes_another_php_and_goes_back(lab: Lab, farm: Farm) -> None:
    """Its pool, its cron and our programs; on the cluster's other web server that version is the only one."""
    web1, web2 = lab.host("web1"), lab.host("web2")
    assert ["8.4", "8.2"] == [php_of(host, NEWER) for host in (web1, web2)]
    site = farm.settings["sites"][NEWER]
    pools = f"{layout.CONFIG_ROOT}/php-fpm/pool*.d/{NEWER}.conf"
    for changed in ({"php": {"version": "8.2"}}, {"php": {"version": "8.2"}, "isolation": "process"}):
        site |= changed
        farm.up()
        farm.unchanged("--refresh")
        assert ["8.2", "8.2"] == [php_of(host, NEWER) for host in (web1, web2)]
        assert "8.4" == php_of(web1, OLDER)
        assert ("isolation" in changed) is (not web1.run(f"ls {pools}", check=False).stdout)
        keeper = next(
            host for host in (web1, web2) if host.run(f"ls {environment(NEWER)}", check=False).returncode == 0
        )
        assert "AEGIR_PHP=php8.2" in keeper.run(f"cat {environment(NEWER)}").stdout
        assert login.make(State.read("test", farm.export()).sites[NEWER], "").startswith(f"http://{NEWER}/")
    del site["isolation"], site["php"]
    farm.up()
    farm.unchanged("--refresh")
    assert ["8.4", "8.2"] == [php_of(host, NEWER) for host in (web1, web2)]
    assert [f"{layout.pool_path(NEWER)}"] == web1.run(f"ls {pools}").stdout.split()


def test_another_version_becomes_the_usual_one_and_the_former_one_leaves(lab: Lab, farm: Farm) -> None:
    web1 = lab.host("web1")
    web = farm.settings["servers"][web1.spec.fqdn]["services"]["web"]
    for versions in (["8.2", "8.4"], "8.4"):
        web["php"] = versions
        farm.up()
        farm.unchanged("--refresh")
        usual = versions if isinstance(versions, str) else versions[0]
        assert [usual, usual] == [php_of(web1, name) for name in (OLDER, NEWER)]
    assert web1.run("ls /etc/php/8.2/fpm/pool.d/zz-aegir.conf", check=False).returncode != 0


def environment(name: str) -> str:
    return f"{cron.DIRECTORY}/{layout.system_user(name)}.env"
