"""What new sites begin with, as far as the hub knows it before anything is done: a backup, or a dump and files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pulumi

from aegir_components import recorded, settings
from aegir_components.backups import book, source
from aegir_components.components.site import Begin
from aegir_components.messages import numbered, telling
from aegir_components.origins import definition, live, loaded
from aegir_components.providers.backup_keys import BackupKeys, BackupKeysInputs, BackupKeysState, publish_again
from aegir_components.recorded import Outputs, Recorded
from aegir_components.sources.resolve import Resolved


@dataclass(slots=True)
class Beginnings:
    """What the sites of a stack begin with."""

    declared: settings.Settings = field(repr=False)
    before: Recorded = field(repr=False)
    backups: dict[str, book.Backup] = field(default_factory=dict)
    """The chosen ones, by site."""
    owners: dict[str, str] = field(default_factory=dict)
    """What the sites are known by whose backups they are, by site."""
    faults: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    """What a person is told beforehand."""
    sources: dict[str, source.Source] = field(default_factory=dict, repr=False)
    """The live sites that others begin with, by those."""
    former: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Names of the sites that others begin with, by those."""
    uploads: dict[str, str] = field(default_factory=dict)
    """Addresses of the uploads of live sites that others begin with, by those."""

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
        former = self._former(site)
        begin = Begin(former=former, fallback=self._fallback(site))
        if origin is None or not _is_new(known):
            return replace(begin, loaded=bool(known.get("loaded")), cloned=known.get("loaded") == loaded.CLONE)
        owner = self.owners.get(name, "")
        chosen = self.backups[name].id if name in self.backups else ""
        places = tuple(self.declared.backups.repositories.values()) if origin.backup and self.declared.backups else ()
        version = sources[site.platform].code.version

        def packed(key: str) -> str:
            return definition.packed(
                origin, owner=owner, chosen=chosen, repositories=places, key=key, shared=uploads, version=version,
                source=self.sources[name].to_props() if name in self.sources else {}, rules=self.declared.sanitise,
                former=former,
            )  # fmt: skip

        given: str | pulumi.Output[str] = packed("")
        if keys is not None and origin.backup:
            given = keys.apply(lambda text: packed(definition.key_of(text, owner)))
        return replace(begin, origin=pulumi.Output.secret(given), cloned=origin.is_clone)

    def _fallback(self, site: settings.Site) -> str:
        """Say where a clone's missing uploads are, as its source is served now; of another stack as it was in the beginning."""
        if site.origin is None or not site.origin.proxied:
            return ""
        made = self.before.of("aegir:SiteConfiguration")
        source = _named(made, site.origin.site) if not site.origin.stack else None
        if source is not None:
            return live.uploads_of(*source)
        return self.uploads.get(site.name, "") or str((made.get(site.identity) or {}).get("fallback") or "")

    def _former(self, site: settings.Site) -> tuple[str, ...]:
        """Give the names that a site's content knows it by; those of before stay known, whatever becomes of its origin."""
        recorded_of = self.before.of("aegir:SiteConfiguration").get(site.identity) or {}
        known = [*recorded_of.get("former", ()), *self.former.get(site.name, ())]
        declared = site.origin.former if site.origin else ()
        own = {site.name, site.identity, *site.aliases}
        return tuple(sorted({*map(str, known), *declared} - own))


async def others(declared: settings.Settings, before: Recorded) -> dict[str, Recorded]:
    """Read the states of the stacks that new sites' content comes from, by name; what cannot be read is empty."""
    names = {
        site.origin.stack
        for site in declared.sites.values()
        if site.origin and site.origin.stack and _is_new(before.of("aegir:Installation").get(site.identity) or {})
    }
    return {name: await recorded.read(name) for name in sorted(names)}


