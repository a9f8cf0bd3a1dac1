"""The web servers by the types of the stack file."""

from __future__ import annotations

from collections.abc import Sequence

from . import apache, nginx
from .web import WebServer, has_tls, items, removal_items


def program(kind: str) -> WebServer:
    """Give the web server of a type: ``apache_ssl`` is Apache."""
    match kind.removesuffix("_ssl"):
        case "apache":
            return apache.APACHE
        case "nginx":
            return nginx.NGINX
    raise KeyError(kind)


def service_items(
    kind: str,
    *,
    port: int,
    php_version: str,
    php_chosen: Sequence[str] = (),
    mounted: bool = False,
    tasks: int = 0,
) -> list[str]:
    """List what a machine with this type of web service has before any site is on it."""
    server = program(kind)
    other = next(candidate for candidate in (apache.APACHE, nginx.NGINX) if candidate is not server)
    return items(
        server, other, port=port, tls=has_tls(kind), php_version=php_version, php_chosen=php_chosen, mounted=mounted,
        tasks=tasks,
    )  # fmt: skip


def service_removal(kind: str) -> list[str]:
    """List what takes this type of web service out."""
    return removal_items(program(kind))
