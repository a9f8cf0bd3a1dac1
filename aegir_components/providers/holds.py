"""Which sites of a platform go with its live release, and which stay on another one (docs/decisions, decision 17)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from aegir_components import layout
from aegir_components.host import script
from aegir_components.host.connection import Connection
from aegir_components.host.parallel import each
from aegir_components.hub_records import Records
from aegir_components.services import holding
from aegir_components.services.holding import Held

from .lifecycle import State
from .switching import docroot_of

LONGEST: Final = 2000
"""Characters of a reason."""
KIND: Final = "waits"
"""The hub's records of the sites that wait for an update, written by the program before a release is switched."""


def look(members: Mapping[str, Connection], registry: str) -> dict[str, dict[str, Held]]:
    """Read which sites are held back, by web server and by what each site is known by.

    Raises:
        HostError: a web server is not reached.
    """
    reports = each(
        members,
        lambda conn: script.execute(
            conn, "check", holding.look_items(registry), what="looking which sites are held back", lock=False
        ),
    )
    return {name: holding.read(report.facts.get("held", "")) for name, report in reports.items()}


def note(hub_root: str, stack: str, platform: str, digest: str, sites: Mapping[str, str]) -> None:
    """Write down which sites have to wait when a release goes live, each with the reason.

    Args:
        hub_root: where the hub has its records.
        stack: ``<project>/<stack>``.
        platform: the platform's name.
        digest: of the release.
        sites: what each is known by, with why it waits.
    """
    Records(hub_root, KIND).put({"digest": digest, "sites": dict(sites)}, stack, platform)


def waiting(hub_root: str, want: State) -> dict[str, str]:
    """Give the sites that have to wait when this release goes live, each with the reason."""
    record = Records(hub_root, KIND).get(str(want["holder"]), str(want["platform"])) or {}
    return (
        {str(k): str(v) for k, v in record.get("sites", {}).items()} if record.get("digest") == want["digest"] else {}
    )


def planned(
    want: State, live: str, before: Mapping[str, Held], waits: Mapping[str, str], now: float | None = None
) -> dict[str, Held]:
    """Decide which sites are held back when a release goes live. Pure.

    Args:
        want: the inputs of the release.
        live: the directory of the release that is live until then.
        before: the sites that are held back until then.
        waits: the sites whose databases have to be updated first, with the reason.
        now: seconds of the epoch.
    """
    target = layout.release_path(str(want["publish_path"]), str(want["digest"]))
    since = int(time.time() if now is None else now)
    pins: Mapping[str, Any] = want.get("pins") or {}
    found: dict[str, Held] = {}
    for site, held in before.items():
        # A pin that was taken out waits for its turn.
        found[site] = held if held.kind != "pinned" or site in pins else marked(held, "waiting", "it was pinned")
    if live and live != target:
        for site, why in waits.items():
            if site not in found:
                found[site] = Held(
                    site=site, release=live, docroot=docroot_of(want, live), kind="waiting", since=since, reason=why
                )
    for site, name in pins.items():
        root = layout.release_path(str(want["publish_path"]), str(name))
        found[site] = Held(
            site=site, release=root, docroot=docroot_of(want, root), kind="pinned", since=since, reason="pinned"
        )
    return {site: held for site, held in found.items() if held.release != target}


def failed(held: Held, why: str) -> Held:
    """Say of a site that it could not go to the live release."""
    return marked(held, "failed", why)


def marked(held: Held, kind: holding.Kind, why: str) -> Held:
    """Say of a site why it is held back."""
    return replace(held, kind=kind, reason=why[:LONGEST])
