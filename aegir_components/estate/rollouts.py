"""The last step of a run: the sites of each platform come to its live release."""

from __future__ import annotations

from collections.abc import Mapping

from aegir_components import settings
from aegir_components.components.platform import Platform
from aegir_components.components.site import Site
from aegir_components.providers.backup_keys import BackupKeys
from aegir_components.pulumi_workarounds import failures
from aegir_components.recorded import Recorded

from . import order, saved_before


async def come(
    declared: settings.Settings,
    before: Recorded,
    platforms: Mapping[str, Platform],
    sites: Mapping[str, Site],
    holder: str,
    keys: BackupKeys | None,
) -> None:
    """Let platforms leave web servers that their sites have left, and their sites come to their releases.

    Args:
        declared: the stack.
        before: the state of the last run.
        platforms: by name.
        sites: likewise.
        holder: ``<project>/<stack>``.
        keys: of the backups.
    """
    for name, platform in platforms.items():
        on_it = [sites[site].configuration for site in _on(declared, before, name)]
        platform.leave(await failures.made(platform.release, *on_it))
        here = {site.identity: sites[key] for key, site in declared.sites.items() if site.platform == name}
        done = {
            key: site for key, site in here.items() if await order.is_there(site, before, declared.hub.root, holder)
        }
        if done:
            platform.roll_out(done, saved_before.updates(declared, name, keys))
        platform.end()


def _on(declared: settings.Settings, before: Recorded, platform: str) -> list[str]:
    """Name the sites that are on a platform or were on it: one that moves has to leave before its web servers do."""
    had = {
        name for name, outputs in before.of("aegir:SiteConfiguration").items() if outputs.get("platform") == platform
    }
    return [name for name, site in declared.sites.items() if site.platform == platform or site.identity in had]
