"""Why a site does not get back its database of before an update although `database: restore` asks for it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aegir_components.messages import numbered


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A site of a platform that goes back to a release."""

    release: str
    """The directory of the release."""
    switched: bool
    """Whether the platform had another release before."""
    waits: bool
    """Whether the site was held back when the platform went to the release."""
    pinned: str = ""
    """The release that the site is pinned to; empty where it is not."""
    enabled: bool = True
    updates: bool = True
    """Whether its update has steps."""
    kept: Mapping[str, Any] | None
    """What is known of its database of before; ``None`` where there is none."""


def why_not(site: Asked) -> str:
    """Say why a site's database is not restored; empty where nothing speaks against it."""
    kept = str((site.kept or {}).get("release", "")).rpartition("/")[2]
    wanted = site.release.rpartition("/")[2]
    if site.pinned:
        return f"the site is pinned to the release {site.pinned} (`release` at the site)"
    if not site.enabled and site.waits:
        return "the site is disabled, and gets the release when it is enabled"
    if not site.updates:
        return "its updates are switched off (`update: []`)"
    if site.kept is None:
        return "no database of before an update is kept of it"
    if kept != wanted:
        return f"its database of before the last update belongs to the release {kept}, and this release is {wanted}"
    if site.waits:
        return ""
    if not site.switched:
        return f"it was on the release {wanted} already"
    return "its database is no newer than the code of this release, so it kept the database"


def not_restored(name: str, why: str, *, done: bool = True) -> tuple[str, str]:
    """Say that a site's database was not restored.

    Args:
        name: the site.
        why: the reason.
        done: whether the run is over; otherwise it is a preview.

    Returns:
        It with the site's name, and what is said after the names of several sites with the same reason.
    """
    tense = "was" if done else "is"
    alone = f"{name}: its database {tense} not restored, since {why}; `aegir restore {name}` brings back a backup"
    several = f"their databases were not restored, since {why}; `aegir restore` brings back backups"
    return numbered(6136, alone), several
