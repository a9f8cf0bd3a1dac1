"""A platform's code on its web servers, its release, and the rollout of that to its sites."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from aegir_components.remote.connection import Connection

from .database import SiteAccounts, SiteDatabaseInputs
from .members import CodeMember, SiteMember, connections
from .props import Props, left_out


@dataclass(frozen=True, kw_only=True, slots=True)
class Code(Props):
    """A platform on web servers."""

    platform: str
    publish_path: str
    docroot: str
    """Below the code's directory; ``.`` for the directory itself."""
    members: Mapping[str, CodeMember]
    holder: str
    """``<project>/<stack>``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CodeRelease(Code):
    """A release of a platform's code."""

    application: str
    digest: str
    """Of all that the release holds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CodeFacts(Props):
    """What a code base is, for the hub's records."""

    version: str = ""
    """Of the application."""
    profiles: Mapping[str, str] = field(default_factory=dict)
    """Install profiles with their titles."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseInputs(CodeRelease):
    """A platform's live release on its web servers."""

    files: int
    """How many files it holds."""
    source: str
    """The directory on the hub that has the code."""
    source_revision: str = left_out("")
    """Of a source in git: a branch that has moved shows as another commit."""
    keep: int
    """Releases that stay on the web servers beside the live one."""
    allow_shrink: bool = False
    """Whether the source may have lost half of its files."""
    verify: Literal["", "full"] = left_out("")
    """``full`` where a refresh reads every byte."""
    health: bool = left_out(True)
    """Whether the sites are asked before and after a switch."""
    rollback: bool = left_out(False)
    """Whether a release is named or the former one wanted, so that the source may hold something else."""
    unread: str = left_out("")
    """Why the source cannot be read."""
    facts: CodeFacts | None = None
    templates: str = ""
    """A digest of the templates that files of the code base are rendered from."""
    pins: Mapping[str, str] = left_out({})
    """Sites that stay on a release by name, by what each is known by."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutStep(Props):
    """A step of a site's update."""

    kind: str
    command: str = ""
    seconds: int


@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutAccounts(SiteAccounts):
    """A site's database with what its accounts may do there."""

    rights: tuple[str, ...] = ()
    """On the database, besides every site's."""

    @classmethod
    def of(cls, database: SiteDatabaseInputs) -> Self:
        """Take them from the inputs of a site's database."""
        return database.narrowed(cls)

    def to_props(self) -> dict[str, Any]:
        """Give the mapping that is declared."""
        return {**SiteAccounts.to_props(self), "rights": list(self.rights) or None}


@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutSite(Props):
    """A site of a platform."""

    name: str
    """Its host name."""
    url: str
    enabled: bool = True
    steps: tuple[RolloutStep, ...]
    """Of its update, in their order."""
    uncounted: tuple[str, ...] = ()
    """Patterns of further tables whose changes are no writes that count."""
    blind: bool = False
    """Whether its PHP cannot see that visitors are to wait (``open_basedir``), so that they get 503."""
    accounts: RolloutAccounts

    def to_props(self) -> dict[str, Any]:
        """Give the mapping that is declared."""
        # Inside another input Pulumi keeps what is nothing, and states have it.
        return {**Props.to_props(self), "uncounted": list(self.uncounted) or None, "blind": self.blind or None}


@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutOrder(Props):
    """The order in which sites get a release."""

    canary: tuple[str, ...] = ()
    """Those that go first."""
    batch: str = ""
    """How many go at a time: a number, or a part in percent."""
    stop_on: int = 0
    """Sites that fail until the others stay as they are."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutInputs(CodeRelease):
    """The sites of a platform on its live release."""

    members: Mapping[str, SiteMember]
    master: str = left_out("")
    """The web server of a pack on which work is done."""
    uploads: str = left_out("")
    """The directory of uploads that the web servers share."""
    sites: Mapping[str, RolloutSite]
    """By what each is known by."""
    secrets: str = left_out("", secret=True)
    """Passwords by site, in JSON: ``account`` and ``hub``."""
    rollout: RolloutOrder | None = None
    """``None`` where no order is declared."""
    keep_before: int = 0
    """Days for which databases of before an update are kept."""
    restore: bool = left_out(False)
    """Whether sites go back to a release together with the databases that they had there."""
    backups: str = left_out("", secret=True)
    """How the sites are backed up before an update, as ``Packed`` gives it; no state has it."""

    @property
    def connections(self) -> dict[str, Connection]:
        """How the web servers are reached."""
        return connections(self.members)

    @property
    def hub_root(self) -> str:
        """The hub's own directory."""
        return next(iter(self.connections.values())).hub_root
