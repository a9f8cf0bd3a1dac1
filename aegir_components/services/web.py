"""Web servers: what Apache and nginx have in common, and the items that make a machine one.

A type of the stack file (``apache``, ``apache_ssl``, ``nginx``, ``nginx_ssl``) is a program, with TLS or without it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from aegir_components import layout
from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions

from . import php, vhosts

DEFAULT_CERTIFICATE = f"{layout.CONFIG_ROOT}/ssl.d/default"
"""Self-signed, made on the machine: what names are answered with that nobody declared."""
CIPHERS = (
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
    "DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384:DHE-RSA-CHACHA20-POLY1305"
)
"""Mozilla's intermediate configuration 5.7, for TLS 1.2."""
CURVES = "X25519:prime256v1:secp384r1"
LOGROTATE = "/etc/logrotate.d/aegir"
ROTATION = f"""\
# Written by aegir: the logs of its sites.
{layout.LOG_ROOT}/*.log {{
    daily
    rotate 14
    missingok
    notifempty
    compress
    delaycompress
    create 640 root adm
    sharedscripts
    postrotate
        for unit in apache2 nginx $(ls /etc/php/ | sed 's/.*/php&-fpm/'); do
            if systemctl -q is-active $unit; then systemctl reload $unit; fi
        done
        # PHP-FPM opens its logs again: those of slow requests are its own.
        systemctl kill --kill-who=main -s USR1 'php*-fpm.service' 'aegir-php@*.service' 2>/dev/null || :
    endscript
}}
"""
"""By a graceful reload: nginx's own signal for it makes its workers open the files, and they may not enter the directory. PHP is
reloaded along: OPcache keeps the code of every release until then, and when it is full each request compiles what came later."""
CLIENTS = """\
# Written by aegir: PHP and these programs reach the sites' databases alike, with TLS or without.
[client-mariadb]
disable-ssl-verify-server-cert
"""
MAINTENANCE = """\
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="robots" content="noindex">
<title>Maintenance</title>
<h1>This site is closed for maintenance</h1>
<p>Please come again later.</p>
</html>
"""
PARTS = ("pre.d", "platform.d", "vhost.d", "custom.d", "post.d")


@dataclass(frozen=True, kw_only=True, slots=True)
class WebServer:
    """A web server program, as Debian and Ubuntu package it."""

    name: str
    """Of Aegir's directories and files for it."""
    packages: tuple[str, ...]
    unit: str
    test: str
    """The shell function that lets the program test its configuration."""
    vhost_test: str
    """The same for what follows from one vhost, whose path it is given; all are tested before the reload."""
    reload: str
    """The shell function that makes it read its configuration, gracefully."""
    later: str
    """The shell function that leaves this to the one reload after all sites."""
    link: str
    """Where the program finds a link to ours."""
    section: Callable[[int, bool], list[str]]
    """Items beside that link, in one transaction with it, for a port, with TLS or without."""
    removal: tuple[str, ...]
    """Items that take these back."""
    definition: Callable[[str, str, Mapping[str, str]], str]
    """Render the file that gives a variable the live document root of a platform, and other ones to sites held back."""
    template: str
    """Of a site's vhost."""

    @property
    def main(self) -> str:
        """The file that the program includes and that includes all the rest."""
        return f"{layout.CONFIG_ROOT}/{self.name}.conf"

    @property
    def root(self) -> str:
        """Aegir's directory for the program."""
        return f"{layout.CONFIG_ROOT}/{self.name}"


def has_tls(kind: str) -> bool:
    """Tell whether a type of the stack file is one with TLS."""
    return kind.endswith("_ssl")


def items(
    server: WebServer,
    other: WebServer,
    *,
    port: int,
    tls: bool,
    php_version: str,
    php_chosen: Sequence[str] = (),
    mounted: bool = False,
    tasks: int = 0,
) -> list[str]:
    """List what a web server has before any site is on it.

    Args:
        server: the program.
        other: the one that it is not: a server changes its type by this.
        port: the port for plain HTTP.
        tls: whether it answers on port 443 as well.
        php_version: such as ``8.2``; empty for the distribution's own.
        php_chosen: the versions that sites may take by name.
        mounted: whether the directory of the platforms comes from another machine, and is not inspected here: a server
            that does not answer would hold up all the rest.
        tasks: processes that each site may have whose pool is the machine's; 0 for the default.
    """
    section = [
        *server.section(port, tls),
        script.link(server.link, server.main),
    ]
    page = f"{layout.PAGES_ROOT}{vhosts.MAINTENANCE}"
    return [
        functions("web"),
        "reloads_that_wait",
        *php.items(php_version, php_chosen, tasks),
        script.packages((*server.packages, "default-mysql-client", "logrotate")),
        script.call("want_database_clients", script.encoded(CLIENTS)),
        "want_mail_agent",
        script.directory(server.root, mode=0o711),
        *(script.directory(f"{server.root}/{part}") for part in PARTS),
        script.directory(layout.STATE_ROOT),
        script.directory(layout.ACME_ROOT),
        script.directory(layout.PAGES_ROOT),
        script.directory(posixpath.dirname(page)),
        script.file(page, MAINTENANCE),
        script.directory(layout.LOG_ROOT, group="adm", mode=0o750),
        script.file(LOGROTATE, ROTATION),
        *([] if mounted else _platforms()),
        *_certificate(tls),
        script.Item(
            script.call("want_web_server_gone", other.unit, other.link, other.main, other.root),
            ("know_units", other.unit),
        ),
        script.transaction(server.name, section, test=server.test, reload=server.reload),
        script.service(server.unit),
        *activation_items(server, "activate_new"),
    ]


def _platforms() -> list[str]:
    releases = f"{layout.PLATFORMS_ROOT}/{layout.RELEASES}"
    return [
        script.directory(layout.PLATFORMS_ROOT),
        script.directory(releases, owner=layout.AEGIR_USER, group=layout.AEGIR_USER),
        script.directory(f"{layout.PLATFORMS_ROOT}/{layout.SITES}"),
    ]


def _certificate(tls: bool) -> list[str]:
    if not tls:
        return []
    return [
        script.directory(f"{layout.CONFIG_ROOT}/ssl.d", mode=0o700),
        script.directory(DEFAULT_CERTIFICATE, mode=0o700),
        script.call("want_default_certificate", DEFAULT_CERTIFICATE),
    ]


def activation_items(server: WebServer, activate: str = "activate") -> list[str]:
    """List the reloads that wait for all sites to be configured; PHP's pools first, since vhosts name their sockets.

    Args:
        server: the program.
        activate: ``activate``, or ``activate_new`` for those alone that this very run asks for.
    """
    return [
        f'{activate} fpm_test fpm_reload "php$(php_version)-fpm"',
        script.call("activate_php_beside", activate),
        script.call(activate, server.test, server.reload, server.unit),
    ]


def removal_items(server: WebServer) -> list[str]:
    """List what takes our configuration out; packages stay. Refused while a site's vhost is there."""
    section = [script.no_file(server.link), script.no_file(server.main), *server.removal]
    return [
        functions("web"),
        script.call("refuse_vhosts", f"{server.root}/vhost.d"),
        script.transaction(server.name, section, test=server.test, reload=server.reload),
        *(script.no_file(f"{DEFAULT_CERTIFICATE}/openssl.{part}") for part in ("key", "crt")),
        script.no_file(LOGROTATE),
        script.no_file("/etc/mysql/mariadb.conf.d/99-aegir-client.cnf"),
        "want_no_empty_records",
        *php.removal_items(),
    ]
