"""Packs for the integration tests: what is declared, and what is looked at on the hosts."""

from __future__ import annotations

import contextlib
import shlex
import time
from collections.abc import Iterator
from pathlib import Path

from aegir_components import layout
from aegir_components.health import probe
from lab import Host, Lab
from tests.integration.farm import Config, fetch, hub_settings

SITE = "www.example.com"
KINDS = {"web1": "apache", "web2": "nginx", "web3": "apache"}
ROOT = layout.PLATFORMS_ROOT
FILES = layout.site_files(ROOT, SITE)
GRACE = "[nfsd]\nlease-time=20\ngrace-time=20\n"
"""After a start a server gives clients 90 s to say what they had; a test that stops it need not wait for so long."""


def declare(lab: Lab, source: Path, *slaves: str, **pack: object) -> Config:
    """Declare a pack with web1 as its master, a site on it, and what else is in the lab."""
    names = [name for name in KINDS if name in lab.hosts()]
    servers: Config = {
        lab.host(name).spec.fqdn: {"address": lab.host(name).address, "services": {"web": KINDS[name]}}
        for name in names
        if name in ("web1", *slaves)
    }
    for name in lab.hosts():
        host = lab.host(name)
        if name.startswith("db"):
            servers[host.spec.fqdn] = {"address": host.address, "services": {"database": "mysql"}}
        elif name.startswith("nas"):
            servers[host.spec.fqdn] = {"address": host.address}
    members: Config = {"master": lab.host("web1").spec.fqdn, "slaves": [lab.host(name).spec.fqdn for name in slaves]}
    return {
        "hub": hub_settings(lab),
        "servers": servers,
        "packs": {"farm": {**members, **pack}},
        "platforms": {"code": {"server": "farm", "source": str(source)}},
        "sites": {SITE: {"platform": "code"}},
    }


def short_grace(host: Host) -> None:
    """Let a host's NFS server wait for its clients for a short time only."""
    host.run("mkdir -p /etc/nfs.conf.d; cat >/etc/nfs.conf.d/zz-test.conf", input=GRACE)


@contextlib.contextmanager
def filtered(client: Host) -> Iterator[None]:
    """Let nothing get from a host to an NFS server, as a firewall does that drops packets without a word."""
    device = client.run("ip -o route get 192.0.2.1 | sed -n 's/.* dev \\([^ ]*\\).*/\\1/p'").stdout.strip()
    rule = "protocol ip flower ip_proto tcp dst_port 2049 action drop"
    client.run(f"tc qdisc add dev {device} clsact && tc filter add dev {device} egress {rule}")
    try:
        yield
    finally:
        client.run(f"tc qdisc del dev {device} clsact")


def upload(host: Host, name: str) -> None:
    """Write a file as the site's PHP does when somebody uploads it."""
    host.run(f"runuser -u {layout.system_user(SITE)} -- sh -c 'echo {name} >{FILES}/{name}.txt'")


def answer(host: Host, name: str) -> str:
    """Ask for an uploaded file."""
    return fetch(host, SITE, f"/{files_path()}/{name}.txt").body.strip()


def files_path() -> str:
    """Give the path of the uploads in an address."""
    return f"sites/{SITE}/files"


def accounts(lab: Lab) -> set[str]:
    """List the addresses that the site's account is for."""
    said = lab.host("db1").run("mysql -Ne \"SELECT host FROM mysql.user WHERE user LIKE 'www_example%'\"").stdout
    return set(said.split())


def configured(host: Host) -> list[str]:
    """List what of the site's and the platform's configuration is on a web server."""
    listed = host.run(
        "ls /var/aegir/config/*/vhost.d/www* /var/aegir/config/*/platform.d/code.conf /var/aegir/config/php-fpm/pool.d/www* "
        "2>/dev/null; getent passwd | grep -o '^site-[a-z]*'; grep -c nfs4 /etc/fstab; true"
    )
    return listed.stdout.split()


def mount_of(host: Host) -> str:
    """Give source and type of what is mounted where the platforms are."""
    return " ".join(host.run(f"findmnt -n -t nfs4 -o SOURCE,FSTYPE --mountpoint {ROOT} || true").stdout.split())


def seconds_until(host: Host, wanted: int, limit: float) -> float:
    """Ask a host for the site until it answers with a status; give how long that took."""
    begun = time.monotonic()
    while time.monotonic() - begun < limit:
        try:
            if fetch(host, SITE).status == wanted:
                return time.monotonic() - begun
        except probe.NoAnswer:
            pass
        time.sleep(0.3)
    raise AssertionError(f"{host.name} does not answer {wanted} within {limit:g} s")


def page_time(host: Host, times: int = 5, *, name: str = SITE) -> float:
    """Give the median time of a page, in milliseconds, with warm caches."""
    fetch(host, name)
    found = []
    for _ in range(times):
        begun = time.monotonic()
        assert 200 == fetch(host, name).status
        found.append(time.monotonic() - begun)
    return round(sorted(found)[len(found) // 2] * 1000, 0)


def connects_from(host: Host) -> str:
    """Log in to the site's database as the site, from a host, with what its settings say; give whom the server sees."""
    config = f"{layout.site_linked(ROOT, SITE)}/wp-config.php"
    as_site = f"runuser -u {layout.system_user(SITE)} --"
    code = (
        "[$h, $p] = explode(':', DB_HOST); $d = new mysqli($h, DB_USER, DB_PASSWORD, DB_NAME, (int) $p); "
        "echo $d->query('SELECT USER()')->fetch_row()[0];"
    )
    # The settings are the site's alone: on a slave not even root may read them.
    read = f"$({as_site} grep '^define(.DB_' {config})"
    return host.run(f'{as_site} php -r "{read}"{shlex.quote(code)}').stdout
