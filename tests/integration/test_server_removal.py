"""A server that leaves the stack: what we put there goes, everything else stays; a dead one is given up by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from lab import Host, HostSpec, Lab
from tests.integration.farm import Config, Farm, fetch, hub_settings

pytestmark = [pytest.mark.long, pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(600)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]

LISTING = r"""
find /etc /root /home /srv /opt /usr/local /var -xdev \
    \( -path /var/log -o -path /var/cache -o -path /var/tmp -o -path /var/lib/systemd -o -path /var/lib/mysql \
    -o -path /var/lib/php -o -path /var/lib/nginx -o -path /var/lib/apt -o -path /var/lib/dpkg \) -prune -o \
    ! -name 'passwd*' ! -name 'shadow*' ! -name 'group*' ! -name 'gshadow*' ! -name 'sub?id*' ! -name .updated \
    -printf '%p %y %m %u:%g %l\n' | sort
find /etc /usr/local -xdev -type f ! -name 'passwd*' ! -name 'shadow*' ! -name 'group*' ! -name 'gshadow*' \
    ! -name 'sub?id*' -exec sha256sum {} + | sort -k2
dpkg-query -W
"""
"""What a host has that somebody configured or installed: names, owners, modes, and the content of its configuration."""

INSTALLED = "wc -l </var/log/dpkg.log; stat -c %Y /var/lib/apt/lists"
"""What changes with each run of apt's or dpkg's that does something."""

ALWAYS = {
    "/var/aegir d 755 root:root",
    "/var/aegir/.ssh d 750 root:aegir",
    "/var/aegir/config d 711 root:root",
    "/var/lib/aegir d 755 root:root",
    "/var/lib/aegir/undo d 755 root:root",
}
"""The account's home, and where a change that has to be taken back lies: no file in them."""


@pytest.fixture(scope="module")
def lab(lab_factory: LabFactory) -> Lab:
    hosts = [
        HostSpec("web1", image="web"),
        HostSpec("web2", image="web"),
        HostSpec("db1", image="db"),
        HostSpec("bare1"),
        HostSpec("bare2"),
    ]
    return lab_factory("removal", hosts)


def declare(lab: Lab, **services: Config) -> Config:
    return {
        "hub": hub_settings(lab),
        "servers": {
            lab.host(name).spec.fqdn: {"address": lab.host(name).address, "services": chosen}
            for name, chosen in services.items()
        },
    }


def listing(host: Host) -> set[str]:
    return {line.rstrip() for line in host.run(LISTING).stdout.splitlines()}


