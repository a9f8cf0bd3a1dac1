"""What a run did, in plain words at its end: sites and not resources, and what to do next.

The engine tells a program which resources failed, and not which ones changed. Providers leave a record on the hub of each
resource that they worked on; the program reads these records when everything is done.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import pulumi

from aegir_components.hub.records import Records
from aegir_components.messages.printable import first_of

from . import settings
from .pulumi_workarounds import failures
from .recorded import Recorded

KIND: Final = "worked"
"""The hub's records of resources that were made or changed in a run."""
SITES: Final = frozenset({"site_config", "installation", "site_database", "certificate", "proof"})
"""Providers whose resources are a site's, by module."""
WARNED: Final = "warned"
"""What stands for a provider's module in the record of a warning."""
HELD: Final = "held"
"""The same, of a site that a rollout has left on its former release."""
RESTORED: Final = "restored"
"""The same, of a site that a rollout has given back its database of before an update."""
MACHINES: Final = frozenset({"machine", "names", "web_service", "database", "managed", "access"})
MOST: Final = 8
"""Names that are listed; a thousand sites are a number."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """What a run did, by display names."""

    made: tuple[str, ...] = ()
    """Sites."""
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    """Sites that are not declared any more: they go when the program has ended."""
    failed: tuple[str, ...] = ()
    releases: tuple[str, ...] = ()
    """Platforms with another release."""
    servers: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    """What else failed: platforms, servers."""
    held: tuple[str, ...] = ()
    """Platforms some of whose sites stay on a former release."""
    staying: tuple[str, ...] = ()
    """These sites."""
    restored: tuple[str, ...] = ()
    """Sites that got back the database of before their update."""
    warnings: int = 0
    """Warnings of machines, each counted once however many machines it is about."""


def begin(root: str, holder: str) -> None:
    """Forget what former runs left."""
    records = Records(root, KIND)
    for record in list(records.all()):
        if record["key"][0] == holder:
            records.drop(*map(str, record["key"]))


def tell(declared: settings.Settings, before: Recorded, holder: str) -> None:
    """Say at the end of a run what it did; nothing where it did nothing."""
    worked = [
        (str(record["key"][1]), str(record["key"][2]))
        for record in Records(declared.hub.root, KIND).all()
        if record["key"][0] == holder and len(record["key"]) == 3
    ]
    begin(declared.hub.root, holder)
    text = words(of(declared, before, worked, failures.not_made()))
    if text:
        pulumi.log.info(text)


def of(
    declared: settings.Settings, before: Recorded, worked: Iterable[tuple[str, str]], failed: Iterable[tuple[str, str]]
) -> Done:
    """Put together what was done. Pure.

    Args:
        declared: the stack file.
        before: what was recorded before the run.
        worked: provider's module and identity of each resource that was worked on.
        failed: type and name of each resource that failed or was skipped.
    """
    names = {site.identity: site.display_name for site in declared.sites.values()}
    known = before.of("aegir:SiteConfiguration").keys() | before.of("aegir:Installation").keys()
    platforms = _platforms(declared)
    worked = list(worked)
    ill = {name for kind, name in failed if kind in failures.SITES_OWN and name in names}
    touched = {identity for kind, identity in worked if kind in SITES and identity in names}
    return Done(
        made=_listed(names, touched - known - ill),
        changed=_listed(names, (touched & known) - ill),
        removed=tuple(sorted(known - names.keys())),
        failed=_listed(names, ill),
        releases=_listed(
            platforms, {identity for kind, identity in worked if kind == "release" and identity in platforms}
        ),
        servers=tuple(sorted({identity for kind, identity in worked if kind in MACHINES} & declared.servers.keys())),
        others=tuple(
            sorted({name for kind, name in failed if kind not in failures.SITES_OWN | {"aegir:Rollout"}} - ill)
        ),
        held=tuple(sorted({name for kind, name in failed if kind == "aegir:Rollout"})),
        staying=_listed(names, {identity for kind, identity in worked if kind == HELD and identity in names}),
        restored=_listed(names, {identity for kind, identity in worked if kind == RESTORED and identity in names}),
        warnings=sum(kind == WARNED for kind, _ in worked),
    )


def _platforms(declared: settings.Settings) -> dict[str, str]:
    """Give the platforms' names by what their providers know them by: the path, and in older records the name."""
    return {name: name for name in declared.platforms} | {
        platform.publish_path: name for name, platform in declared.platforms.items()
    }


def _listed(names: dict[str, str], identities: Collection[str]) -> tuple[str, ...]:
    return tuple(sorted({names[identity] for identity in identities}))


def words(done: Done) -> str:
    """Say it in sentences; empty where nothing was done."""
    said = [
        _some(done.made, "site was made", "sites were made"),
        _some(done.changed, "site was changed", "sites were changed"),
        _some(done.releases, "platform got another release", "platforms got another release"),
        _some(
            done.restored,
            "site has its database of before its update again",
            "sites have their databases of before their updates again",
        ),
        _some(done.servers, "server was changed", "servers were changed"),
        _some(done.removed, "site is removed now, after its backup", "sites are removed now, after their backups"),
    ]
    bad = [
        _some(done.failed, "site failed", "sites failed"),
        _some(done.staying, "site is held back on its former release", "sites are held back on their former release")
        or _some(done.held, "platform has sites that are held back", "platforms have sites that are held back"),
        _some(done.others, "other part failed or had to wait", "other parts failed or had to wait"),
    ]
    good, wrong = [text for text in said if text], [text for text in bad if text]
    number = done.warnings
    warned = [f"{number} {'warning is' if number == 1 else 'warnings are'} above"] if number else []
    if not good and not wrong and not warned:
        return ""
    lines = [f"Summary: {'; '.join([*good, *wrong, *warned])}."]
    if wrong:
        sites = (*done.failed, *done.staying)
        what = f"aegir check {sites[0]}" if sites else "aegir status --live"
        lines.append(
            f"What to do next: read why above, correct it, and run pulumi up again; it goes on from what it finds. {what} shows "
            f"what is wrong by then."
        )
    return " ".join(lines)


def _some(names: Sequence[str], one: str, several: str) -> str:
    if not names:
        return ""
    return f"{len(names)} {one if len(names) == 1 else several} ({first_of(names, MOST)})"
