"""A site is backed up before it moves, where backups are declared for it."""

from __future__ import annotations

from collections.abc import Callable

import pulumi

from aegir_components.host import script
from aegir_components.services import functions, release
from aegir_components.snapshots import about
from aegir_components.snapshots.packed import Packed
from aegir_components.snapshots.safety import save_before
from aegir_components.snapshots.source import Source
from aegir_components.sources import records

from .place import Site

WORK = "a move"
"""What comes, as the list of backups has it."""


def saver(packed: str) -> Callable[[Site], str]:
    """Give what backs a site up where it is, and says which backup it is.

    Args:
        packed: how it is backed up, as ``Packed`` gives it; empty where no backups are declared.
    """

    def save(site: Site) -> str:
        known = Packed.read(packed)
        if site.key not in known.plans:
            return ""
        hub_root = next(iter(site.members.values())).hub_root
        job = known.job(
            site.key, lambda found: Source.of_state(site.props, found), _code(site, hub_root), hub_root, pulumi.log.info
        )
        return save_before(job, WORK).line if job else ""

    return save


def _code(site: Site, hub_root: str) -> dict[str, str]:
    """Say which release is live where a site is; nothing where no machine knows."""
    conn = next(iter(site.members.values()))
    path = str(site.props["publish_path"])
    lines = [functions("release"), script.call("live_facts", path, path)]
    what = f"looking for the code of {site.name}"
    live = script.execute(conn, "check", lines, what=what, lock=False).facts.get("live1", "")
    if not release.is_release(live):
        return {}
    platform, name = str(site.props["platform"]), live.rpartition("/")[2]
    found = records.load(hub_root, platform, name)
    revision, version = (found.revision, found.version) if found else ("", "")
    return about.release(platform, name, revision=revision, version=version, application=site.application.name)
