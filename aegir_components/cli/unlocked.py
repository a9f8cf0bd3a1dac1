"""What commands that work on content know of a stack: its declaration, and its state with the secrets decrypted."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from aegir_components import settings
from aegir_components.backups import about
from aegir_components.backups.book import Book
from aegir_components.backups.repository import Target, in_order
from aegir_components.backups.saving import Job
from aegir_components.backups.source import Source
from aegir_components.backups.starting import Start
from aegir_components.inputs.database import SiteDatabaseInputs
from aegir_components.inputs.key_owners import ARCHIVES, HUB
from aegir_components.messages import numbered
from aegir_components.settings import Backups, Plan, Settings, names

from . import places
from .ends import Refusal, tell
from .stack import Stack
from .state import State

_SECRET: Final = "4dabf18193072939515e22adb298388d"  # noqa: S105 - the mark that Pulumi puts on secrets, and none itself


@dataclass(frozen=True, kw_only=True, slots=True)
class Unlocked:
    """A stack with its secrets. Nothing of it is printed."""

    stack: Stack
    declared: Settings = field(repr=False)
    state: State = field(repr=False)
    keys: Mapping[str, str] = field(repr=False)
    """The keys of backups, by what a site is known by."""
    archives: str = field(default="", repr=False)
    """The private key of what removals leave on the hub; empty where none was made."""

    @classmethod
    def read(cls, stack: Stack) -> Unlocked:
        """Read a stack's file and its state.

        Raises:
            Refusal: something in the stack file is wrong, or the state cannot be read or decrypted.
        """
        exported = stack.engine.ask("stack", "export", "--show-secrets", "--stack", stack.name)
        plain = _plain(exported)
        keys: dict[str, str] = {}
        for resource in (plain.get("deployment") or {}).get("resources") or ():
            if str(resource.get("type", "")).endswith(":BackupKeys"):
                keys = json.loads(str((resource.get("outputs") or {}).get("keys") or "{}"))
        archives = keys.pop(ARCHIVES, "")
        state = State.read(stack.name, plain)
        return cls(stack=stack, declared=stack.settings(state), state=state, keys=keys, archives=archives)

    @property
    def holder(self) -> str:
        """``<project>/<stack>``."""
        known = next((site.holder for site in self.state.sites.values() if site.holder), "")
        return known or f"{project_name(self.stack)}/{self.stack.name}"

    @property
    def backups(self) -> Backups:
        """What is declared for all sites.

        Raises:
            Refusal: nothing is.
        """
        if self.declared.backups is None or self.declared.backups.off:
            said = "is off" if self.declared.backups else "is not declared"
            raise Refusal(
                numbered(
                    7002,
                    f"aegir:backups {said} in the stack file of {self.stack.name}. Declare it "
                    f"(docs/howto/back-up-sites.md), and run pulumi up --stack {self.stack.name}, which makes the keys",
                )
            )
        return self.declared.backups

    @property
    def keys_of_sites(self) -> tuple[str, ...]:
        """Name the sites that have keys: those that are backed up, or were."""
        return tuple(name for name in self.keys if name != HUB)

    def book(self, site: str) -> Book:
        """Give what the hub knows of a site's backups.

        Args:
            site: what it is known by.
        """
        return Book(hub_root=self.declared.hub.root, stack=self.holder, site=site)

    def identity(self, name: str) -> str:
        """Find what a site is known by, from its name.

        Raises:
            Refusal: there is no such site.
        """
        if (site := self.state.find(name)) is not None:
            return site.identity
        if (plain := names.in_ascii(name)) in self.keys:
            return plain
        raise Refusal(
            numbered(9016, f"{self.stack.name} has no site {name}; it has: {', '.join(self.state.sites) or 'none'}")
        )

    def name(self, identity: str) -> str:
        """Give the present name of a site; of one that is not there any more, what it was known by."""
        return next((site.name for site in self.state.sites.values() if site.identity == identity), identity)

    def plan(self, site: str) -> Plan | None:
        """Give a site's plan; ``None`` where it is not backed up."""
        found = next((one for one in self.declared.sites.values() if one.identity == site), None)
        if found is None:
            return self.backups.plan
        return found.backups

    def targets(self, owner: str, to: Iterable[str], bandwidth: int = 0) -> tuple[Target, ...]:
        """Give a site's repositories.

        Raises:
            Refusal: there is no key for it yet.
        """
        key = self.keys.get(owner)
        if key is None:
            raise Refusal(
                numbered(7003, f"{owner} has no key for its backups yet; run pulumi up --stack {self.stack.name} first")
            )
        repositories = self.backups.repositories
        return tuple(
            Target(repository=place, owner=owner, key=key, bandwidth=bandwidth)
            for place in in_order(repositories[name] for name in to)
        )

    def source(self, site: str) -> Source:
        """Say where a site's content is.

        Raises:
            Refusal: it never came up.
        """
        found = next((one for one in self.state.sites.values() if one.identity == site), None)
        if found is None or found.configuration is None:
            raise Refusal(
                numbered(
                    9025,
                    f"site {site} never came up in {self.stack.name}; run pulumi up --stack {self.stack.name} first",
                )
            )
        release = self.state.releases.get(found.platform)
        known: dict[str, Any] = {"declaration": about.declaration(self.stack.file, found.name), "name": found.name}
        if release is not None:
            known["release"] = about.release(
                release.platform, release.name, revision=release.revision, version=release.version,
                application=release.application,
            )  # fmt: skip
        return Source.of_state(found.configuration, known)

    def job(self, site: str, plan: Plan | None = None) -> Job:
        """Put together what backing up a site needs."""
        plan = plan or self.plan(site) or self.backups.plan
        source = self.source(site)
        return Job(
            source=source,
            start=self._start(source),
            plan=plan,
            targets=self.targets(site, plan.to, plan.bandwidth),
            book=self.book(site),
            tell=tell,
        )

    def _start(self, source: Source) -> Start | None:
        """Say where a site is started from its backups; ``None`` where it never came up."""
        found = self.state.sites.get(source.name)
        if found is None or found.installation is None or found.configuration is None or not found.members:
            return None
        server = next((name for name in places.servers(found) if name in {one.label for one in source.places}), None)
        server = server or places.servers(found)[0]
        why_not = "" if found.enabled and found.asked_for else "the site is disabled, or its health check is off"
        known = source.about.get("release") or {}
        return Start(
            place=places.place(found, server),
            server=server,
            worker=found.connection_of(server),
            database=SiteDatabaseInputs.of_accounts(
                found.secrets.accounts, site=source.site, password=source.endpoint.password, site_password="",
            ).wanted,
            release=f"{known.get('platform', '')} {known.get('name', '')}".strip(),
            why_not=why_not,
        )  # fmt: skip

    def hub_targets(self) -> tuple[Target, ...]:
        """Give the repositories of the hub itself: those off the hub, or all where there is none."""
        away = [name for name, place in self.backups.repositories.items() if place.name != settings.backups.HUB]
        return self.targets(HUB, away or self.backups.repositories)


def _plain(value: Any) -> Any:
    """Put the plain text in the place of what Pulumi marks as secret."""
    if isinstance(value, dict):
        if _SECRET in value:
            return json.loads(value["plaintext"]) if "plaintext" in value else None
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value


def project_name(stack: Stack) -> str:
    """Give the name of a stack's project."""
    path = next(path for name in ("Pulumi.yaml", "Pulumi.yml") if (path := stack.engine.project / name).is_file())
    return str(yaml.safe_load(path.read_text(encoding="utf-8"))["name"])
