"""A site's own names on its web servers: they lead to the machine itself, whatever DNS says.

Applications ask themselves over HTTP: WordPress's Site Health and its REST clients, Drupal's link checkers. Before DNS points to
the web server, or where a proxy is in front of it, such a request would reach another machine or none.
"""

from __future__ import annotations

from collections.abc import Sequence

from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions

HOSTS = "/etc/hosts"


def items(site: str, names: Sequence[str]) -> list[str]:
    """List what leads a site's names to this machine. Names that `/etc/hosts` has elsewhere keep their meaning there."""
    return [functions("names"), script.call("want_own_names", HOSTS, f"site {site}", *names)]


def removal_items(site: str) -> list[str]:
    """List what takes the names out again."""
    return [functions("names"), script.call("want_hosts_block", HOSTS, f"site {site}", "")]
