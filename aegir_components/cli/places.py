"""Where commands for a site run: which of its web servers, and as what that one knows it."""

from __future__ import annotations

from aegir_components.deploy import cron
from aegir_components.deploy.site_command import Place
from aegir_components.inputs import quotas
from aegir_components.messages import numbered

from .ends import Refusal
from .made import Site


def place(site: Site, server: str) -> Place:
    """Describe a site on one of its web servers.

    Raises:
        Refusal: it never came up.
    """
    if site.installation is None:
        raise Refusal(numbered(9025, f"site {site.name} never came up; run pulumi up first"))
    return Place(
        site=site.identity,
        name=site.name,
        url=site.url,
        application=site.application,
        publish_path=site.publish_path,
        docroot=site.docroot,
        quotas=site.configured(lambda made: made.limits.get(server), None) or quotas.Quotas(),
    )


def servers(site: Site) -> list[str]:
    """List the web servers that may work for a site, the preferred one first; of a pack only the master may."""
    if site.master:
        return [site.master]
    if not site.members:
        return []
    # Each of a cluster has its share of the sites, as for cron.
    first = cron.keeper(site.identity, site.members)
    return [first, *(name for name in sorted(site.members) if name != first)]
