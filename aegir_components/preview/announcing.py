"""What a run says beforehand of an edit: what it removes or moves, and what it does not bring back. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from aegir_components import settings
from aegir_components.messages import numbered
from aegir_components.recorded import Recorded

from . import moves


def announcements(recorded: Recorded, declared: settings.Settings, newest: Callable[[str], str]) -> list[str]:
    """Say in words what a run is about to remove, what it does not bring back, and which of the declared answers are used up.

    Args:
        recorded: the state.
        declared: the stack's settings.
        newest: gives the names of a site's newest backups on the hub; empty for none.
    """
    return [
        *_going(recorded, declared, newest),
        *_renamed(recorded, declared),
        *moves.announcements(recorded, declared),
        *_coming(recorded, declared, newest),
        *_used_up(recorded, declared),
    ]


def _going(recorded: Recorded, declared: settings.Settings, newest: Callable[[str], str]) -> Iterator[str]:
    kept = {site.identity for site in declared.sites.values()}
    databases = recorded.of("aegir:SiteDatabase")
    for key, files in sorted(recorded.of("aegir:SiteConfiguration").items()):
        if key in kept:
            continue
        database = databases.get(key, {})
        base = f"its database {database['database']} on {database['server']}" if database else "its database"
        where = ", ".join(sorted(files.get("members") or {})) or "its web servers"
        if _has_plan(declared):
            before = f"The backups that the stack's plan has made stay: aegir backups --site {key} lists them"
        elif backup := newest(key):
            before = f"The newest backup until now is {backup}"
        else:
            before = "Until now it has no backup on the hub"
        yield numbered(
            2820,
            f"the site {files.get('name') or key} is no longer declared: {base} and its files on {where} are "
            f"removed. A proven dump and an archive of both lie on the hub before that. {before}",
        )


def _renamed(recorded: Recorded, declared: settings.Settings) -> Iterator[str]:
    """Say which sites get another name, or their first one again, and what becomes of the name that they have now."""
    answering = {name: site.name for site in declared.sites.values() for name in (site.name, *site.aliases)}
    known = recorded.of("aegir:SiteConfiguration")
    for site in sorted(declared.sites.values(), key=lambda each: each.name):
        had = str(known[site.identity].get("name") or site.identity) if site.identity in known else site.name
        if had == site.name:
            continue
        again = ", its first name, again" if site.name == site.identity else ""
        left = (
            f"{had} leads to {answering[had]}"
            if had in answering
            else f"{had} answers 404 from then on: add it to the site's aliases to keep it"
        )
        yield numbered(2828, f"the site {had} is renamed to {site.name}{again}, with its content. {left}")


def _has_plan(declared: settings.Settings) -> bool:
    """Return whether the stack declares backups: its sites have some in repositories, beside the hub's dumps and archives."""
    return declared.backups is not None and not declared.backups.off


def _coming(recorded: Recorded, declared: settings.Settings, newest: Callable[[str], str]) -> Iterator[str]:
    """Tell of sites that begin empty although the hub has backups of them: nothing is loaded by itself."""
    known = {**recorded.of("aegir:SiteDatabase"), **recorded.of("aegir:SiteConfiguration")}
    for site in declared.sites.values():
        if site.identity not in known and site.origin is None and (backup := newest(site.identity)):
            way = (
                "`origin: {backup: latest}` at the site loads the last proven backup of the plan. "
                if _has_plan(declared)
                else ""
            )
            yield numbered(
                2821,
                f"the site {site.name} is new to this stack, and the hub has a backup of a site of this name "
                f"({backup}). The site begins without it. {way}docs/howto/restore-a-backup-by-hand.md shows how "
                "this one is loaded",
            )


def _used_up(recorded: Recorded, declared: settings.Settings) -> Iterator[str]:
    known = {str(have.get("name") or key) for key, have in recorded.of("aegir:SiteConfiguration").items()}
    for name in declared.confirm_removals:
        if name not in known:
            yield numbered(
                2822,
                f"aegir:confirm_removals names {name}, which this stack does not have any more: take it out, or it "
                "confirms a later removal that nobody meant",
            )
    for name in declared.replaced:
        yield numbered(
            2823,
            f"aegir:replaced names {name}: what is missing there is no error for as long as it stands there. Take "
            "it out when the content has been restored",
        )
