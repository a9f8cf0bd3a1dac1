"""A site owner's own directives of a web server: tested and live whenever they were changed."""

from __future__ import annotations

from aegir_components import layout
from aegir_components.scripts import script
from aegir_components.services.web import WebServer


def path(server: WebServer, site: str) -> str:
    """Name the file that the owner writes."""
    return f"{server.root}/custom.d/{layout.file_name(site)}.conf"


def record(server: WebServer, site: str) -> str:
    """Name the file that tells which of them are live."""
    return f"{layout.STATE_ROOT}/own-{server.name}/{layout.file_name(site)}"


def item(server: WebServer, site: str) -> str:
    """Render what has them tested and live."""
    return script.call("want_own_directives", path(server, site), record(server, site), server.test, server.later)
