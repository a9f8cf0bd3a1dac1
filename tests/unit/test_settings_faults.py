"""What is refused: every fault with its exact message, and all of them at once."""

# ruff: noqa: E501  A message stands in one piece, so that it can be searched for.

from __future__ import annotations

import copy
import shlex
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from aegir_components.messages import shown
from aegir_components.settings import SettingsError, load

FINGERPRINT = "SHA256:" + "A" * 43
SECRET = "correct horse battery staple"
REMOVED = object()

BASE = yaml.safe_load(f"""
hub: {{address: 10.89.7.1}}
servers:
  web1: {{address: 10.89.7.10, ssh: {{host_key: "{FINGERPRINT}"}}, services: {{web: apache}}}}
  db1: {{address: 10.89.7.11, ssh: {{host_key: "{FINGERPRINT}"}}, services: {{database: {{type: mysql}}}}}}
platforms:
  d10: {{server: web1, source: /srv/src/d10}}
sites:
  www.example.com: {{platform: d10, admin: {{}}}}
""")

WEB = 'aegir:servers["web1"]'
DB = 'aegir:servers["db1"]'
D10 = 'aegir:platforms["d10"]'
SITE = 'aegir:sites["www.example.com"]'
ONE_LINE = "must not contain line breaks or other control characters"
PATH_ABSOLUTE = "must be an absolute path"


def edited(edits: dict[str, Any]) -> dict[str, Any]:
    """Copy the base with values changed; a key is a path with `>` between its steps."""
    config: dict[str, Any] = copy.deepcopy(BASE)
    for path, value in edits.items():
        *steps, last = path.split(">")
        place = config
        for step in steps:
            if not isinstance(place.get(step), dict):
                place[step] = {}
            place = place[step]
        if value is REMOVED:
            del place[last]
        else:
            place[last] = value
    return config


def passwords_are_secret(path: str) -> bool:
    """Answer as Pulumi would for a stack file whose passwords, and nothing else, are encrypted."""
    return path.endswith(".password")


def faults_of(edits: dict[str, Any], *, plain: bool = False) -> tuple[str, ...]:
    """Load the base with values changed, and list what is wrong with it."""
    with pytest.raises(SettingsError) as caught:
        load(edited(edits), (lambda _: False) if plain else passwords_are_secret)
    return caught.value.faults


def site(name: str) -> dict[str, Any]:
    """Declare one more site of this name."""
    return {f"sites>{name}": {"platform": "d10"}}


def site_fault(name: str, shown: str | None = None) -> str:
    """Begin the message about a site of this name."""
    return f'aegir:sites["{shown or name}"]: '


LABELS = ".".join(["a" * 63] * 3)

