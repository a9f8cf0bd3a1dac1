"""nginx with PHP-FPM, in Aegir's layout below ``/var/aegir/config``."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aegir_components import layout
from aegir_components.scripts import script

from .web import CIPHERS, CURVES, DEFAULT_CERTIFICATE, WebServer

ROOT = f"{layout.CONFIG_ROOT}/nginx"
LISTEN = f"{ROOT}/listen.conf"
"""The addresses and ports of every site, in one place."""
DEFAULT = f"{ROOT}/listen-default.conf"
"""Those of the server that answers names which nobody declared."""
LISTEN_TLS = f"{ROOT}/listen-tls.conf"
TLS = f"{ROOT}/tls.conf"
"""How every site is served over TLS: Mozilla's intermediate configuration.

Included by each server: Debian's own nginx.conf has some of these in its ``http`` block, where there can be one only.
"""


TLS_SETTINGS = f"""\
# Written by aegir.
ssl_protocols TLSv1.2 TLSv1.3;
ssl_ciphers {CIPHERS};
ssl_ecdh_curve {CURVES};
ssl_prefer_server_ciphers off;
ssl_session_timeout 1d;
ssl_session_cache shared:aegir:10m;
ssl_session_tickets off;
"""


HELD = """\
# Each site says which it is: a platform's file names the release of one that is held back.
map "" $aegir_site {
    default "";
}
"""


ASKED_PORT = """\
# The port of the address that a visitor has asked: Debian's fastcgi_params tell PHP the name alone.
map $http_host $aegir_port {
    default "";
    "~(?<aegir_asked>:[0-9]{1,5})$" $aegir_asked;
}
"""


def main_configuration(tls: bool) -> str:
    """Render ``/var/aegir/config/nginx.conf``, which nginx includes in its ``http`` block.

    The default server answers names that nobody declared: 404, and not somebody's site.
    """
    secure = f"""\
    include {TLS};
    ssl_certificate {DEFAULT_CERTIFICATE}/openssl.crt;
    ssl_certificate_key {DEFAULT_CERTIFICATE}/openssl.key;
"""
    return f"""\
# Written by aegir. Your own directives belong into {ROOT}/pre.d and {ROOT}/post.d.
# Host names are long: as shipped, one of more than 46 characters stops nginx from starting.
server_names_hash_bucket_size 512;
# What nginx's own list lacks in Debian 12: browsers take no script without its type.
types {{
    text/javascript mjs; application/manifest+json webmanifest; image/avif avif; image/heic heic;
    font/ttf ttf; font/otf otf;
    text/csv csv; text/calendar ics; text/vcard vcf; text/vtt vtt; text/markdown md; application/epub+zip epub;
    application/geo+json geojson; application/gpx+xml gpx; application/ld+json jsonld; model/gltf-binary glb;
    application/json map; application/gzip gz tgz;
}}
{HELD}{ASKED_PORT}include {ROOT}/pre.d/*.conf;
include {ROOT}/platform.d/*.conf;

server {{
    include {DEFAULT};
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


def listen(port: int, *, ipv6: bool, options: str = "") -> str:
    """Render the addresses that a site listens on."""
    return f"listen {port}{options};\n" + (f"listen [::]:{port}{options};\n" if ipv6 else "")


def listen_default(port: int, tls: bool, *, ipv6: bool) -> str:
    """Render the addresses that the default server listens on."""
    secure = listen(443, ipv6=ipv6, options=" ssl http2 default_server") if tls else ""
    return listen(port, ipv6=ipv6, options=" default_server") + secure


def _either(path: str, render: Callable[[bool], str]) -> str:
    """Item: a file that has IPv6's addresses where the machine has such."""
    both, old = (script.encoded(render(ipv6)) for ipv6 in (True, False))
    return f'want_file {path} root root 644 "$(if [ -f /proc/net/if_inet6 ]; then echo {both}; else echo {old}; fi)"'


def section(port: int, tls: bool) -> list[str]:
    """List the main file and what makes room for its default server."""
    return [
        # Debian's own example site calls itself the default server, and there can be one only.
        "want_no_default_site",
        _either(LISTEN, lambda ipv6: listen(port, ipv6=ipv6)),
        _either(DEFAULT, lambda ipv6: listen_default(port, tls, ipv6=ipv6)),
        *_tls(tls),
        script.file(f"{layout.CONFIG_ROOT}/nginx.conf", main_configuration(tls)),
    ]


def _tls(tls: bool) -> list[str]:
    if not tls:
        return [script.no_file(LISTEN_TLS), script.no_file(TLS)]
    return [
        _either(LISTEN_TLS, lambda ipv6: listen(443, ipv6=ipv6, options=" ssl http2")),
        script.file(TLS, TLS_SETTINGS),
    ]


def definition(variable: str, root: str, held: Mapping[str, str]) -> str:
    """Render the file by which nginx knows a platform's live release, and those of sites that are held back."""
    key = "$aegir_site" if held else '""'
    own = "".join(f'    "={site}" {where};\n' for site, where in sorted(held.items()))
    return f"# Written by aegir.\nmap {key} ${variable} {{\n    default {root};\n{own}}}\n"


NGINX = WebServer(
    name="nginx",
    packages=("nginx",),
    unit="nginx",
    test="nginx_test",
    vhost_test="nginx_test",
    reload="nginx_reload",
    later="nginx_later",
    link="/etc/nginx/conf.d/aegir.conf",
    section=section,
    removal=("want_default_site_back", *(script.no_file(path) for path in (LISTEN, DEFAULT, LISTEN_TLS, TLS))),
    definition=definition,
    template="nginx-vhost.conf.j2",
)
