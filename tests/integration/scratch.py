"""A scratch host: Apache on bare code bases with core's own `.htaccess` in force, and visitors who compare its answers."""

from __future__ import annotations

import http.client
import shlex
import socket
import ssl
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lab import Host
from tests.integration.addresses import PLANTED, PROBE, UPLOADED

# What WordPress writes into .htaccess for pretty permalinks (WP_Rewrite::mod_rewrite_rules).
WORDPRESS = r"""<IfModule mod_rewrite.c>
RewriteEngine On
RewriteRule .* - [E=HTTP_AUTHORIZATION:%{HTTP:Authorization}]
RewriteBase /
RewriteRule ^index\.php$ - [L]
RewriteCond %{REQUEST_FILENAME} !-f
RewriteCond %{REQUEST_FILENAME} !-d
RewriteRule . /index.php [L]
</IfModule>
"""
# What Drupal writes into the .htaccess of its uploads (FileSecurity::htaccessLines), its part for mod_php excepted.
DRUPAL_UPLOADS = """Options -Indexes -ExecCGI -Includes -MultiViews
SetHandler Drupal_Security_Do_Not_Remove_See_SA_2006_006
<Files *>
  SetHandler Drupal_Security_Do_Not_Remove_See_SA_2013_003
</Files>
"""
PROBED = "/srv/aegir-probe.php"


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """What a web server said."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def kind(self) -> str:
        """In the words of `addresses.Row`: the PHP file that was to run, or what the status means."""
        ran = self.headers.get("x-aegir-ran")
        kinds = {200: "file", 301: "moved", 403: "denied", 404: "missing"}
        return ran or kinds.get(self.status, str(self.status))


def ask(
    host: Host,
    name: str,
    path: str,
    *,
    port: int = 80,
    tls: bool = False,
    headers: Mapping[str, str] | None = None,
    method: str = "GET",
    body: bytes = b"",
) -> Said:
    """Ask a host for an address exactly as it is written; redirects are not followed. A header that comes twice is one."""
    connection = http.client.HTTPConnection(host.address, 443 if tls else port, timeout=60)
    try:
        if tls:
            plain = socket.create_connection((host.address, 443), timeout=60)
            connection.sock = ssl._create_unverified_context().wrap_socket(plain, server_hostname=name)
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for key, value in {"Host": name, **(headers or {})}.items():
            connection.putheader(key, value)
        if body:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body or None)
        answer = connection.getresponse()
        said = answer.read()
        found: dict[str, str] = {}
        for key, value in answer.getheaders():
            found[key.lower()] = f"{found[key.lower()]}, {value}" if key.lower() in found else value
        return Said(status=answer.status, headers=found, body=said)
    finally:
        connection.close()


def plant(host: Host, directory: str, names: Iterable[str], group: str = "") -> None:
    """Make files where there are none; `group` may read them."""
    lines = [f"cd {shlex.quote(directory)} || exit 1"]
    for name in names:
        quoted = shlex.quote(f"./{name}")
        lines.append(f'mkdir -p "$(dirname {quoted})"; [ -e {quoted} ] || echo planted >{quoted}')
    if group:
        lines.append(f"chgrp -R {group} . && chmod -R g+rX .")
    host.run("\n".join(lines))


def probe(host: Host) -> None:
    """Let PHP say which file it was given, to those who ask so."""
    host.run(
        f"mkdir -p /srv; printf %s {shlex.quote(PROBE)} >{PROBED}; chmod 644 {PROBED}\n"
        f"for place in /etc/php/*/fpm; do echo auto_prepend_file={PROBED} >$place/conf.d/zz-probe.ini\n"
        'systemctl restart "php$(basename $(dirname $place))-fpm"; done'
    )


def serve(host: Host, code: Path, name: str, docroot: str, port: int) -> None:
    """Serve a code base on a port of the scratch host, with its own `.htaccess` and nothing of ours."""
    place = f"/srv/{name}"
    host.run(f"mkdir -p {place}")
    packed = subprocess.Popen(
        ["tar", "-C", str(code), "--exclude=./.git", "-cf", "-", "."], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    ssh = [*host.ssh_command(), f"tar -C {place} -xf -"]
    subprocess.run(ssh, stdin=packed.stdout, check=True, capture_output=True, timeout=120)
    root = place if docroot == "." else f"{place}/{docroot}"
    files = "wp-content/uploads" if name == "wordpress" else "sites/default/files"
    host.run(f"mkdir -p {root}/{files}")
    plant(host, root, PLANTED)
    plant(host, f"{root}/{files}", UPLOADED)
    where, rules = (root, WORDPRESS) if name == "wordpress" else (f"{root}/{files}", DRUPAL_UPLOADS)
    host.run(f"cat >{where}/.htaccess", input=rules)
    host.run(
        f"cat >/etc/apache2/conf-enabled/scratch-{name}.conf",
        input=f"Listen {port}\n<VirtualHost *:{port}>\nDocumentRoot {root}\nAllowEncodedSlashes NoDecode\n<Directory {root}>\n"
        "AllowOverride All\nOptions FollowSymLinks\nRequire all granted\n</Directory>\n</VirtualHost>\n",
    )


def begin(host: Host) -> None:
    """Start the scratch host's Apache with what `serve` has left."""
    host.run(
        "a2enmod -q rewrite proxy_fcgi setenvif headers expires; a2enconf -q 'php*-fpm'; systemctl restart apache2"
    )
