"""The applications' own functions, run for a site: on one web server, as the site's own user."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aegir_components import layout
from aegir_components.applications.base import program
from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions

LOCK_TIMEOUT = 900
"""Seconds to wait for an installer that a killed run left working."""


def items(
    names: tuple[str, ...],
    *,
    site: str,
    publish_path: str,
    docroot: str,
    values: Mapping[str, Any],
    patience: int = LOCK_TIMEOUT,
    seconds: int | None = None,
) -> list[str]:
    """List what runs one of the applications' PHP programs for a site; the fact ``result`` has its last word.

    Args:
        names: the PHP files.
        site: what the site is known by.
        publish_path: its platform's.
        docroot: its platform's document root.
        values: the program's input; it may hold secrets.
        patience: seconds to wait for another program that works on the site.
        seconds: after which the program is ended; ``None`` for no limit on the machine.
    """
    user = layout.system_user(site)
    tmp = layout.site_temporary(layout.publish_root(publish_path), site)
    below = "" if docroot == "." else f"/{docroot}"
    php = script.encoded(program(values, *names))
    return [
        functions("site"),
        script.call("site_lock", user, str(patience), site),
        f'docroot="$(site_docroot {user} {publish_path} {below})"',
        f'site_php {user} {site} "$docroot" {tmp} {php}{"" if seconds is None else f" {seconds}"}',
    ]
