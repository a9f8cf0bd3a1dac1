"""How sites are backed up, packed as one text for the providers, which know neither the stack file nor the state.

The text holds keys, so it is a secret.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from aegir_components.messages import numbered
from aegir_components.settings import Backups, Plan, Repository
from aegir_components.settings.backups import Keep

from . import about
from .book import Book
from .repository import BackupError, Target, in_order
from .saving import Job
from .source import Source


@dataclass(frozen=True, kw_only=True, slots=True)
class Packed:
    """How sites are backed up."""

    repositories: Mapping[str, Repository] = field(default_factory=dict, repr=False)
    plans: Mapping[str, Plan] = field(default_factory=dict)
    """By what a site is known by."""
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Likewise."""
    file: str = ""
    """The stack file; empty where nobody knows."""

    @classmethod
    def of(cls, declared: Backups, plans: Mapping[str, Plan], keys: str, file: Path | None) -> Self:
        """Take what concerns some sites.

        Args:
            declared: what holds for the stack.
            plans: by what each site is known by.
            keys: of all sites, as ``BackupKeys`` has them.
            file: the stack file.
        """
        known = json.loads(keys or "{}")
        used = {name for plan in plans.values() for name in plan.to}
        return cls(
            repositories={name: place for name, place in declared.repositories.items() if name in used},
            plans=plans, keys={site: str(known[site]) for site in plans if known.get(site)}, file=str(file or ""),
        )  # fmt: skip

    @property
    def text(self) -> str:
        """It as one text."""
        # Most sites of a farm have the same plan, and the text is in the state.
        plans: list[dict[str, Any]] = []
        sites: dict[str, list[Any]] = {}
        for site, plan in self.plans.items():
            props = dataclasses.asdict(plan)
            plans += [] if props in plans else [props]
            sites[site] = [plans.index(props), self.keys.get(site, "")]
        places = [dataclasses.asdict(place) for place in self.repositories.values()]
        return json.dumps({"repositories": places, "plans": plans, "sites": sites, "file": self.file}, sort_keys=True)

    @classmethod
    def read(cls, text: str) -> Self:
        """Read back what ``text`` gave; of an empty text no site is backed up."""
        given = json.loads(text or "{}")
        plans = [_plan(props) for props in given.get("plans", ())]
        sites = given.get("sites", {})
        return cls(
            repositories={props["name"]: Repository(**props) for props in given.get("repositories", ())},
            plans={site: plans[int(number)] for site, (number, _) in sites.items()},
            keys={site: str(key) for site, (_, key) in sites.items() if key}, file=str(given.get("file", "")),
        )  # fmt: skip

    @property
    def secrets(self) -> list[str]:
        """List what no message may have."""
        return [*self.keys.values(), *(place.secret_key for place in self.repositories.values() if place.secret_key)]

    def job(
        self, site: str, source: Callable[[Mapping[str, Any]], Source], release: Mapping[str, str], hub_root: str,
        tell: Callable[[str], None],
    ) -> Job | None:  # fmt: skip
        """Put together what backing up a site needs; ``None`` where it is not backed up.

        Args:
            site: what it is known by.
            source: gives where its content is, from what is written down with the backup.
            release: the code that it has, as ``about.release`` gives it.
            hub_root: of this hub.
            tell: told of progress.

        Raises:
            BackupError: there is no key for it.
        """
        plan = self.plans.get(site)
        if plan is None:
            return None
        if site not in self.keys:
            raise BackupError(numbered(7003, f"{site} has no key for its backups yet"))
        found = source({"release": dict(release)})
        declared = about.declaration(Path(self.file), found.name) if self.file else {}
        found = dataclasses.replace(found, about={**found.about, "declaration": declared, "name": found.name})
        return Job(
            source=found, plan=plan, tell=tell, book=Book(hub_root=hub_root, stack=found.holder, site=site),
            targets=tuple(
                Target(repository=place, owner=site, key=self.keys[site], bandwidth=plan.bandwidth)
                for place in in_order(self.repositories[name] for name in plan.to)
            ),
        )  # fmt: skip


def _plan(props: Mapping[str, Any]) -> Plan:
    lists = {name: tuple(props[name]) for name in ("to", "exclude")}
    return Plan(**{**props, **lists, "keep": Keep(**props["keep"])})
