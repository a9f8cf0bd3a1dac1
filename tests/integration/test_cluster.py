"""A web cluster: platforms and sites on all members, members that join, leave, and die."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from aegir_components import layout
from lab import Host, HostSpec, Lab
from tests.integration.farm import Config, Farm, fetch, hub_settings

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(900)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
SITE = "www.example.com"
SHARED = "/srv/shared"
FILES = layout.site_files("/var/aegir/platforms", SITE)


@pytest.fixture(scope="module")
def lab(lab_factory: LabFactory) -> Lab:
    webs = [HostSpec(f"web{number}", image="web", shared=SHARED) for number in (1, 2, 3)]
    return lab_factory("cluster", [*webs, HostSpec("db1", image="db")])


def declare(lab: Lab, source: Path, *members: str, uploads: object = None) -> Config:
    """Declare a cluster of Apache and nginx, with one site."""
    kinds = {"web1": "apache", "web2": "nginx", "web3": "apache"}
    cluster: Config = {"servers": [lab.host(name).spec.fqdn for name in members]}
    if uploads is not None:
        cluster["uploads"] = uploads
    servers = {lab.host(name).spec.fqdn: {"address": lab.host(name).address, "services": {"web": kinds[name]}}
               for name in members}  # fmt: skip
    database = lab.host("db1")
    servers[database.spec.fqdn] = {"address": database.address, "services": {"database": "mysql"}}
    return {
        "hub": hub_settings(lab),
        "servers": servers,
        "clusters": {"web": cluster},
        "platforms": {"code": {"server": "web", "source": str(source)}},
        "sites": {SITE: {"platform": "code"}},
    }


def accounts(lab: Lab) -> set[str]:
    """List the addresses that the site's account is for."""
    said = lab.host("db1").run("mysql -Ne \"SELECT host FROM mysql.user WHERE user LIKE 'www_example%'\"").stdout
    return set(said.split())


def of_ours(host: Host) -> str:
    """List what is of the site and its platform on a web server."""
    return host.run(
        "ls -d /var/aegir/platforms/code /var/aegir/platforms/.releases/code /var/aegir/platforms/.sites/www* "
        "/var/aegir/config/*/vhost.d/www* /var/aegir/config/*/platform.d/code.conf /var/aegir/config/php-fpm/pool.d/www* "
        "2>/dev/null; getent passwd | grep ^site-; true"
    ).stdout


def upload(host: Host, name: str) -> None:
    """Write a file as the site's PHP does when somebody uploads it."""
    host.run(f"runuser -u {layout.system_user(SITE)} -- sh -c 'echo {name} >{FILES}/{name}.txt'")


def answer(host: Host, name: str) -> str:
    return fetch(host, SITE, f"/sites/{SITE}/files/{name}.txt").body.strip()


def test_fact_12_members_join_and_leave_with_all_that_is_theirs_accounts_included(
    lab: Lab, wordpress: Path, tmp_path: Path
) -> None:
    one, two, three = (lab.host(f"web{number}") for number in (1, 2, 3))
    # First on one server, then on a cluster that this server is a member of.
    farm = Farm(tmp_path, declare(lab, wordpress, "web1"))
    farm.settings["platforms"]["code"]["server"] = one.spec.fqdn
    del farm.settings["clusters"]
    farm.up()
    upload(one, "early")

    hub = farm.settings["hub"]
    farm.settings = {**declare(lab, wordpress, "web1", "web2"), "hub": hub}
    warned = farm.up()

    assert 'cluster "web" has 2 servers and no uploads' in warned.sentence
    assert [200, 200] == [fetch(host, SITE).status for host in (one, two)]
    assert "early" == answer(two, "early"), "a member that joins gets the uploads that are there"
    assert {one.address, two.address, lab.hub_address} == accounts(lab)
    numbers = {host.run(f"id -u {layout.system_user(SITE)}").stdout.strip() for host in (one, two)}
    assert 1 == len(numbers), "one number everywhere"
    links = {host.run("readlink /var/aegir/platforms/code").stdout.strip() for host in (one, two)}
    assert 1 == len(links)
    farm.unchanged("--refresh")

    # One more, and one less, in one go.
    farm.settings = {**declare(lab, wordpress, "web2", "web3"), "hub": hub}
    upload(two, "late")
    farm.up()

    assert [200, 200] == [fetch(host, SITE).status for host in (two, three)]
    assert "late" == answer(three, "late")
    assert "" == of_ours(one)
    assert {two.address, three.address, lab.hub_address} == accounts(lab)
    assert any("web1" in path.name for path in (farm.hub / "backups").iterdir()), "its uploads are kept on the hub"
    farm.unchanged("--refresh")

    # A member dies for good: nothing goes until it is given up by name.
    three.kill()
    farm.disconnect()
    try:
        farm.settings = {**declare(lab, wordpress, "web2"), "hub": hub}
        assert three.spec.fqdn in farm.up(ok=False).sentence
        farm.settings["forget"] = [three.spec.fqdn]
        farm.up()
        farm.unchanged("--refresh")
    finally:
        three.start()
    assert 200 == fetch(two, SITE).status
    assert {two.address, lab.hub_address} == accounts(lab)
    farm.destroy()


def test_a_cluster_shares_uploads_and_proves_it(lab: Lab, wordpress: Path, tmp_path: Path) -> None:
    one, two = lab.host("web1"), lab.host("web2")
    farm = Farm(tmp_path, declare(lab, wordpress, "web1", "web2", uploads={"path": SHARED}))
    done = farm.up()

    assert "no uploads" not in done.sentence
    upload(one, "from-one")
    upload(two, "from-two")
    assert ["from-two", "from-one"] == [answer(one, "from-two"), answer(two, "from-one")]
    owner = one.run(f"stat -c %U:%G:%a {SHARED}/{SITE}/files {SHARED}/{SITE}/private").stdout.split()
    user = layout.system_user(SITE)
    assert [f"{user}:www-data:2770", f"{user}:{user}:2770"] == owner
    two.run(f"echo '<?php echo 42;' >{SHARED}/{SITE}/files/x.php; chown {user} {SHARED}/{SITE}/files/x.php")
    assert [403, 403] == [fetch(host, SITE, f"/sites/{SITE}/files/x.php").status for host in (one, two)]
    farm.unchanged("--refresh")

    # A directory that each member has for itself is not shared, whatever the stack file says.
    for host in (one, two):
        host.run("mkdir /srv/own")
    farm.settings["clusters"]["web"]["uploads"] = {"path": "/srv/own"}
    refused = farm.up(ok=False)
    assert f"{two.spec.fqdn}: a file that {one.spec.fqdn} wrote into /srv/own is not there" in refused.sentence
    assert "has to see the same one" in refused.sentence
    farm.settings["clusters"]["web"]["uploads"] = {"path": SHARED}
    farm.up()
    assert ["from-two", "from-one"] == [answer(one, "from-two"), answer(two, "from-one")]

    farm.settings["sites"].clear()
    farm.up()
    assert "" == one.run(f"ls -A {SHARED}").stdout
    kept = [path.name for path in (farm.hub / "backups").iterdir() if path.name.endswith("files.tar.gz")]
    assert len(kept) >= 3, "what was shared, and what each member had"
    farm.destroy()
    assert ["", ""] == [of_ours(host) for host in (one, two)]
