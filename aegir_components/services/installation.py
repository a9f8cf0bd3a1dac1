"""The applications' own functions, run for a site: on one web server, as the site's own user."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aegir_components import layout
from aegir_components.applications.base import program
from aegir_components.host import script

from . import functions

LOCK_TIMEOUT = 900
"""Seconds to wait for an installer that a killed run left working."""


def items(
    names: tuple[str, ...], *, site: str, publish_path: str, docroot: str, values: Mapping[str, Any]
) -> list[str]:
    """List what runs one of the applications' PHP programs for a site; the fact ``result`` has its last word."""
    user = layout.system_user(site)
    tmp = layout.site_temporary(layout.publish_root(publish_path), site)
    below = "" if docroot == "." else f"/{docroot}"
    php = script.encoded(program(values, *names))
    return [
        functions("site"),
        script.call("site_lock", user, str(LOCK_TIMEOUT), site),
        f'docroot="$(readlink {publish_path})"{below}',
        f'site_php {user} {site} "$docroot" {tmp} {php}',
    ]
