"""A site is backed up before it moves, where backups are declared for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pulumi

from aegir_components.backups import about
from aegir_components.backups.packed import Packed
from aegir_components.backups.safety import save_before
from aegir_components.backups.source import Source
from aegir_components.providers import awaited

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
        inputs, tell = site.inputs, pulumi.log.info

        def source(found: Mapping[str, Any]) -> Source:
            return Source.of_site(inputs, inputs.hub_password, found)

        job = known.job(site.key, source, _code(site, hub_root), hub_root, tell)
        return save_before(job, WORK).line if job else ""

    return save


def _code(site: Site, hub_root: str) -> dict[str, str]:
    """Say which release is live where a site is; nothing where no machine knows."""
    name = awaited.live_digest(site.inputs)
    return about.recorded(hub_root, site.inputs.platform, name, site.application.name) if name else {}