FAULTS = [
    # What a site may have.
    pytest.param(
        {"sites>www.example.com>https": "required"},
        f'{SITE}.https: "required" needs web services with TLS; without it: web1. Write apache_ssl or nginx_ssl there',
        id="site-https-without-tls",
    ),
    pytest.param(
        {"sites>www.example.com>certificate": "self-signed"},
        f"{SITE}.certificate: is for sites with https: enabled or https: required",
        id="site-certificate-without-https",
    ),
    pytest.param(
        {
            "servers>web1>services>web": "apache_ssl",
            "sites>www.example.com>https": "enabled",
            "sites>www.example.com>certificate": "acme",
        },
        f'{SITE}.certificate: "acme" needs aegir:acme, which names the authority that is asked',
        id="site-certificate-acme-of-nobody",
    ),
    pytest.param(
        {
            "servers>web1>services>web": "apache_ssl",
            "sites>www.example.com>https": "enabled",
            "sites>www.example.com>certificate": {"chain": "/srv/x.pem"},
        },
        f"{SITE}.certificate.key: missing; write the path of a PEM file on the hub",
        id="site-certificate-without-key",
    ),
    pytest.param(
        {"sites>www.example.com>isolation": "container"},
        f'{SITE}.isolation: must be one of pool, process, not "container"',
        id="site-isolation",
    ),
    pytest.param(
        {"sites>www.example.com>https": True},
        f"{SITE}.https: must be one of none, enabled, required, not true",
        id="site-https-true",
    ),
    pytest.param(
        {"sites>www.example.com>state": None},
        f"{SITE}.state: is empty; write one of enabled, disabled, or remove the key",
        id="site-state-empty",
    ),
    pytest.param(
        {"platforms>d10>publish_path": ["/srv/x"]},
        'aegir:platforms["d10"].publish_path: must be an absolute path, such as /srv/www/shop, not a list',
        id="publish-path-list",
    ),
    pytest.param(
        {"sites>www.example.com>admin>mail": {"a": 1}},
        f"{SITE}.admin.mail: must be a mail address, such as admin@example.com, not a mapping",
        id="mail-mapping",
    ),
    pytest.param(
        {"sites>www.example.com>cron": "every day"},
        f"{SITE}.cron: must be one of off, hourly, daily, minutes from 1min to 30min, or a calendar expression of systemd's such as "
        '"Mon..Fri 06:30" (on the hub: systemd-analyze calendar), not "every day": it is no weekday, date and time in this order, such as '
        "Mon..Fri *-*-01 06:30",
        id="site-cron",
    ),
    pytest.param(
        {"sites>www.example.com>cron": 5},
        f"{SITE}.cron: must be one of off, hourly, daily, minutes from 1min to 30min, or a calendar expression of systemd's such as "
        '"Mon..Fri 06:30" (on the hub: systemd-analyze calendar), not "5": write 5min',
        id="site-cron-number",
    ),
    pytest.param(
        {"sites>www.example.com>cron": ["hourly"]},
        f"{SITE}.cron: must be one of off, hourly, daily, minutes from 1min to 30min, or a calendar expression of systemd's such as "
        '"Mon..Fri 06:30" (on the hub: systemd-analyze calendar), not a list',
        id="site-cron-list",
    ),
    pytest.param(
        {"sites>www.example.com>password_version": 0},
        f"{SITE}.password_version: must be between 1 and 1000000, not the number 0",
        id="site-password-version",
    ),
    pytest.param(
        {"acme": {}},
        "aegir:acme.directory: missing; write the address of the authority's directory, such as "
        "https://acme.example/directory",
        id="acme-of-nobody",
    ),
    pytest.param(
        {"acme": {"directory": "http://acme.example"}},
        'aegir:acme.directory: must be an address that begins with https://, not "http://acme.example"',
        id="acme-in-clear",
    ),
    pytest.param(
        {"reverse_proxies": ["0.0.0.0/0"]},
        "aegir:reverse_proxies[0]: must not be every address there is: anybody could then pretend to be another visitor",
        id="proxies-everybody",
    ),
    # Clusters.
    pytest.param(
        {"clusters>web": {}},
        'aegir:clusters["web"].servers: missing; write a list of web servers; known: web1',
        id="cluster-without-servers",
    ),
    pytest.param(
        {"clusters>web": {"servers": []}},
        'aegir:clusters["web"].servers: must name at least one web server',
        id="cluster-of-nothing",
    ),
    pytest.param(
        {"clusters>web": {"servers": ["web1", "web1"]}},
        'aegir:clusters["web"].servers[1]: "web1" is in this list already',
        id="cluster-member-twice",
    ),
    pytest.param(
        {"clusters>web": {"servers": ["db1"]}},
        'aegir:clusters["web"].servers[0]: server "db1" has no web service; servers that have one: web1',
        id="cluster-of-a-database",
    ),
    pytest.param(
        {"clusters>web": {"servers": ["web9"]}},
        'aegir:clusters["web"].servers[0]: no server named "web9"; known: db1, web1',
        id="cluster-of-an-unknown-server",
    ),
    pytest.param(
        {"clusters>web1": {"servers": ["web1"]}},
        'aegir:clusters["web1"]: a server is called "web1" already; choose another name for the cluster',
        id="cluster-called-as-a-server",
    ),
    pytest.param(
        {"clusters>web": {"servers": ["web1"], "uploads": {}}},
        'aegir:clusters["web"].uploads: write either path (a directory that all members share already) or nfs (an export '
        "that is mounted)",
        id="cluster-uploads-nowhere",
    ),
    pytest.param(
        {"clusters>web": {"servers": ["web1"], "uploads": "seperate"}},
        'aegir:clusters["web"].uploads: must be "separate" or a mapping with path or nfs, not "seperate"',
        id="cluster-uploads-word",
    ),
    pytest.param(
        {"clusters>web": {"servers": ["web1"], "uploads": {"nfs": "/srv"}}},
        'aegir:clusters["web"].uploads.nfs: must be an NFS export, such as nas.example.com:/srv/uploads, not "/srv"',
        id="cluster-uploads-export-without-host",
    ),
    pytest.param(
        {"clusters>web": {"servers": ["web1"], "uploads": {"path": "/var/aegir/platforms/x"}}},
        'aegir:clusters["web"].uploads.path: must be apart from /var/aegir/platforms',
        id="cluster-uploads-among-platforms",
    ),
    pytest.param(
        {"platforms>d10>server": "webs", "clusters>web": {"servers": ["web1"]}},
        'aegir:platforms["d10"].server: no server, cluster or pack named "webs"; known: db1, web, web1',
        id="platform-on-an-unknown-cluster",
    ),
    # The stack's own keys.
    pytest.param({"site": {}}, 'aegir:site: unknown key; did you mean "sites"?', id="top-level-key"),
    pytest.param(
        {"zzz": 1},
        "aegir:zzz: unknown key; known: acme, backups, certificates, clusters, confirm_removals, environment, environment_formerly, forget, hub, packs, platforms, replaced and 6 more",
        id="top-level-key-like-none",
    ),
    pytest.param(
        {"replaced": ["web7"]},
        'aegir:replaced[0]: no server named "web7"; known: db1, web1',
        id="replaced-not-declared",
    ),
    pytest.param(
        {"environment": "prod"},
        'aegir:environment: must be one of development, testing, acceptance, production, not "prod"',
        id="environment",
    ),
    pytest.param({"sites": []}, "aegir:sites: must be a mapping, not a list", id="sites-as-a-list"),
    pytest.param({"sites": None}, "aegir:sites: must be a mapping, not empty; write {} for none", id="sites-empty"),
    pytest.param(
        {"hub": "10.0.0.1"}, "aegir:hub: must be a mapping with address, root, ssh, not a string", id="hub-as-a-string"
    ),
    # The hub.
    pytest.param(
        {"hub": REMOVED},
        "aegir:hub.address: missing; write the hub's IP address as database servers see it, such as 10.0.0.1",
        id="no-hub",
    ),
    pytest.param(
        {"hub>address": "hub.example.com"},
        'aegir:hub.address: must be an IP address, not "hub.example.com"',
        id="hub-name",
    ),
    pytest.param(
        {"hub>address": 10.89},
        'aegir:hub.address: must be an IP address, not "10.89"',
        id="hub-number",
    ),
    pytest.param(
        {"hub>address": "0.0.0.0"},
        'aegir:hub.address: must be the address of one machine, not "0.0.0.0"',
        id="hub-any",
    ),
    pytest.param(
        {"hub>address": "127.0.0.1"},
        'aegir:hub.address: "127.0.0.1" is every machine\'s own; write the address that db1 sees the hub connect from',
        id="hub-loopback",
    ),
    pytest.param({"hub>root": "var/aegir"}, f'aegir:hub.root: {PATH_ABSOLUTE}, not "var/aegir"', id="root-relative"),
    pytest.param({"hub>root": "/"}, "aegir:hub.root: must not be the root directory", id="root-of-all"),
    pytest.param(
        {"hub>root": "/var/aegir/"}, 'aegir:hub.root: must be normalised; write "/var/aegir"', id="root-slash"
    ),
    pytest.param(
        {"hub>root": "//var//aegir"},
        'aegir:hub.root: must be normalised; write "/var/aegir"',
        id="root-slashes",
    ),
    pytest.param({"hub>root": "/var/../etc"}, 'aegir:hub.root: must not contain ".."', id="root-dots"),
    pytest.param(
        {"hub>root": "/var/aegir hub"},
        'aegir:hub.root: must be of ASCII letters, digits, "/", ".", "_", "+" and "-" only',
        id="root-space",
    ),
    pytest.param(
        {"hub>ssh>identity": "~/.ssh/id"},
        f'aegir:hub.ssh.identity: {PATH_ABSOLUTE}, not "~/.ssh/id"',
        id="identity-home",
    ),
    pytest.param({"hub>ssh>identity": "/a\nb"}, f"aegir:hub.ssh.identity: {ONE_LINE}", id="identity-newline"),
    pytest.param(
        {"hub>ssh>known_host": "/a"},
        'aegir:hub.ssh.known_host: unknown key; did you mean "known_hosts"?',
        id="hub-ssh-key",
    ),
    # Servers.
    pytest.param(
        {"servers>web1>adress": "10.0.0.1"},
        f'{WEB}.adress: unknown key; did you mean "address"?',
        id="server-key",
    ),
    pytest.param(
        {"servers>web1>a b": 1},
        f'{WEB}["a b"]: unknown key; known: address, aegir_user, commands, connection, dns, limits, php, services, ssh',
        id="server-odd-key",
    ),
    pytest.param(
        {"servers>web1>address": "10.0.0.256"},
        f'{WEB}.address: must be an IP address, not "10.0.0.256"',
        id="server-address",
    ),
    pytest.param(
        {"servers>web1>address": None},
        f"{WEB}.address: is empty; write an IP address, such as 10.0.0.5, or remove the key",
        id="server-address-empty",
    ),
    pytest.param(
        {"servers>db1>address": "10.89.7.10", "servers>db1>services>database>address": "10.89.7.99"},
        f'{WEB}.address: 10.89.7.10 port 22 is server "db1" already',
        id="server-twice",
    ),
    pytest.param(
        {f"servers>{name}": {"connection": "local", "services": {"web": "apache"}} for name in ("h1", "h2")},
        'aegir:servers["h2"].connection: the hub is server "h1" already; give both services to one server',
        id="hub-twice",
    ),
    pytest.param(
        {"servers>web1>connection": "telnet"},
        f'{WEB}.connection: must be one of ssh, local, none, not "telnet"',
        id="connection",
    ),
    pytest.param(
        {"servers>web1>connection": "local"},
        f'{WEB}.ssh: has no use where "connection" is local; remove it',
        id="local-with-ssh",
    ),
    pytest.param(
        {"servers>web1>ssh>port": "22"},
        f'{WEB}.ssh.port: must be a whole number from 1 to 65535, not "22"; write it without quotes',
        id="port-quoted",
    ),
    pytest.param(
        {"servers>web1>ssh>port": 65536},
        f"{WEB}.ssh.port: must be between 1 and 65535, not the number 65536",
        id="port-high",
    ),
    pytest.param(
        {"servers>web1>ssh>port": 22.5},
        f"{WEB}.ssh.port: must be a whole number from 1 to 65535, not the number 22.5",
        id="port-fraction",
    ),
    pytest.param(
        {"servers>web1>ssh>port": True},
        f"{WEB}.ssh.port: must be a whole number from 1 to 65535, not true",
        id="port-true",
    ),
    pytest.param(
        {"servers>web1>ssh>user": "-oProxyCommand=x"},
        f'{WEB}.ssh.user: must be the name of a Linux user (ASCII letters, digits and _ . -), such as root, not "-oProxyCommand=x"',
        id="user-option",
    ),
    pytest.param(
        {"servers>web1>ssh>user": "u" * 33},
        f"{WEB}.ssh.user: must have at most 32 characters, not 33",
        id="user-long",
    ),
    pytest.param(
        {"servers>web1>ssh>trust": "yes"},
        f'{WEB}.ssh.trust: must be one of pinned, first-use, not "yes"',
        id="trust",
    ),
    pytest.param(
        {"servers>web1>ssh": {"port": 2222}},
        f"{WEB}.ssh.host_key: missing; write the server's public key or its fingerprint (on the server: ssh-keygen "
        "-lf /etc/ssh/ssh_host_ed25519_key.pub; from here, to compare: ssh-keyscan -p 2222 10.89.7.10). Or set "
        "aegir:hub.ssh.known_hosts, or set trust to first-use",
        id="pinned-without-a-key",
    ),
    pytest.param(
        {"servers>web1>ssh>host_key": "aa:bb:cc"},
        f'{WEB}.ssh.host_key: must be a public key ("ssh-ed25519 AAAA…") or its SHA-256 fingerprint ("SHA256:…")',
        id="host-key-md5",
    ),
    pytest.param(
        {"servers>web1>ssh>host_key": "web1 ssh-ed25519 AAAA"},
        f"{WEB}.ssh.host_key: must begin with the type of the key; leave the host name in front of it out",
        id="host-key-with-name",
    ),
    pytest.param(
        {"servers>web1>ssh>host_key": "ssh-ed25519 AAAAC3Nza"},
        f"{WEB}.ssh.host_key: is cut off or damaged; copy the whole line of the key",
        id="host-key-cut",
    ),
    pytest.param(
        {"servers>localhost": {"connection": "local", "services": {"web": "apache"}}},
        'aegir:servers["localhost"]: must not be "localhost", which each machine takes for itself',
        id="server-localhost",
    ),
    pytest.param(
        {"servers>bücher": {"connection": "local", "services": {"web": "apache"}}},
        'aegir:servers["bücher"]: must be in ASCII; write "xn--bcher-kva"',
        id="server-idn",
    ),
    pytest.param(
        {"servers>web1>aegir_user>uid": 0},
        f"{WEB}.aegir_user.uid: must be between 1 and 2147483647, not the number 0",
        id="uid-root",
    ),
    pytest.param(
        {"servers>web1>services>web": {"type": "apache", "php": "8"}},
        f'{WEB}.services.web.php: must be a version of PHP in quotes, such as "8.2", not "8"',
        id="php-version",
    ),
    pytest.param(
        {"servers>web1>services>web": {"type": "apache", "php": 8.2}},
        f"{WEB}.services.web.php: must be a string, not the number 8.2; put it in quotes",
        id="php-number",
    ),
    pytest.param(
        {"servers>web1>dns": "off"},
        f'{WEB}.dns: must be one of strict, warn, manage, not "off"',
        id="dns",
    ),
    pytest.param(
        {
            "sites>www.example.com>database": "db1",
            "servers>web1>connection": "none",
            "servers>web1>ssh": REMOVED,
            "servers>web1>services>database": {"type": "mysql", "admin": {"password": SECRET}},
        },
        f'{WEB}.services.web: a web server needs "connection" to be ssh or local; none is for databases only',
        id="managed-web",
    ),
    pytest.param(
        {"servers>db1>connection": "none", "servers>db1>ssh": REMOVED},
        f'{DB}.services.database.admin.password: missing; where "connection" is none the account exists already and nothing is generated',
        id="managed-password",
    ),
    pytest.param(
        {
            "servers>db1>connection": "none",
            "servers>db1>ssh": REMOVED,
            "servers>db1>services>database>reach": "ssh",
            "servers>db1>services>database>admin": {"password": SECRET},
        },
        f'{DB}.services.database.reach: has no way where "connection" is none; remove it',
        id="managed-reach",
    ),
    pytest.param(
        {
            "servers>db1>connection": "none",
            "servers>db1>ssh": REMOVED,
            "servers>db1>services>database>tls": "required",
            "servers>db1>services>database>admin": {"password": SECRET},
        },
        f"{DB}.services.database.authority: missing; where somebody else runs the database, TLS can be required with their authority only: name a file with it, in PEM",
        id="managed-tls",
    ),
    pytest.param(
        {"servers>db1>address": "2001:db8::11"},
        f"{DB}.services.database.address: 2001:db8::11 is an IPv6 address, and databases are reached over IPv4; write the "
        "server's IPv4 address, or a name that has one",
        id="database-ipv6",
    ),
    pytest.param(
        {"servers>web1>address": "2001:db8::10"},
        f"{WEB}.address: 2001:db8::10 is an IPv6 address, and its sites reach their databases over IPv4; write the "
        "server's IPv4 address, or a name that has one",
        id="web-ipv6",
    ),
    pytest.param(
        {"sites>www.example.com>database": {"server": "db1", "rights": ["SUPER"]}},
        f"{SITE}.database.rights[0]: must be one of ALTER ROUTINE, CREATE ROUTINE, CREATE VIEW, EVENT, EXECUTE, LOCK TABLES, "
        'REFERENCES, SHOW VIEW, TRIGGER, not "SUPER"',
        id="database-rights",
    ),
    pytest.param(
        {"sites>www.example.com>database": {"server": "db2"}},
        f'{SITE}.database.server: no server named "db2"; known: db1, web1',
        id="database-mapping-server",
    ),
    pytest.param(
        {"servers>db1>services>database>tls": "yes"},
        f'{DB}.services.database.tls: must be one of offered, required, not "yes"',
        id="database-tls",
    ),
    pytest.param(
        {"servers>web1>commands": {"motd": {"update": "true"}}},
        f'{WEB}.commands["motd"].create: missing; write the command that is run on the server',
        id="command-create",
    ),
    pytest.param(
        {"servers>web1>commands": {"motd": {"create": "true", "before": "lunch"}}},
        f'{WEB}.commands["motd"].before: must be one of server, sites, not "lunch"',
        id="command-before",
    ),
    pytest.param(
        {"forget": ["web1"]},
        'aegir:forget[0]: "web1" is declared under aegir:servers still; remove it there to give it up',
        id="forget-declared",
    ),
    pytest.param(
        {"servers>web1>services>web": "iis"},
        f'{WEB}.services.web: must be one of none, apache, apache_ssl, nginx, nginx_ssl, not "iis"',
        id="web-unknown",
    ),
    pytest.param(
        {"servers>web1>services>web": {"port": 80}},
        f"{WEB}.services.web.type: missing; known: apache, apache_ssl, nginx, nginx_ssl",
        id="web-no-type",
    ),
    pytest.param(
        {"servers>web1>services>web": ["apache"]},
        f"{WEB}.services.web: must be one of none, apache, apache_ssl, nginx, nginx_ssl, or a mapping such as {{type: apache}}, not a list",
        id="web-list",
    ),
    pytest.param(
        {"servers>web1>services>web": {"type": "apache", "port": 0}},
        f"{WEB}.services.web.port: must be between 1 and 65535, not the number 0",
        id="web-port",
    ),
    pytest.param(
        {"servers>web1>services>mail": "postfix"},
        f"{WEB}.services.mail: unknown key; known: database, web",
        id="service-unknown",
    ),
    # Database servers.
    pytest.param(
        {"servers>db1>services>database>type": "postgres"},
        f'{DB}.services.database.type: must be mysql, not "postgres"',
        id="database-type",
    ),
    pytest.param(
        {"servers>db1>services>database>address": "localhost"},
        f'{DB}.services.database.address: "localhost" is reached through a local socket by web1 and not over the '
        "network; write the server's own address, such as 10.89.7.11",
        id="database-localhost",
    ),
    pytest.param(
        {"servers>db1>services>database>address": "127.0.1.1", "servers>db1>address": REMOVED},
        f'{DB}.services.database.address: "127.0.1.1" is taken by web1 for its own address; write the server\'s own '
        "address, such as 10.0.0.5",
        id="database-loopback",
    ),
    pytest.param(
        {"servers>db1>address": "::1", "sites": {}},
        f'{DB}.services.database.address: "::1" is taken by the hub for its own address; write the server\'s own '
        "address, such as 10.0.0.5",
        id="database-loopback-seen-by-the-hub",
    ),
    pytest.param(
        {"servers>db1>services>database>address": "db_1"},
        f"{DB}.services.database.address: must not contain an underscore, which host names cannot have",
        id="database-address",
    ),
    pytest.param(
        {
            "servers>db2": {
                "connection": "local",
                "services": {"database": {"type": "mysql", "address": "10.89.7.11"}},
            },
            "sites>www.example.com>database": "db1",
        },
        'aegir:servers["db2"].services.database.address: 10.89.7.11 port 3306 is the database of server "db1" already',
        id="database-twice",
    ),
    pytest.param(
        {"servers>db1>services>database>admin>name": "o'brien"},
        f'{DB}.services.database.admin.name: must be an account name of ASCII letters (a-z, A-Z), digits and _ . @ -, such as aegir_root, not "o\'brien"',
        id="database-admin-name",
    ),
    pytest.param(
        {"servers>db1>services>database>admin>password": "1234567"},
        f"{DB}.services.database.admin.password: must have at least 8 characters",
        id="database-password-short",
    ),
    pytest.param(
        {"servers>db1>services>database>admin>password": SECRET + "\n"},
        f"{DB}.services.database.admin.password: {ONE_LINE}",
        id="database-password-newline",
    ),
    pytest.param(
        {"servers>db1>services>database>admin>password": 12345678},
        f"{DB}.services.database.admin.password: must be a string, not a number; put it in quotes",
        id="database-password-number",
    ),
    pytest.param(
        {"servers>db1>services>database>admin>password": None},
        f"{DB}.services.database.admin.password: is empty; write a value or remove the key, and one is generated",
        id="database-password-empty",
    ),
    # Platforms.
    pytest.param(
        {"platforms>../x": {"server": "web1", "source": "/srv/x"}},
        'aegir:platforms["../x"]: must not contain "/" or ".."',
        id="platform-climbs",
    ),
    pytest.param(
        {"platforms>a..b": {"server": "web1", "source": "/srv/x"}},
        'aegir:platforms["a..b"]: must not contain "/" or ".."',
        id="platform-dots",
    ),
    pytest.param(
        {"platforms>.x": {"server": "web1", "source": "/srv/x"}},
        'aegir:platforms[".x"]: must be lower-case letters, digits, ".", "_" and "-", and begin with a letter or digit',
        id="platform-hidden",
    ),
    pytest.param(
        {"platforms>D10": {"server": "web1", "source": "/srv/x"}},
        'aegir:platforms["D10"]: must be lower-case letters, digits, ".", "_" and "-", and begin with a letter or digit',
        id="platform-upper-case",
    ),
    pytest.param(
        {f"platforms>{'p' * 65}": {"server": "web1", "source": "/srv/x"}},
        f'aegir:platforms["{"p" * 48}…{"p" * 15}"]: must have at most 64 characters, not 65',
        id="platform-long",
    ),
    pytest.param(
        {"platforms>d10>server": REMOVED},
        f"{D10}.server: missing; write the web server, cluster or pack that it is on; known: web1",
        id="platform-no-server",
    ),
    pytest.param(
        {"platforms>d10>server": "web2"},
        f'{D10}.server: no server, cluster or pack named "web2"; known: db1, web1',
        id="platform-server-unknown",
    ),
    pytest.param(
        {"platforms>d10>server": "db1"},
        f'{D10}.server: server "db1" has no web service; servers that have one: web1',
        id="platform-server-no-web",
    ),
    pytest.param(
        {"platforms>d10>source": REMOVED},
        f"{D10}.source: missing; write the directory with the code, on the hub, such as /srv/src/drupal-10",
        id="platform-no-source",
    ),
    pytest.param(
        {"platforms>d10>source": {"git": "/srv/x", "ref": "main", "path": "/srv/x"}},
        f"{D10}.source: must have only one of path and git, which say where the code is",
        id="platform-source-git-and-path",
    ),
    pytest.param(
        {"platforms>d10>source": {}},
        f"{D10}.source: must have one of path, git, archive and makefile, which say where the code is",
        id="platform-source-none",
    ),
    pytest.param(
        {"platforms>d10>source": {"path": "/srv/x", "ref": "main"}},
        f"{D10}.source.ref: unknown key; known: composer, path",
        id="platform-source-path-ref",
    ),
    pytest.param(
        {"platforms>d10>source": {"makefile": "/srv/x.make", "composer": True}},
        f"{D10}.source.composer: unknown key; known: makefile",
        id="platform-source-makefile-composer",
    ),
    pytest.param(
        {"platforms>d10>source": {"makefile": "x.make"}},
        f'{D10}.source.makefile: must be an absolute path, not "x.make"',
        id="platform-source-makefile-relative",
    ),
    pytest.param(
        {"platforms>d10>source": {"git": "/srv/x.git"}},
        f"{D10}.source.ref: missing; write the branch, the tag or the whole commit, such as main",
        id="platform-source-git-no-ref",
    ),
    pytest.param(
        {"platforms>d10>source": {"git": "/srv/x.git", "ref": "--upload-pack=x"}},
        f'{D10}.source.ref: must be the name of a branch or a tag, or a whole commit, not "--upload-pack=x"',
        id="platform-source-git-option",
    ),
    pytest.param(
        {"platforms>d10>source": {"git": "/srv/x.git", "ref": "a..b"}},
        f'{D10}.source.ref: must be the name of a branch or a tag, or a whole commit, not "a..b"',
        id="platform-source-git-range",
    ),
    pytest.param(
        {"platforms>d10>source": {"git": "/srv/x.git", "ref": 10.5}},
        f"{D10}.source.ref: must be a string, not the number 10.5; put it in quotes",
        id="platform-source-git-number",
    ),
    pytest.param(
        {"platforms>d10>source": {"git": "ext::sh -c id", "ref": "main"}},
        f"{D10}.source.git: must not contain spaces, line breaks or other control characters",
        id="platform-source-git-spaces",
    ),
    pytest.param(
        {"platforms>d10>source": {"git": "ext::id", "ref": "main"}},
        f'{D10}.source.git: must be an absolute path or an address with https://, http://, ssh://, git://, file:// or user@host:path, not "ext::id"',
        id="platform-source-git-ext",
    ),
    pytest.param(
        {"platforms>d10>source": {"git": "https://-x/y", "ref": "main"}},
        f'{D10}.source.git: must be an absolute path or an address with https://, http://, ssh://, git://, file:// or user@host:path, not "https://-x/y"',
        id="platform-source-git-dash",
    ),
    pytest.param(
        {"platforms>d10>source": {"git": "/srv/x.git", "ref": "main", "directory": "../y"}},
        f'{D10}.source.directory: must be a directory inside of the repository, such as web/app, not "../y"',
        id="platform-source-git-directory",
    ),
    pytest.param(
        {"platforms>d10>source": {"git": "/srv/x.git", "ref": "main", "composer": "yes"}},
        f'{D10}.source.composer: must be true or false, not "yes"',
        id="platform-source-composer-text",
    ),
    pytest.param(
        {"platforms>d10>source": {"git": "/srv/x.git", "ref": "main", "composer": {"no-dev": True}}},
        f"{D10}.source.composer.no-dev: unknown key; known: dev, trusted, unlocked",
        id="platform-source-composer-key",
    ),
    pytest.param(
        {"platforms>d10>source": {"archive": "https://example.com/x.tar.gz"}},
        f'{D10}.source.checksum: missing; a download needs one: write "sha256:" and the digits that its publisher names, or sha256sum prints',
        id="platform-source-archive-no-checksum",
    ),
    pytest.param(
        {"platforms>d10>source": {"archive": "/srv/x.zip", "checksum": "md5:1"}},
        f'{D10}.source.checksum: must be "sha256:" and 64 hexadecimal digits in lower case, not "md5:1"',
        id="platform-source-archive-md5",
    ),
    pytest.param(
        {"platforms>d10>source": {"archive": "ftp://example.com/x.zip"}},
        f'{D10}.source.archive: must be an absolute path or an address with https://, http://, not "ftp://example.com/x.zip"',
        id="platform-source-archive-ftp",
    ),
    pytest.param(
        {"platforms>d10>source": {"path": "src"}},
        f'{D10}.source.path: {PATH_ABSOLUTE}, not "src"',
        id="platform-source-relative",
    ),
    pytest.param(
        {"platforms>d10>source": "/var/aegir/platforms/d10/web"},
        f'{D10}.source: "/var/aegir/platforms/d10/web" and what platform "d10" publishes at '
        '"/var/aegir/platforms/d10" must be apart',
        id="platform-source-in-publish-path",
    ),
    pytest.param(
        {"platforms>d10>publish_path": "/srv"},
        f"{D10}.publish_path: must be at least two directories deep, since releases are kept beside it",
        id="publish-path-shallow",
    ),
    pytest.param(
        {"platforms>d10>publish_path": "/etc/apache2/x"},
        f"{D10}.publish_path: must not lie in /etc, which belongs to the system",
        id="publish-path-system",
    ),
    pytest.param(
        {"platforms>d10>publish_path": "/var/aegir/config/x"},
        f"{D10}.publish_path: must not be, contain or lie in /var/aegir/config, which is Aegir's own",
        id="publish-path-config",
    ),
    pytest.param(
        {"platforms>d10>publish_path": "/var/aegir"},
        f"{D10}.publish_path: must not be, contain or lie in /var/aegir/config, which is Aegir's own",
        id="publish-path-contains-config",
    ),
    pytest.param(
        {"platforms>d10>publish_path": "/srv/.sites/x"},
        f"{D10}.publish_path: must not have a directory whose name begins with a dot, as releases and site data do",
        id="publish-path-hidden",
    ),
    pytest.param(
        {
            "platforms>d11": {
                "server": "web1",
                "source": "/srv/d11",
                "publish_path": "/var/aegir/platforms/d10",
            }
        },
        'aegir:platforms["d11"].publish_path: "/var/aegir/platforms/d10" is the publish path of platform "d10"',
        id="publish-path-twice",
    ),
    pytest.param(
        {
            "platforms>d11": {
                "server": "web1",
                "source": "/srv/d11",
                "publish_path": "/var/aegir/platforms/d10/x",
            }
        },
        'aegir:platforms["d11"].publish_path: "/var/aegir/platforms/d10/x" lies in the publish path of platform "d10"',
        id="publish-path-inside",
    ),
    pytest.param(
        {"platforms>d11": {"server": "web1", "source": "/srv/d11", "publish_path": "/var/aegir/platforms"}},
        'aegir:platforms["d11"].publish_path: "/var/aegir/platforms" contains the publish path of platform "d10"',
        id="publish-path-around",
    ),
    pytest.param(
        {"platforms>d10>keep_releases": 0},
        f"{D10}.keep_releases: must be between 1 and 100, not the number 0",
        id="keep-releases",
    ),
    pytest.param(
        {"platforms>d10>allow_shrink": "true"},
        f'{D10}.allow_shrink: must be true or false, not "true"; write it without quotes',
        id="allow-shrink",
    ),
    # The names of sites.
    pytest.param(
        site("WWW.b.example"),
        site_fault("WWW.b.example") + 'must be in lower case; write "www.b.example"',
        id="site-upper-case",
    ),
    pytest.param(
        site("b.example."),
        site_fault("b.example.") + 'must not end with a dot; write "b.example"',
        id="site-trailing-dot",
    ),
    pytest.param(
        site("*.b.example"),
        site_fault("*.b.example") + "must not be a wildcard; write each name",
        id="site-wildcard",
    ),
    pytest.param(
        site("b.example:8080"),
        site_fault("b.example:8080") + 'must be a host name without a port; write "b.example"',
        id="site-port",
    ),
    pytest.param(
        site("b.example/blog"),
        site_fault("b.example/blog") + 'must be a host name without a path; write "b.example"',
        id="site-path",
    ),
    pytest.param(
        site("https://b.example"),
        site_fault("https://b.example") + 'must be a host name without a scheme; leave "https://" out',
        id="site-scheme",
    ),
    pytest.param(
        site("b_c.example"),
        site_fault("b_c.example") + "must not contain an underscore, which host names cannot have",
        id="site-underscore",
    ),
    pytest.param(
        site(f"{LABELS}.{'b' * 62}"),
        site_fault("", "a" * 48 + "…" + "b" * 15) + "must have at most 253 characters, not 254",
        id="site-254",
    ),
    pytest.param(
        site("a" * 64 + ".example"),
        site_fault("", "a" * 48 + "…" + "a" * 7 + ".example")
        + f'must not have a label of more than 63 characters; "{"a" * 64}" has 64',
        id="site-label-64",
    ),
    pytest.param(
        site("ü" * 60 + ".example"),
        site_fault("", "ü" * 48 + "…" + "ü" * 7 + ".example")
        + f'must not have a label of more than 63 characters; "{"ü" * 60}" has 66',
        id="site-label-long-in-ascii",
    ),
    pytest.param(
        site("b..example"),
        site_fault("b..example") + "must not have an empty label (a dot in front, or two dots together)",
        id="site-empty-label",
    ),
    pytest.param(
        site("-b.example"),
        site_fault("-b.example") + 'must not have a label that begins or ends with a hyphen, such as "-b"',
        id="site-hyphen-first",
    ),
    pytest.param(
        site("b-.example"),
        site_fault("b-.example") + 'must not have a label that begins or ends with a hyphen, such as "b-"',
        id="site-hyphen-last",
    ),
    pytest.param(site("10.0.0.1"), site_fault("10.0.0.1") + "must be a host name, not an IP address", id="site-ipv4"),
    pytest.param(
        site("[2001:db8::1]"),
        site_fault("[2001:db8::1]") + "must be a host name, not an IP address",
        id="site-ipv6",
    ),
    pytest.param(
        site("b.example.7"),
        site_fault("b.example.7") + "must not end with a number as its last label",
        id="site-number",
    ),
    pytest.param(
        site("intranet"),
        site_fault("intranet") + 'must have a dot; write the full name, such as "intranet.example.com"',
        id="site-single-label",
    ),
    pytest.param(
        site("localhost"),
        site_fault("localhost") + 'must not be "localhost", which each machine takes for itself',
        id="site-localhost",
    ),
    pytest.param(site(""), 'aegir:sites[""]: must not be empty', id="site-empty"),
    pytest.param(
        site("b .example"),
        site_fault("b .example") + "must not contain spaces or control characters",
        id="site-space",
    ),
    pytest.param(
        site("b.example\n<?php"),
        site_fault("b.example\\n<?php") + "must not contain spaces or control characters",
        id="site-newline",
    ),
    pytest.param(
        site("b';x.example"),
        site_fault("b';x.example") + 'must be of letters, digits, "-" and "."; "b\';x" is not',
        id="site-quote",
    ),
    pytest.param(
        site("😀.example"),
        site_fault("😀.example") + "is no valid internationalised host name: "
        "Codepoint U+1F600 at position 1 of '😀' not allowed",
        id="site-emoji",
    ),
    pytest.param(
        {**site("bücher.example"), **site("xn--bcher-kva.example")},
        site_fault("xn--bcher-kva.example") + 'is the same name as site "bücher.example"',
        id="site-twice",
    ),
    # Sites.
    pytest.param(
        {"sites>www.example.com>formerly": "www.example.com"},
        f"{SITE}.formerly: is the site's present name, and the key is for a renamed site: "
        "remove it. If the site was made with another name, preview then names that",
        id="site-formerly-itself",
    ),
    pytest.param(
        {**site("b.example"), "sites>b.example>formerly": "www.example.com"},
        'aegir:sites["b.example"].formerly: "www.example.com" is the name of another site, and its data are '
        "that one's: write the name that this site was made with, or remove the key",
        id="site-formerly-another",
    ),
    pytest.param(
        {
            **site("b.example"),
            "sites>b.example>formerly": "old.example",
            "sites>www.example.com>formerly": "old.example",
        },
        f'{SITE}.formerly: "old.example" is `formerly` of site "b.example" too, and only one site was made with this name: '
        "remove the key at the other one",
        id="site-formerly-twice",
    ),
    pytest.param(
        {"sites>www.example.com>platform": "d7"},
        f'{SITE}.platform: no platform named "d7"; known: d10',
        id="site-platform-unknown",
    ),
    pytest.param(
        {"sites>www.example.com>platform": REMOVED},
        f"{SITE}.platform: missing; known: d10",
        id="site-no-platform",
    ),
    pytest.param(
        {"sites>www.example.com>platform": ["d10"]},
        f"{SITE}.platform: must be the name of a platform (known: d10), not a list",
        id="site-platform-list",
    ),
    pytest.param(
        {"sites>www.example.com>server": "web1"},
        f"{SITE}.server: a site is on the web servers of its platform (web1) and is not put on others: remove this key, or "
        'choose another platform than "d10"',
        id="site-server",
    ),
    pytest.param(
        {"sites>www.example.com>database": "db2"},
        f'{SITE}.database: no server named "db2"; known: db1, web1',
        id="site-database-unknown",
    ),
    pytest.param(
        {"sites>www.example.com>database": "web1"},
        f'{SITE}.database: server "web1" has no database service; servers that have one: db1',
        id="site-database-no-service",
    ),
    pytest.param(
        {"servers>db1>services": {"web": "apache"}},
        f'{SITE}.database: missing, and no server has a database service ("database: mysql" in its services)',
        id="site-no-database-server",
    ),
    pytest.param(
        {"servers>web1>services>database": "mysql"},
        f"{SITE}.database: missing, and several servers have a database service; write one of db1, web1",
        id="site-which-database",
    ),
    pytest.param(
        {"sites>www.example.com>profile": "my-profile"},
        f'{SITE}.profile: must be an install profile\'s machine name (lower case, digits, _), not "my-profile"',
        id="profile",
    ),
    pytest.param(
        {"sites>www.example.com>title": 2024},
        f"{SITE}.title: must be a string, not the number 2024; put it in quotes",
        id="title-number",
    ),
    pytest.param({"sites>www.example.com>title": "a\x1bb"}, f"{SITE}.title: {ONE_LINE}", id="title-control"),
    pytest.param(
        {"sites>www.example.com>title": ""},
        f"{SITE}.title: must not be empty; write a text of one line",
        id="title-empty",
    ),
    pytest.param(
        {"sites>www.example.com>title": "x" * 256},
        f"{SITE}.title: must have at most 255 characters, not 256",
        id="title-long",
    ),
    pytest.param(
        {"sites>www.example.com>language": False},
        f"{SITE}.language: must be a string, not false; put it in quotes (YAML may read an unquoted no, off or false so)",
        id="language-norway",
    ),
    pytest.param(
        {"sites>www.example.com>language": "English"},
        f'{SITE}.language: must be a language code (en, pt-br for Drupal, de_DE for WordPress), not "English"',
        id="language",
    ),
    pytest.param(
        {"sites>www.example.com>aliases": "example.com"},
        f'{SITE}.aliases: must be a list, even for one value, not a string; write ["example.com"]',
        id="aliases-string",
    ),
    pytest.param(
        {"sites>www.example.com>aliases": [1.5]},
        f"{SITE}.aliases[0]: must be a string, not the number 1.5; must not end with a number as its last label",
        id="alias-number",
    ),
    pytest.param(
        {"sites>www.example.com>aliases": ["a.example", "A.example"]},
        f'{SITE}.aliases[1]: must be in lower case; write "a.example"',
        id="alias-upper-case",
    ),
    pytest.param(
        {"sites>www.example.com>aliases": ["www.example.com"]},
        f"{SITE}.aliases[0]: is the site's own name; remove it",
        id="alias-own-name",
    ),
    pytest.param(
        {"sites>www.example.com>aliases": ["a.example", "a.example"]},
        f'{SITE}.aliases[1]: "a.example" is in this list already',
        id="alias-twice",
    ),
    pytest.param(
        {**site("b.example"), "sites>www.example.com>aliases": ["b.example"]},
        f'{SITE}.aliases[0]: "b.example" is the name of site "b.example" already',
        id="alias-is-a-site",
    ),
    pytest.param(
        {
            "sites>a.example": {"platform": "d10", "aliases": ["c.example"]},
            "sites>www.example.com>aliases": ["c.example"],
        },
        f'{SITE}.aliases[0]: "c.example" is an alias of site "a.example" already',
        id="alias-of-another",
    ),
    pytest.param(
        {"sites>www.example.com>admin>name": "<admin>"},
        f'{SITE}.admin.name: must be an account name of up to 60 ASCII letters (a-z, A-Z), digits, spaces and . _ @ -, such as admin, not "<admin>"',
        id="admin-name",
    ),
    pytest.param(
        {f"sites>{LABELS}.{'b' * 61}": {"platform": "d10"}},
        f'aegir:sites["{"a" * 48}…{"b" * 15}"].admin.mail: missing; the default, "admin@{"a" * 42}…{"b" * 15}", '
        "has more than 254 characters",
        id="mail-default-long",
    ),
    pytest.param(
        {"sites>www.example.com>admin>mail": "admin"},
        f'{SITE}.admin.mail: must be a mail address, such as admin@example.com; not "admin"',
        id="mail",
    ),
    pytest.param(
        {"sites>www.example.com>admin>mail": "a@b_c.example"},
        f"{SITE}.admin.mail: the part after the @ must not contain an underscore, which host names cannot have",
        id="mail-domain",
    ),
    pytest.param(
        {"sites>www.example.com>admin>mail": "a@bücher.example"},
        f'{SITE}.admin.mail: must be in ASCII; write "a@xn--bcher-kva.example"',
        id="mail-idn",
    ),
    pytest.param(
        {"sites>www.example.com>admin>password": "x" * 513},
        f"{SITE}.admin.password: must have at most 512 characters",
        id="site-password-long",
    ),
    pytest.param(
        {"sites>www.example.com>admin>password": ["x"]},
        f"{SITE}.admin.password: must be a string, not a list",
        id="site-password-list",
    ),
    pytest.param(
        {"sites>www.example.com>state": "gone"},
        f'{SITE}.state: must be one of enabled, disabled, not "gone"',
        id="state",
    ),
    pytest.param({"sites>www.example.com>client": "a\nb"}, f"{SITE}.client: {ONE_LINE}", id="client"),
]


