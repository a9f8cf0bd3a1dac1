"""nginx with PHP-FPM, in Aegir's layout below ``/var/aegir/config``."""

from __future__ import annotations

from aegir_components import layout
from aegir_components.host import script

from .web import DEFAULT_CERTIFICATE, WebServer

ROOT = f"{layout.CONFIG_ROOT}/nginx"
LISTEN = f"{ROOT}/listen.conf"
"""The addresses and ports of every site, in one place."""


def main_configuration(port: int, tls: bool) -> str:
    """Render ``/var/aegir/config/nginx.conf``, which nginx includes in its ``http`` block.

    The default server answers names that nobody declared: 404, and not somebody's site.
    """
    secure = (
        f"    listen 443 ssl default_server;\n    ssl_certificate {DEFAULT_CERTIFICATE}/openssl.crt;\n"
        f"    ssl_certificate_key {DEFAULT_CERTIFICATE}/openssl.key;\n"
    )
    return f"""\
# Written by aegir. Your own directives belong into {ROOT}/pre.d and {ROOT}/post.d.
# Host names are long: as shipped, one of more than 46 characters stops nginx from starting.
server_names_hash_bucket_size 512;
include {ROOT}/pre.d/*.conf;
include {ROOT}/platform.d/*.conf;

server {{
    listen {port} default_server;
{secure if tls else ""}    server_name _;
    location ^~ /.well-known/acme-challenge/ {{
        root {layout.ACME_ROOT};
        try_files $uri =404;
    }}
    location / {{
        return 404;
    }}
}}

include {ROOT}/vhost.d/*.conf;
include {ROOT}/post.d/*.conf;
"""


def listen(port: int, *, ipv6: bool) -> str:
    """Render the addresses that a site listens on."""
    return f"listen {port};\n" + (f"listen [::]:{port};\n" if ipv6 else "")


def section(port: int, tls: bool) -> list[str]:
    """List the main file and what makes room for its default server."""
    both, old = (script.encoded(listen(port, ipv6=ipv6)) for ipv6 in (True, False))
    return [
        # Debian's own example site calls itself the default server, and there can be one only.
        "want_no_default_site",
        f'want_file {LISTEN} root root 644 "$(if [ -f /proc/net/if_inet6 ]; then echo {both}; else echo {old}; fi)"',
        script.file(f"{layout.CONFIG_ROOT}/nginx.conf", main_configuration(port, tls)),
    ]


def definition(variable: str, root: str) -> str:
    """Render the file by which nginx knows a platform's live release."""
    return f'# Written by aegir.\nmap "" ${variable} {{\n    default {root};\n}}\n'


NGINX = WebServer(
    name="nginx",
    packages=("nginx",),
    unit="nginx",
    test="nginx_test",
    reload="nginx_reload",
    later="nginx_later",
    link="/etc/nginx/conf.d/aegir.conf",
    section=section,
    removal=("want_default_site_back", script.no_file(LISTEN)),
    definition=definition,
    template="nginx-vhost.conf.j2",
)
