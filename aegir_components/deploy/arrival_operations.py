"""The functions of ``arrival.sh`` that take their arguments by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from aegir_components.scripts.named import Operation


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseBegin(Operation):
    """Make an empty stage, or one with the live release in hard links."""

    function: ClassVar[str] = "release_begin"
    staging: str
    live: str = ""
    """The directory of the live release; the other two are needed with it."""
    docroot: str = ""
    """The document root in the stage."""
    sites: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseWithout(Operation):
    """Take out of a stage what the new release does not have."""

    function: ClassVar[str] = "release_without"
    staging: str
    gone: str
    """In base64, names with a NUL after each, as in the other."""
    within: str
    """Directories that something goes from or comes into, outer ones first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseUnpack(Operation):
    """Unpack what comes on standard input into a stage."""

    function: ClassVar[str] = "release_unpack"
    staging: str
    program: str
    """What the stream goes through before tar gets it."""
    option: str = ""
    """Of that program."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseSumsSince(Operation):
    """List the checksums of a stage, and read only those files that differ from a former release."""

    function: ClassVar[str] = "release_sums_since"
    staging: str
    manifest: str
    former: str
    """The release that was linked into the stage."""
    changed: str
    """In base64, the files that came, with a NUL after each."""
    gone: str
    """In base64, the files of the former release that the new one does not have."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleasePlace(Operation):
    """Make the directory for links to sites, where a stage has none."""

    function: ClassVar[str] = "release_place"
    staging: str
    manifest: str
    docroot: str
    """The document root in the stage."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseRepair(Operation):
    """Give a damaged release the content of a stage."""

    function: ClassVar[str] = "release_repair"
    staging: str
    release: str
    manifest: str
    sites: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseRecord(Operation):
    """Put the records of a stage beside the release that it becomes."""

    function: ClassVar[str] = "release_record"
    staging: str
    release: str
    manifest: str