def read(
    declared: settings.Settings, before: Recorded, holder: str, elsewhere: Mapping[str, Recorded] | None = None
) -> Beginnings:
    """Find what new sites begin with, and what is wrong with it.

    Args:
        declared: the stack.
        before: the state.
        holder: ``<project>/<stack>``.
        elsewhere: the states of other stacks, by name.
    """
    found = Beginnings(declared, before)
    for name, site in declared.sites.items():
        if site.origin is None or not _is_new(before.of("aegir:Installation").get(site.identity) or {}):
            continue
        if site.origin.backup:
            _choose(found, name, site.origin, holder)
            continue
        if site.origin.is_live:
            _find_live(found, name, site.origin, {"": before, **(elsewhere or {})})
            continue
        for key in ("database", "files", "private", "config"):
            path = getattr(site.origin, key)
            if path and not os.access(path, os.R_OK):
                found.faults.append(
                    numbered(
                        3003,
                        f"aegir:sites[{name}].origin.{key}: {path} is not on the hub, or cannot be read there; put it "
                        "there, or correct the path",
                    )
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
    if not pulumi.runtime.is_dry_run():
        for have in before.of("aegir:BackupKeys").values():
            try:
                publish_again(declared.hub.root, holder, BackupKeysState.from_props(have))
            except OSError as fault:
                telling.warn(
                    numbered(
                        2753,
                        f"the hub cannot keep the public key of archives in {fault.filename} ({fault.strerror}): a "
                        "removal would leave a dump in clear. Let the user who runs pulumi write there, and run "
                        "pulumi up again",
                    )
                )
    inputs = BackupKeysInputs(hub_root=declared.hub.root, holder=holder, sites=tuple(sorted(sites)))
    return BackupKeys("backups", inputs)


def _choose(found: Beginnings, name: str, origin: settings.Origin, holder: str) -> None:
    declared = found.declared
    whose = origin.site or name
    owner = next((site.identity for site in declared.sites.values() if site.name == whose), whose)
    known = book.Book(hub_root=declared.hub.root, stack=holder, site=owner).backups()
    if origin.backup == settings.origins.LATEST:
        fitting = [one for one in known if one.may_come_back]
    else:
        fitting = [one for one in known if one.id.startswith(origin.backup)]
    if not fitting:
        what = "proven backup" if origin.backup == settings.origins.LATEST else f"backup {origin.backup}"
        stack = holder.rpartition("/")[2]
        found.faults.append(
            numbered(
                3004,
                f"aegir:sites[{name}].origin.backup: this stack has no {what} of {whose}; to see those that there are, "
                f"run: aegir backups --stack {stack} --site {whose}",
            )
        )
        return
    one = fitting[-1]
    if origin.is_clone:
        made = found.before.of("aegir:SiteConfiguration").get(owner) or {}
        found.former[name] = (whose, owner, *live.names_of(made))
    found.owners[name], found.backups[name] = owner, one
    proof = "proven" if one.is_proven else "not proven"
    found.said.append(
        f"the site {name} begins with backup {one.id} of {whose}, begun {book.begun(one)}, {proof}"
        + (f"; it lacks {'; '.join(one.not_saved)}" if one.not_saved else "")
    )


def _find_live(found: Beginnings, name: str, origin: settings.Origin, states: Mapping[str, Recorded]) -> None:
    """Find a live site that another one is to begin with."""
    path, where = f"aegir:sites[{name}].origin", f"stack {origin.stack}" if origin.stack else "this stack"
    state = states[origin.stack]
    known = state.of("aegir:SiteConfiguration")
    key, _ = _named(known, origin.site) or ("", {})
    if not key or key not in state.of("aegir:Installation"):
        found.faults.append(
            numbered(
                3005, f"{path}.site: {where} has no site {origin.site} that came up; write one that aegir status shows"
            )
        )
        return
    environment = str((state.of("aegir:Environment").get("environment") or {}).get("environment", ""))
    if environment == "production" and found.declared.environment != "production" and not origin.sanitise:
        found.faults.append(
            numbered(
                3006,
                f"{path}.sanitise: missing; {where} is production and this stack is {found.declared.environment}. "
                "Write standard, which replaces personal data before it leaves its server, or none",
            )
        )
        return
    found.sources[name] = source.Source.of_state(known[key], {})
    found.uploads[name] = live.uploads_of(key, known[key])
    found.former[name] = (origin.site, key, *live.names_of(known[key]))
    how = "sanitised" if origin.sanitise == "standard" else "with all personal data"
    found.said.append(f"the site {name} begins with the content of {origin.site} of {where}, {how}")


def _named(made: Mapping[str, Outputs], name: str) -> tuple[str, Outputs] | None:
    """Find a site by its host name, or by what it is known by, with the inputs of its configuration."""
    return next(((key, props) for key, props in made.items() if name in {key, props.get("name")}), None)


def _is_new(known: Mapping[str, object]) -> bool:
    """Return whether the state knows no content of a site."""
    return not known or known.get("content", "present") == "empty"
