"""The functions of ``release.sh`` that take their arguments by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from aegir_components.scripts.named import Operation, Word


@dataclass(frozen=True, kw_only=True, slots=True)
class WantPublishable(Operation):
    """Item: the publish path is free or this platform's own, and so is its name on the machine."""

    function: ClassVar[str] = "want_publishable"
    publish_path: str
    registry: str
    """The platform's directory with a file for each site."""
    holder: str
    """The stack that declares it."""
    releases: str
    former: str = ""
    """What that stack was called before, where it has got another name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseFacts(Operation):
    """Tell what is live, whether a release is there, and what differs in it."""

    function: ClassVar[str] = "release_facts"
    publish_path: str
    release: str
    manifest: str
    """The record of the release."""
    sites: str
    """The directory of the sites' data."""
    digest: str = ""
    """Of the release, where every byte is to be read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseState(Operation):
    """Tell in a look whether a release is there, and what differs in it."""

    function: ClassVar[str] = "release_state"
    release: str
    manifest: str
    sites: str
    digest: str = ""
    """Of the release, where every byte is to be read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkSites(Operation):
    """Link the names of a platform's sites into a release."""

    function: ClassVar[str] = "link_sites"
    docroot: str | Word
    registry: str
    sites: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkShared(Operation):
    """Link a file that all sites share into a release."""

    function: ClassVar[str] = "link_shared"
    docroot: str
    link: str
    """Below the document root."""
    target: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleasePrune(Operation):
    """Remove releases, and broken stages."""

    function: ClassVar[str] = "release_prune"
    releases: str
    live: str
    """The name of the live release."""
    gone: str
    """The names of those that go."""
    registry: str
