"""A site is backed up before its update, where backups are declared for it."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Callable, Mapping
from typing import Final

from aegir_components import layout
from aegir_components.backups import about
from aegir_components.backups.packed import Packed
from aegir_components.backups.repository import BackupError
from aegir_components.backups.safety import save_before
from aegir_components.backups.saving import Job
from aegir_components.backups.source import Source
from aegir_components.deploy.holding import Held
from aegir_components.inputs.platform import RolloutInputs
from aegir_components.inputs.site import SitePlace
from aegir_components.messages import text_of

from .site import Updated
from .update import NotUpdated

WORK: Final = "an update"
"""What comes, as the list of backups has it."""
Code = Mapping[str, str]
"""The release that a site is on, as ``about.release`` gives it."""
Jobs = Callable[[Updated, Code], "Job | None"]
"""Gives what backing up a site needs; ``None`` where it is not backed up. Raises ``BackupError``."""


def save(jobs: Jobs, site: Updated, code: Code) -> str:
    """Back a site up, and say which backup it is; empty where no backups are declared.

    Raises:
        NotUpdated: there is no backup; the text says how to go on.
    """
    try:
        job = jobs(site, code)
        return save_before(job, WORK).line if job else ""
    except BackupError as fault:
        raise NotUpdated(text_of(fault)) from None


def jobs(want: RolloutInputs, tell: Callable[[str], None]) -> Jobs:
    """Give the jobs of a platform's sites.

    Args:
        want: the inputs of its ``Rollout``.
        tell: told of progress.
    """
    packed = Packed.read(want.backups)
    passwords: dict[str, dict[str, str]] = json.loads(want.secrets or "{}")

    def job(site: Updated, code: Code) -> Job | None:
        place = SitePlace(
            site=site.site, name=site.name, platform=want.platform, publish_path=site.publish_path, docroot=want.docroot,
            application=want.application, members=want.members, master=want.master, holder=site.holder,
            accounts=want.sites[site.site].accounts, publish_root=layout.publish_root(site.publish_path),
            uploads=site.uploads,
        )  # fmt: skip
        password = passwords[site.site]["hub"]
        return packed.job(site.site, lambda known: Source.of_site(place, password, known), code, want.hub_root, tell)

    return job


def code(want: RolloutInputs, former: Held) -> Code:
    """Say which release a site is on before its update.

    Args:
        want: the inputs of its platform's ``Rollout``.
        former: its release.
    """
    place, _, name = former.release.rpartition("/")
    own = place == layout.releases_directory(want.publish_path)
    platform = want.platform if own else posixpath.basename(place)
    return about.recorded(want.hub_root, platform, name, want.application)
