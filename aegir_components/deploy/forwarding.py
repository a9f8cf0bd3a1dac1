"""Visitors who come to a web server that a site has left are served from where the site is, for a while.

The file lies behind those of sites: a site that has the name on this web server comes first.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from aegir_components import layout, templates
from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions
from aegir_components.services.web import WebServer


@dataclass(frozen=True, kw_only=True, slots=True)
class Forward:
    """A site that has left a web server."""

    site: str
    """What it is known by."""
    names: tuple[str, ...]
    address: str
    """Of a web server that it has now."""
    port: int
    """Of plain HTTP there."""


def path(server: WebServer, site: str) -> str:
    """Name the file that forwards a site's visitors."""
    return f"{server.root}/post.d/aegir-forward-{layout.file_name(site)}.conf"


def certificate_directory(site: str) -> str:
    """Name the directory with the certificate that a forward shows: the site's own one goes with the site."""
    # A plus sign is in no host name, so that it is no site's own directory.
    return f"{layout.CONFIG_ROOT}/ssl.d/forward+{layout.file_name(site)}"


def text(forward: Forward, server: WebServer, own_port: int, *, secure: bool) -> str:
    """Render the file.

    Args:
        forward: the site.
        server: the web server that it has left.
        own_port: of plain HTTP there.
        secure: whether there is a certificate.
    """
    return templates.render(
        f"{server.name}-forward.conf.j2",
        site=forward.site,
        names=forward.names,
        address=forward.address,
        port=forward.port,
        own_port=own_port,
        certificate=certificate_directory(forward.site) if secure else "",
        listen=f"{server.root}/listen.conf",
        listen_tls=f"{server.root}/listen-tls.conf",
        tls_options=f"{server.root}/tls.conf",
    )


def items(
    forwards: Iterable[Forward],
    keys: Mapping[str, tuple[str, str]],
    gone: Iterable[str],
    server: WebServer,
    own_port: int,
) -> list[str]:
    """List what forwards the visitors of sites, and takes away what forwarded those of others.

    Args:
        forwards: the sites.
        keys: certificate and key by site, of those that are served over TLS.
        gone: sites whose visitors are not forwarded any more.
        server: the web server that they have left.
        own_port: of plain HTTP there.
    """
    section, before, after = [], [], []
    for forward in forwards:
        chain, key = keys.get(forward.site, ("", ""))
        place = certificate_directory(forward.site)
        if chain:
            before += [script.directory(posixpath.dirname(place), mode=0o700), script.directory(place, mode=0o700)]
            section.append(script.file(f"{place}/openssl.crt", chain, mode=0o600))
            section.append(script.file(f"{place}/openssl.key", key, mode=0o600))
        section.append(script.file(path(server, forward.site), text(forward, server, own_port, secure=bool(chain))))
        if not chain:
            after.append(script.call("want_no_certificate", place))
    for site in gone:
        section.append(script.no_file(path(server, site)))
        after.append(script.call("want_no_certificate", certificate_directory(site)))
    if not section:
        return []
    return [
        functions("web"),
        functions("site"),
        *before,
        script.transaction("forwards", section, test=server.test, reload=server.reload),
        *after,
    ]
