"""Which sites of a platform go with its live release, and which stay on another one (docs/decisions, decision 17)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from aegir_components import layout
from aegir_components.deploy import closing, holding, release
from aegir_components.deploy.holding import Held
from aegir_components.hub.records import Records
from aegir_components.inputs.platform import CodeRelease
from aegir_components.inputs.site import SiteConfigurationInputs
from aegir_components.remote.connection import Connection
from aegir_components.remote.parallel import each
from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions

from .switching import Switching, docroot_of

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


def merged(seen: Mapping[str, Mapping[str, Held]]) -> dict[str, Held]:
    """Give what ``look`` has read as one, by what each site is known by. Pure."""
    return {site: entry for entries in seen.values() for site, entry in entries.items()}


def unfinished(members: Mapping[str, Connection]) -> set[str]:
    """Name the files of sites whose visitors wait on a web server: an update of theirs is at work, or was killed.

    Raises:
        HostError: a web server is not reached.
    """
    what = "looking for updates that were not ended"
    reports = each(members, lambda conn: script.execute(conn, "check", closing.updating_items(), what=what, lock=False))
    return {name for report in reports.values() for name in report.facts.get("updating", "").split()}


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


def waiting(hub_root: str, want: CodeRelease) -> dict[str, str]:
    """Give the sites that have to wait when this release goes live, each with the reason."""
    record = Records(hub_root, KIND).get(want.holder, want.platform) or {}
    return {str(k): str(v) for k, v in record.get("sites", {}).items()} if record.get("digest") == want.digest else {}


def arriving(
    hub_root: str, want: SiteConfigurationInputs, was: SiteConfigurationInputs, members: Mapping[str, Connection]
) -> None:
    """Keep a site that comes from another platform on its former code, where its database has to be updated first.

    Args:
        hub_root: where the hub has its records.
        want: the inputs of the site's configuration.
        was: the recorded ones.
        members: its web servers.

    Raises:
        HostError: a web server did not take it; nothing has changed then.
    """
    record = Records(hub_root, KIND).get(want.holder, want.platform) or {}
    why = record.get("sites", {}).get(want.site)
    if not why or was.platform == want.platform:
        return
    site, what = want.site, f"looking for the code of {want.site}"
    lines = [functions("release"), script.call("live_facts", was.publish_path, want.publish_path)]
    facts = each(members, lambda conn: script.execute(conn, "check", lines, what=what, lock=False).facts)
    live = {name: found.get("live2", "") for name, found in facts.items()}
    before = {found.get("live1", "") for found in facts.values()}
    if len(before) != 1 or not all(release.is_release(path) for path in (*before, *live.values())):
        return
    held, there = (merged(look(members, layout.platform_registry(inputs.platform))) for inputs in (want, was))
    here = Held(site=site, release=before.pop(), docroot=was.docroot, since=int(time.time()))
    entry = replace(there.get(site, here), kind="waiting", reason=str(why))
    digest = next(iter(live.values())).rpartition("/")[2]
    platform = CodeRelease(
        platform=want.platform, publish_path=want.publish_path, docroot=want.docroot, members=want.members,
        holder=want.holder, application=want.application, digest=digest,
    )  # fmt: skip
    Switching(want=platform, members=members, live=live, held=held).go({**held, site: entry})


def left(want: SiteConfigurationInputs, was: SiteConfigurationInputs, members: Mapping[str, Connection]) -> None:
    """Forget the release that the former platform holds a site back on; until it is proven on the new one, it may go back.

    Args:
        want: the inputs of the site's configuration.
        was: the recorded ones.
        members: its web servers that had it before.

    Raises:
        HostError: a web server is not reached.
    """
    if was.platform == want.platform:
        return
    lines = holding.removal_items(want.site, layout.platform_registry(was.platform))
    what = f"taking {want.site} out of the platform {was.platform}"
    each(members, lambda conn: script.execute(conn, "apply", lines, what=what, holder=want.holder))


def planned(
    want: CodeRelease,
    live: str,
    before: Mapping[str, Held],
    waits: Mapping[str, str],
    *,
    was: CodeRelease | None = None,
    pins: Mapping[str, str] = MappingProxyType({}),
    now: float | None = None,
) -> dict[str, Held]:
    """Decide which sites are held back when a release goes live. Pure.

    Args:
        want: the release.
        live: the directory of the release that is live until then.
        before: the sites that are held back until then.
        waits: the sites whose databases have to be updated first, with the reason.
        was: what the state has of the platform's release.
        pins: the sites that stay on a release by name.
        now: seconds of the epoch.
    """
    target = layout.release_path(want.publish_path, want.digest)
    since = int(time.time() if now is None else now)
    found: dict[str, Held] = {}
    for site, held in before.items():
        # A pin that was taken out waits for its turn.
        found[site] = held if held.kind != "pinned" or site in pins else marked(held, "waiting", "it was pinned")
    if live and live != target:
        for site, why in waits.items():
            if site not in found:
                found[site] = Held(
                    site=site,
                    release=live,
                    docroot=docroot_of(want, was, live),
                    kind="waiting",
                    since=since,
                    reason=why,
                )
    for site, name in pins.items():
        root = layout.release_path(want.publish_path, name)
        found[site] = Held(
            site=site, release=root, docroot=docroot_of(want, was, root), kind="pinned", since=since, reason="pinned"
        )
    return {site: held for site, held in found.items() if held.release != target}


def failed(held: Held, why: str) -> Held:
    """Say of a site that it could not go to the live release."""
    return marked(held, "failed", why)


def marked(held: Held, kind: holding.Kind, why: str) -> Held:
    """Say of a site why it is held back."""
    return replace(held, kind=kind, reason=why[:LONGEST])
