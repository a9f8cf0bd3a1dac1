"""A platform's code on its web servers, its release, and the rollout of that to its sites."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from .members import CodeMember
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
