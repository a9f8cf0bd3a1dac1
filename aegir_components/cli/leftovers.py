"""What machines have and a stack's state does not, and the other way round. Pure: from their records to sentences."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from aegir_components import layout
from aegir_components.facts.inventory import Inventory

from .made import Site
from .state import State


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Finding:
    """One difference."""

    server: str
    what: str
    """What is there, or missing."""
    advice: str
    """What to do about it; never a command that takes content away."""

    def plain(self) -> dict[str, str]:
        """Give it as plain data."""
        return asdict(self)


def compare(state: State, holder: str, seen: Mapping[str, Inventory]) -> list[Finding]:
    """Compare what machines have with what a stack's state says.

    Args:
        state: the stack.
        holder: ``<project>/<stack>``.
        seen: by server, what is there.
    """
    known = {layout.file_name(site.identity): site for site in state.sites.values()}
    found: list[Finding] = []
    for server, have in sorted(seen.items()):
        found += _platforms(state, holder, server, have)
        found += _registered(known, holder, server, have)
        found += _data(known, server, have, {name for _, name, _ in have.platforms})
        found += _databases(state, holder, server, have)
    return sorted(found)


def _platforms(state: State, holder: str, server: str, have: Inventory) -> Iterator[Finding]:
    for owner, name, path in have.platforms:
        release = state.releases.get(name)
        if owner == holder and (release is None or server not in release.members):
            yield Finding(
                server=server,
                what=f"the platform {name} is published at {path}, and the stack does not have it there",
                advice="declare it there again and run pulumi up; to be rid of it, take it out after that",
            )
    for name, release in state.releases.items():
        if release.is_kept_on(server) and name not in {mine for _, mine, _ in have.platforms}:
            yield Finding(
                server=server,
                what=f"the platform {name} is not there, and the state has it there",
                advice="run pulumi up --refresh",
            )


def _registered(known: Mapping[str, Site], holder: str, server: str, have: Inventory) -> Iterator[Finding]:
    mine = {name for owner, name, _ in have.platforms if owner == holder}
    for platform, entry in have.registered:
        site = known.get(entry)
        if platform not in mine:
            continue
        if site is None:
            yield Finding(
                server=server,
                what=f"{entry} is in the registry of the platform {platform}, and the stack has no such site",
                advice="declare the site again and run pulumi up; to be rid of it, take it out after that (it is backed up)",
            )
        elif (now := site.platform) != platform:
            registered = f"{layout.platform_registry(platform)}/{entry}"
            yield Finding(
                server=server,
                what=f"{entry} is in the registry of the platform {platform}, and it is on {now} now",
                advice=f"nothing is lost by removing the entry: rm {shlex.quote(registered)}",
            )


def _data(known: Mapping[str, Site], server: str, have: Inventory, platforms: set[str]) -> Iterator[Finding]:
    others = {entry for platform, entry in have.registered if platform in platforms}
    for path, files in sorted(have.data.items()):
        entry = path.rpartition("/")[2]
        if entry not in known and entry not in others:
            yield Finding(
                server=server,
                what=f"{path} has {files} files of a site that the stack does not have",
                advice="keep it until you know what it is: another stack's, or what a killed removal left",
            )
        elif entry in known and server not in known[entry].members:
            yield Finding(
                server=server,
                what=f"{path} has {files} files of {entry}, which is not on this server",
                advice="compare them with those on its web servers before you remove them",
            )


def _databases(state: State, holder: str, server: str, have: Inventory) -> Iterator[Finding]:
    identities = {site.identity for site in state.sites.values()}
    there = {owner for _, owner, tables in have.databases if tables}
    for name, owner, tables in have.databases:
        stack, _, whose = owner.rpartition("/")
        if stack == holder and whose not in identities:
            yield Finding(
                server=server,
                what=f"the database {name} of {whose} has {tables} tables, and the stack has no such site",
                advice="declare the site again and run pulumi up: it is adopted; to be rid of it, take it out after that",
            )
    for site in state.sites.values():
        if site.database_server == server and f"{holder}/{site.identity}" not in there:
            yield Finding(
                server=server,
                what=f"{site.name} has no database there with anything in it, and the state has it there",
                advice="docs/howto/restore-a-backup-by-hand.md",
            )
