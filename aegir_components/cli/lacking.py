"""Which updates the databases of sites lack for the code that the sites have: one connection to each database server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from aegir_components import layout
from aegir_components.messages import around
from aegir_components.mysql.client import DatabaseError, Endpoint
from aegir_components.rollout import database_updates

from .ends import Refusal, tell
from .stack import Stack
from .unlocked import Unlocked

AT_ONCE: Final = 16
"""Connections at once."""


@dataclass(kw_only=True, slots=True)
class Asked:
    """Sites of one database server with the same release."""

    endpoint: Endpoint = field(repr=False)
    application: str
    digest: str
    sites: dict[str, str]
    """Database to site."""


def of_stack(stack: Stack, held: Mapping[str, str], *, say: Callable[[str], None] = tell) -> dict[str, tuple[str, ...]]:
    """Name the updates that each site's database lacks. A site of which nobody knows is left out.

    Args:
        stack: the stack; its secrets are read.
        held: by what a site is known by, the release that it is held back on.
        say: is told of a database server that does not answer.
    """
    try:
        unlocked = Unlocked.read(stack)
    except Refusal as fault:
        say(around(fault, f"pending database updates are not known: {fault.message}"))
        return {}
    root = unlocked.declared.hub.root

    def ask(asked: Asked) -> dict[str, tuple[str, ...]]:
        try:
            found = database_updates.lacking(root, asked.digest, asked.endpoint, asked.application, asked.sites)
        except DatabaseError as fault:
            say(around(fault, f"pending database updates of {len(asked.sites)} sites are not known: {fault}"))
            return {}
        return {asked.sites[name]: tuple(pending.names) for name, pending in found.items()}

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return {site: names for found in pool.map(ask, _grouped(unlocked, held)) for site, names in found.items()}


def _grouped(unlocked: Unlocked, held: Mapping[str, str]) -> list[Asked]:
    groups: dict[tuple[Endpoint, str, str], Asked] = {}
    for site in unlocked.state.sites.values():
        release = unlocked.state.releases.get(site.platform)
        if release is None or site.installation is None or site.configuration is None:
            continue
        source = unlocked.source(site.identity)
        digest = held.get(site.identity) or release.digest[: layout.RELEASE_DIGEST_LENGTH]
        key = (source.endpoint, release.application, digest)
        group = groups.setdefault(
            key, Asked(endpoint=source.endpoint, application=release.application, digest=digest, sites={})
        )
        group.sites[source.database] = site.name
    return list(groups.values())