@pytest.mark.parametrize(("edits", "message"), FAULTS)
def test_a_fault_has_its_path_and_says_what_to_write(edits: dict[str, Any], message: str) -> None:
    assert (message,) == faults_of(edits)


def test_all_faults_come_at_once_under_one_header() -> None:
    edits = {
        "hub>rooot": "/x",
        "servers>web1>services>web": "lighttpd",
        "servers>db1>services>database>port": 0,
        "platforms>d10>source": "src",
        "sites>www.example.com>platform": "d7",
        "sites>WWW.b.example": {"platform": "d8", "title": 1, "admin": {"password": "short"}},
    }
    with pytest.raises(SettingsError) as caught:
        load(edited(edits), passwords_are_secret)

    assert [
        "The stack file has 9 problems; nothing was touched:",
        'aegir:hub.rooot: unknown key; did you mean "root"?',
        f"{DB}.services.database.port: must be between 1 and 65535, not the number 0",
        f'{WEB}.services.web: must be one of none, apache, apache_ssl, nginx, nginx_ssl, not "lighttpd"',
        f'{D10}.source: {PATH_ABSOLUTE}, not "src"',
        'aegir:sites["WWW.b.example"]: must be in lower case; write "www.b.example"',
        'aegir:sites["WWW.b.example"].platform: no platform named "d8"; known: d10',
        'aegir:sites["WWW.b.example"].title: must be a string, not the number 1; put it in quotes',
        'aegir:sites["WWW.b.example"].admin.password: must have at least 8 characters',
        f'{SITE}.platform: no platform named "d7"; known: d10',
    ] == [line.partition(" [AEGIR-")[0] for line in str(caught.value).splitlines()]
    assert tuple(str(caught.value).splitlines()[1:]) == tuple(map(shown, caught.value.faults))