def test_what_we_put_on_servers_goes_with_them_and_nothing_else(lab: Lab, tmp_path: Path) -> None:
    apache, nginx, database = lab.host("web1"), lab.host("web2"), lab.host("db1")
    apache.run(
        "echo mine-apache >/var/www/html/index.html; a2enmod -q headers; systemctl -q enable --now apache2 php8.2-fpm"
    )
    nginx.run("echo mine-nginx >/var/www/html/index.html; systemctl -q enable --now nginx php8.2-fpm")
    database.run("systemctl -q enable --now mariadb; mysql -e 'CREATE DATABASE theirs'")
    database.run("apt-get -q update; apt-get -q -y install rsync", timeout=120)
    assert ["mine-apache", "mine-nginx"] == [fetch(host, "x.example.com").body.strip() for host in (apache, nginx)]
    before = {host.name: listing(host) for host in (apache, nginx, database)}
    packages = {host.name: host.run(INSTALLED).stdout for host in (apache, nginx)}
    services = {"type": "mysql", "tls": "required"}
    farm = Farm(tmp_path, declare(lab, web1={"web": "apache_ssl"}, web2={"web": "nginx"}, db1={"database": services}))
    farm.up()
    for host in (apache, nginx):
        assert packages[host.name] == host.run(INSTALLED).stdout, "a host of the image web has all packages"
    assert [404, 404] == [fetch(host, "x.example.com").status for host in (apache, nginx)]

    farm.settings["servers"].clear()
    done = farm.up()

    assert done.counts["deleted"] >= 9
    assert ["mine-apache", "mine-nginx"] == [fetch(host, "x.example.com").body.strip() for host in (apache, nginx)]
    for host in (apache, nginx, database):
        assert set() == before[host.name] - listing(host), f"{host.name}: what was there stays"
    left = {host.name: listing(host) - before[host.name] for host in (apache, nginx, database)}
    places = {
        f"/var/aegir/{name} d 755 root:root"
        for name in ("platforms", "platforms/.sites", "config/php-fpm", "config/php-fpm/pool.d")
    }
    places |= {
        "/var/lib/aegir/acme d 755 root:root",
        "/var/lib/aegir/pages d 755 root:root",
        "/var/lib/aegir/pages/aegir-maintenance d 755 root:root",
        "/var/aegir/platforms/.releases d 755 aegir:aegir",
    }

    def tree(name: str) -> set[str]:
        root = f"/var/aegir/config/{name}"
        parts = ("pre.d", "platform.d", "vhost.d", "custom.d", "post.d")
        return {f"{root} d 711 root:root", *(f"{root}/{part} d 755 root:root" for part in parts)}

    certificates = {f"/var/aegir/config/ssl.d{name} d 700 root:root" for name in ("", "/default")}
    assert ALWAYS | places | tree("apache") | certificates == left["web1"]
    assert ALWAYS | places | tree("nginx") == left["web2"]
    assert {line for line in ALWAYS if "/var/lib" not in line} == left["db1"]
    assert "theirs" in database.run("mysql -Ne 'SHOW DATABASES'").stdout
    assert "" == database.run("mysql -Ne \"SELECT user FROM mysql.user WHERE user LIKE 'aegir%'\"").stdout
    apache.run(
        "test -e /etc/apache2/mods-enabled/headers.load && apache2ctl -t && getent passwd aegir &&"
        "! sudo -l -U aegir | grep -q NOPASSWD"
    )
    nginx.run("nginx -t && test -L /etc/nginx/sites-enabled/default")
    database.run("systemctl restart mariadb && mysql -Ne 'SELECT @@bind_address' | grep -qx 127.0.0.1")


def test_a_server_that_a_platform_names_is_refused_at_preview(lab: Lab, wordpress: Path, tmp_path: Path) -> None:
    settings = declare(lab, web1={"web": "apache"}, db1={"database": "mysql"})
    web = lab.host("web1").spec.fqdn
    settings["platforms"] = {"code": {"server": web, "source": str(wordpress)}}
    farm = Farm(tmp_path, settings)
    farm.up()
    as_it_was = listing(lab.host("web1"))

    del farm.settings["servers"][web]
    refused = farm.preview(ok=False)

    assert re.search(r"aegir:platforms\S*code\S*\.server: ", refused.sentence), refused.sentence
    assert web in refused.sentence
    assert "error" in farm.up(ok=False).sentence
    assert as_it_was == listing(lab.host("web1"))
    farm.destroy()


def test_a_server_with_a_site_of_another_stacks_is_refused_and_leaves_when_it_is_gone(lab: Lab, tmp_path: Path) -> None:
    web = lab.host("web1")
    farm = Farm(tmp_path, declare(lab, web1={"web": "apache"}))
    farm.up()
    vhost = "/var/aegir/config/apache/vhost.d/other.example.com.conf"
    web.run(f"echo '# of another stack' >{vhost}")
    as_it_was = listing(web)

    farm.settings["servers"].clear()
    refused = farm.up(ok=False)

    assert (
        f"{web.spec.fqdn}: leaving the web server: sites are still on this server: other.example.com.conf"
        in refused.sentence
    )
    assert "Remove or move them first" in refused.sentence
    assert as_it_was == listing(web)
    web.run(f"rm {vhost}")
    farm.up()
    web.run("! test -e /etc/apache2/conf-enabled/aegir.conf && ! test -e /etc/sudoers.d/aegir")


