"""What new sites begin with, as far as the hub knows it before anything is done: a backup, or a dump and files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi

from . import settings
from .origins import definition
from .providers.backup_keys import BackupKeys
from .recorded import Recorded
from .snapshots.book import Backup, Book, local
from .sources.resolve import Resolved


@dataclass(frozen=True, kw_only=True, slots=True)
class Begin:
    """What one site begins with."""

    origin: pulumi.Output[str] | None = None
    """Packed, and secret; ``None`` for a site that has content, or gets it from its application."""
    loaded: bool = False
    """Whether its content was loaded before."""


@dataclass(slots=True)
class Beginnings:
    """What the sites of a stack begin with."""

    declared: settings.Settings = field(repr=False)
    before: Recorded = field(repr=False)
    backups: dict[str, Backup] = field(default_factory=dict)
    """The chosen ones, by site."""
    owners: dict[str, str] = field(default_factory=dict)
    """What the sites are known by whose backups they are, by site."""
    faults: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    """What a person is told beforehand."""

    def of(self, name: str, sources: Mapping[str, Resolved], uploads: str, keys: pulumi.Output[str] | None) -> Begin:
        """Say what a site begins with.

        Args:
            name: its host name.
            sources: the platforms' code.
            uploads: the directory of uploads that its web servers share; empty where each has its own.
            keys: of the backups.
        """
        site = self.declared.sites[name]
        known = self.before.of("aegir:Installation").get(site.identity) or {}
        origin = site.origin
        if origin is None or not _is_new(known):
            return Begin(loaded=bool(known.get("loaded")))
        owner = self.owners.get(name, "")
        chosen = self.backups[name].id if name in self.backups else ""
        places = tuple(self.declared.backups.repositories.values()) if origin.backup and self.declared.backups else ()
        version = sources[site.platform].code.version

        def packed(key: str) -> str:
            return definition.packed(
                origin, owner=owner, chosen=chosen, repositories=places, key=key, shared=uploads, version=version
            )

        if keys is None or not origin.backup:
            return Begin(origin=pulumi.Output.secret(packed("")))
        return Begin(origin=pulumi.Output.secret(keys.apply(lambda text: packed(definition.key_of(text, owner)))))


def read(declared: settings.Settings, before: Recorded, holder: str) -> Beginnings:
    """Find what new sites begin with, and what is wrong with it.

    Args:
        declared: the stack.
        before: the state.
        holder: ``<project>/<stack>``.
    """
    found = Beginnings(declared, before)
    for name, site in declared.sites.items():
        if site.origin is None or not _is_new(before.of("aegir:Installation").get(site.identity) or {}):
            continue
        if site.origin.backup:
            _choose(found, name, site.origin, holder)
            continue
        for key in ("database", "files", "private", "config"):
            path = getattr(site.origin, key)
            if path and not os.access(path, os.R_OK):
                found.faults.append(
                    f"aegir:sites[{name}].origin.{key}: {path} is not on the hub, or cannot be read there; put it there, "
                    f"or correct the path"
                )
        found.said.append(f"the site {name} begins with the content of {site.origin.database}")
    return found


def backup_keys(declared: settings.Settings, before: Recorded, holder: str) -> BackupKeys | None:
    """Declare the keys of the sites' backups; ``None`` where nothing is or was backed up.

    What was backed up once can be read as long as the stack is there.
    """
    if declared.backups is None and not before.of("aegir:BackupKeys"):
        return None
    sites = [site.identity for site in declared.sites.values() if site.backups is not None]
    return BackupKeys("backups", declared.hub.root, holder, sorted(sites))


def _choose(found: Beginnings, name: str, origin: settings.Origin, holder: str) -> None:
    declared = found.declared
    whose = origin.site or name
    owner = next((site.identity for site in declared.sites.values() if site.name == whose), whose)
    known = Book(hub_root=declared.hub.root, stack=holder, site=owner).backups()
    if origin.backup == settings.origins.LATEST:
        fitting = [one for one in known if one.is_proven]
    else:
        fitting = [one for one in known if one.id.startswith(origin.backup)]
    if not fitting:
        what = "proven backup" if origin.backup == settings.origins.LATEST else f"backup {origin.backup}"
        stack = holder.rpartition("/")[2]
        found.faults.append(
            f"aegir:sites[{name}].origin.backup: this stack has no {what} of {whose}; to see those that there are, run: "
            f"aegir backups --stack {stack} --site {whose}"
        )
        return
    one = fitting[-1]
    found.owners[name], found.backups[name] = owner, one
    proof = "proven" if one.is_proven else "not proven"
    found.said.append(
        f"the site {name} begins with backup {one.id} of {whose}, begun {local(one):%Y-%m-%d %H:%M}, {proof}"
        + (f"; it lacks {'; '.join(one.not_saved)}" if one.not_saved else "")
    )


def _is_new(known: Mapping[str, object]) -> bool:
    """Return whether the state knows no content of a site."""
    return not known or known.get("content", "present") == "empty"