def test_a_fault_in_a_server_is_not_repeated_by_all_that_name_it() -> None:
    assert (
        f"{DB}: must be a mapping with address, aegir_user, commands, connection, dns, limits, php, services, ssh, not the number 5",
        f'{WEB}.services.web.type: must be one of apache, apache_ssl, nginx, nginx_ssl, not "iis"',
    ) == faults_of({"servers>web1>services>web": {"type": "iis"}, "servers>db1": 5})


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("sites>www.example.com>admin>password", f"{SITE}.admin.password"),
        ("servers>db1>services>database>admin>password", f"{DB}.services.database.admin.password"),
    ],
)
@pytest.mark.parametrize("value", [SECRET, "short", 12345678, "two\nlines", ["list"], True])
def test_a_plain_password_is_refused_with_the_command_that_sets_it(path: str, key: str, value: object) -> None:
    assert (f"{key}: must be a secret; set it with: pulumi config set --secret --path '{key}'",) == faults_of(
        {path: value}, plain=True
    )


@pytest.mark.parametrize("kind", ["git", "archive"])
@pytest.mark.parametrize(
    "address", ["https://me:{}@example.com/x", "hxxp://me:{}@example.com/x", "me:{}@example.com:x"]
)
def test_an_address_with_a_password_is_a_secret_and_never_shown(kind: str, address: str) -> None:
    value = {kind: address.format("hunter22"), **({"ref": "main"} if kind == "git" else {})}
    key = f"{D10}.source.{kind}"
    (plain, *_) = faults_of({"platforms>d10>source": value}, plain=True)
    assert (
        f"{key}: holds a password, so it must be a secret; set it with: pulumi config set --secret --path '{key}'"
        == plain
    )
    secret = SettingsError([])
    try:
        read = load(edited({"platforms>d10>source": value}), lambda path: path == key)
        assert "hunter22" not in repr(read)
    except SettingsError as error:
        secret = error
    assert "hunter22" not in str(secret)


