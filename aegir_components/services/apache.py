"""Apache with PHP-FPM: the handbook's section 1.3 and Aegir's layout below ``/var/aegir/config``."""

from __future__ import annotations

from collections.abc import Mapping

from aegir_components import layout
from aegir_components.scripts import script

from .web import CIPHERS, CURVES, DEFAULT_CERTIFICATE, WebServer

MODULES = ("rewrite", "proxy", "proxy_fcgi", "setenvif", "headers", "expires")
TLS_MODULES = ("socache_shmcb", "ssl", "http2")
TLS = f"""\
# Mozilla's intermediate configuration, for all sites.
Protocols h2 http/1.1
SSLProtocol -all +TLSv1.2 +TLSv1.3
SSLCipherSuite {CIPHERS}
SSLOpenSSLConfCmd Curves {CURVES}
SSLHonorCipherOrder off
SSLSessionTickets off
SSLSessionCacheTimeout 86400
"""
ROOT = f"{layout.CONFIG_ROOT}/apache"
ONE_VHOST = "AEGIR_ONE_VHOST"
"""Defined where a single vhost is tested with all the rest (``apache_vhost_test`` in ``services/web.sh``)."""


def main_configuration(port: int, tls: bool) -> str:
    """Render ``/var/aegir/config/apache.conf``, which Apache includes before any site of its own.

    The first virtual host answers names that nobody declared: 404, and not somebody's site.
    """
    listen = "" if port == 80 else f"Listen {port}\n"
    certificate = (
        f"    SSLEngine on\n    SSLCertificateFile {DEFAULT_CERTIFICATE}/openssl.crt\n"
        f"    SSLCertificateKeyFile {DEFAULT_CERTIFICATE}/openssl.key\n"
    )
    hosts = _unknown_names(port, "") + (_unknown_names(443, certificate) if tls else "")
    return f"""\
# Written by aegir. Your own directives belong into {ROOT}/pre.d and {ROOT}/post.d.
{listen}{TLS if tls else ""}IncludeOptional {ROOT}/pre.d/*.conf
IncludeOptional {ROOT}/platform.d/*.conf
{hosts}
<IfDefine !{ONE_VHOST}>
IncludeOptional {ROOT}/vhost.d/*.conf
</IfDefine>
IncludeOptional {ROOT}/post.d/*.conf
"""


def _unknown_names(port: int, certificate: str) -> str:
    return f"""
<VirtualHost *:{port}>
    ServerName aegir-default.invalid
{certificate}    DocumentRoot {layout.ACME_ROOT}
    RedirectMatch 404 "^/(?!\\.well-known/acme-challenge/)"
    <Directory {layout.ACME_ROOT}>
        Options None
        AllowOverride None
        Require all granted
    </Directory>
</VirtualHost>
"""


def section(port: int, tls: bool) -> list[str]:
    """List modules and the main file."""
    modules = (*MODULES, *(TLS_MODULES if tls else ()))
    enabled = [f"/etc/apache2/mods-enabled/{module}.{part}" for module in modules for part in ("load", "conf")]
    return [
        script.Item(script.call("want_apache_modules", *modules), *(("know_paths", path) for path in enabled)),
        script.file(f"{layout.CONFIG_ROOT}/apache.conf", main_configuration(port, tls)),
    ]


def definition(variable: str, root: str, held: Mapping[str, str]) -> str:
    """Render the file by which Apache knows a platform's live release, and those of sites that are held back."""
    own = "".join(f"Define {layout.held_variable(site)} {where}\n" for site, where in sorted(held.items()))
    return f"# Written by aegir.\nDefine {variable} {root}\n{own}"


APACHE = WebServer(
    name="apache",
    packages=("apache2",),
    unit="apache2",
    test="apache_test",
    vhost_test="apache_vhost_test",
    reload="apache_reload",
    later="apache_later",
    link="/etc/apache2/conf-enabled/aegir.conf",
    section=section,
    removal=("want_apache_modules",),
    definition=definition,
    template="apache-vhost.conf.j2",
)