@pytest.mark.parametrize(
    "machines", [("web1", "web2", "db1"), ("web1", "web2", "db1", "bare1", "bare2")], ids=["three", "more-than-four"]
)
def test_a_dead_machine_is_given_up_by_name_and_nobody_else_is_touched(
    lab: Lab, tmp_path: Path, machines: tuple[str, ...]
) -> None:
    services: dict[str, Config] = {
        "web1": {"web": "apache"},
        "web2": {"web": "nginx"},
        "db1": {"database": "mysql"},
        "bare1": {},
        "bare2": {},
    }
    dead, others = lab.host("web2"), [lab.host(name) for name in machines if name != "web2"]
    name = dead.spec.fqdn
    farm = Farm(tmp_path, declare(lab, **{each: services[each] for each in machines}))
    farm.up()
    as_they_were = [listing(host) for host in others]
    dead.kill()
    farm.disconnect()
    try:
        del farm.settings["servers"][name]
        failed = farm.up(ok=False)
        assert name in failed.sentence
        assert re.search(r"no answer|connection refused", failed.sentence)
        assert farm_has(farm, name), "what was not removed is not forgotten"

        farm.settings["forget"] = [name]
        done = farm.up()

        assert "the machine is abandoned (aegir:forget); nothing was done there" in done.sentence
        assert done.seconds < 90
        assert not farm_has(farm, name)
        assert as_they_were == [listing(host) for host in others]
        farm.unchanged("--refresh")
    finally:
        dead.start()
    assert "aegir" in dead.run("ls /etc/sudoers.d").stdout, "nothing was done there"
    farm.destroy()


def farm_has(farm: Farm, name: str) -> bool:
    return any(entry["urn"].endswith(f"::{name}") for entry in farm.resources())


def test_a_dead_machine_that_is_given_up_does_not_stop_a_refresh(lab: Lab, tmp_path: Path) -> None:
    dead = lab.host("web2")
    farm = Farm(tmp_path, declare(lab, web1={"web": "apache"}, web2={"web": "nginx"}, db1={"database": "mysql"}))
    farm.up()
    dead.kill()
    farm.disconnect()
    try:
        assert dead.spec.fqdn in farm.up("--refresh", ok=False).sentence
        del farm.settings["servers"][dead.spec.fqdn]
        farm.settings["forget"] = [dead.spec.fqdn]
        # As shipped, a refresh comes before the program, and has the configuration of the last run.
        farm.up("--refresh", "--run-program")
        farm.unchanged("--refresh")
    finally:
        dead.start()
    farm.destroy()


def test_drift_of_nginx_is_named_and_mended(lab: Lab, tmp_path: Path) -> None:
    nginx = lab.host("web2")
    farm = Farm(tmp_path, declare(lab, web2={"web": "nginx"}))
    farm.up()
    nginx.run("""
        rm /etc/nginx/conf.d/aegir.conf; ln -s /etc/nginx/sites-available/default /etc/nginx/sites-enabled/default
        echo '# mine' >>/var/aegir/config/nginx.conf; rm /etc/php/8.2/fpm/pool.d/zz-aegir.conf
        systemctl -q disable --now php8.2-fpm
    """)

    seen = farm.drift()

    for named in (
        "link /etc/nginx/conf.d/aegir.conf: missing",
        "file /etc/nginx/sites-enabled/default: still there",
        "file /var/aegir/config/nginx.conf: content differs",
        "file /etc/php/8.2/fpm/pool.d/zz-aegir.conf: missing",
        "service php8.2-fpm: not enabled",
        "service php8.2-fpm: not running",
    ):
        assert named in seen.drift, seen.output
    farm.up("--refresh")
    farm.unchanged("--refresh")
    assert 404 == fetch(nginx, "x.example.com").status
    farm.destroy()