def test_the_command_that_sets_a_password_is_safe_to_paste_whatever_the_name() -> None:
    name = "x'; rm -rf ~; '.example"
    (_, fault) = faults_of({f"sites>{name}": {"platform": "d10", "admin": {"password": SECRET}}}, plain=True)

    words = shlex.split(fault.partition("set it with: ")[2])

    assert ["pulumi", "config", "set", "--secret", "--path", f'aegir:sites["{name}"].admin.password'] == words


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("sites>www.example.com>profile", "-A Secret Value"),
        ("hub>address", "127.0.0.99"),
        ("servers>web1>ssh>user", "-A Secret Value"),
        ("servers>web1>address", "10.89.7.11"),
        ("servers>db1>services>database>address", "127.0.0.99"),
        ("platforms>d10>publish_path", "/srv/src/d10/secret"),
    ],
)
def test_what_may_be_secret_is_never_quoted(path: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(edited({path: value}), lambda _: None)

    assert value not in str(caught.value)


def test_a_long_hostile_value_stays_on_one_short_line() -> None:
    (fault,) = faults_of({"environment": "x\n" * 500 + '"\u202e'})

    assert (
        "aegir:environment: must be one of development, testing, acceptance, production, not "
        '"' + "x\\n" * 24 + "…" + "\\nx" * 6 + "\\n" + '\\"\\u202e"'
    ) == fault


STEPS = [
    "environment", "hub", "hub>address", "hub>root", "hub>ssh", "servers", "servers>web1", "servers>web1>address",
    "servers>web1>ssh", "servers>web1>ssh>host_key", "servers>web1>ssh>user", "servers>web1>services",
    "servers>web1>services>web", "servers>db1>services>database", "servers>db1>services>database>address",
    "servers>db1>services>database>admin", "platforms", "platforms>d10", "platforms>d10>server",
    "platforms>d10>source", "platforms>d10>source>git", "platforms>d10>source>archive", "platforms>d10>publish_path", "platforms>d10>keep_releases", "sites",
    "sites>www.example.com", "sites>www.example.com>aliases", "sites>www.example.com>title",
    "sites>www.example.com>admin", "sites>www.example.com>admin>mail", "sites>www.example.com>language",
]  # fmt: skip
# Any character at all, lone surrogates too: JSON can carry them.
TEXTS = st.text(st.characters(codec=None), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


@hypothesis_settings(max_examples=60, deadline=None)
@given(path=st.sampled_from(STEPS), value=VALUES)
def test_any_value_anywhere_loads_or_is_refused_line_by_line(path: str, value: object) -> None:
    config = edited({path: value})
    refused = SettingsError([])
    try:
        load(config, passwords_are_secret)
    except SettingsError as error:
        refused = error

    assert 1 + len(refused.faults) == len(str(refused).splitlines())
    assert all(fault.startswith("aegir:") for fault in refused.faults)
    assert str(refused).encode()
