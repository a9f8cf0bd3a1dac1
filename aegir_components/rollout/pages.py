"""What applications keep of their pages, emptied after a release: changed templates and routes count at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from aegir_components.deploy import installation
from aegir_components.messages import numbered, text_of
from aegir_components.remote.errors import HostError
from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions

from .site import Updated
from .waves import AT_ONCE

SECONDS: Final = 300
"""For which an application may work at it."""
PATIENCE: Final = 60
"""Seconds to wait for another program that works on the site."""


def are_kept(site: Updated, root: str) -> bool:
    """Tell whether a release has what its application needs to keep pages at all.

    Args:
        site: one of its sites.
        root: the document root of the release.

    Raises:
        HostError: the web server does not answer.
    """
    files = site.kind.caching
    if not files:
        return True
    lines = [functions("release"), script.call("release_has", root, *files)]
    return "has" in script.execute(site.worker, "check", lines, what="looking for what keeps pages", lock=False).facts


def empty(site: Updated, docroot: str) -> str:
    """Let a site's application empty what it keeps; say why it could not."""
    lines = installation.items(
        site.kind.caches, site=site.site, publish_path=site.publish_path, docroot=docroot,
        values={"host": site.name, "url": site.url}, patience=PATIENCE, seconds=SECONDS,
    )  # fmt: skip
    try:
        what = f"emptying the caches of {site.name}"
        script.execute(site.worker, "apply", lines, what=what, timeout=SECONDS + PATIENCE + 30, lock=False)
    except HostError as fault:
        return text_of(fault)
    return ""


def empty_all(sites: Sequence[Updated], docroot: str, warn: Callable[[str], None]) -> None:
    """Do so for several sites; what fails is a warning, since the sites work."""
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        for site, why in zip(sites, pool.map(lambda one: empty(one, docroot), sites), strict=True):
            if why:
                warn(numbered(6551, f"{site.name} has the new release, and its caches could not be emptied: {why}"))
