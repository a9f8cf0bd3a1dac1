"""How a site was configured before a change: kept on the web server until the change is proven, and restored if it is not.

The files lie where only root reads, beside those that they are copies of: a settings file has the database's password. A run
that is killed between the change and its proof leaves them to the next one.
"""

from __future__ import annotations

from collections.abc import Iterable

from aegir_components import layout
from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions
from aegir_components.services import web
from aegir_components.services.web import WebServer

from . import isolation
from .site import SitePlan, settings_path, vhost_path


def keep_items(
    plan: SitePlan, server: WebServer, keys: Iterable[str], *, versions: Iterable[str], slave: bool
) -> list[str]:
    """List what keeps the files that a change may touch.

    Args:
        plan: the site.
        server: its web server.
        keys: what changes, as the stack file calls it.
        versions: of PHP, before the change and after it; empty for the usual one.
        slave: whether the settings file is another member's.
    """
    user = layout.system_user(plan.site)
    paths = [
        *([] if slave else [settings_path(plan)]),
        vhost_path(server, plan.name),
        *(layout.pool_path(plan.site, version) for version in dict.fromkeys(["", *versions])),
        isolation.main_path(user),
        isolation.unit_path(user),
        layout.php_record(plan.site),
    ]
    return [functions("former"), script.call("keep_former", user, " ".join(keys), *paths)]


def drop_items(sites: Iterable[str]) -> list[str]:
    """List what forgets how sites were configured before."""
    return [functions("former"), script.call("drop_former", *(layout.system_user(site) for site in sites))]


def restore_items(sites: Iterable[str], server: WebServer) -> list[str]:
    """List what restores how sites were configured; the fact of ``fact_name`` has what had changed, where there was a change."""
    return [
        functions("web"),
        functions("former"),
        *(script.call("restore_former", layout.system_user(site), server.later) for site in sites),
        *web.activation_items(server),
    ]


def fact_name(site: str) -> str:
    """Name the fact that says that a site's former configuration is restored."""
    return f"former.{layout.system_user(site)}"
