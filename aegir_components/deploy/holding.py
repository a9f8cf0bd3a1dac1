"""Sites that are not on the live release of their platform: held back after a failure, pinned, or waiting for their turn.

The platform's definition is the default of all its sites (docs/decisions, decision 17). Beside it stands on each web server
which sites have another release, and why: in ``.held`` of the platform's registry. The web server reads it in the same file as
the default, programs read ``/var/lib/aegir/held``. A machine tells what is so; neither the state nor the hub has to remember it.
"""

from __future__ import annotations

import base64
import binascii
import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from aegir_components import layout
from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions

Kind = Literal["waiting", "failed", "pinned"]
_RELEASE = re.compile(r"/[A-Za-z0-9_./-]{1,2000}/\.releases/[A-Za-z0-9_.-]{1,255}/[0-9a-f]{16}")
_SITE = re.compile(r"[a-z0-9.-]{1,253}")
_DOCROOT = re.compile(r"\.|[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Held:
    """A site with a release of its own."""

    site: str
    """What it is known by."""
    release: str
    """The directory of its release."""
    docroot: str
    """The document root in that."""
    kind: Kind = "waiting"
    since: int = 0
    """When it was held back, in seconds of the epoch."""
    reason: str = ""

    @property
    def root(self) -> str:
        """Its document root."""
        return self.release if self.docroot == "." else f"{self.release}/{self.docroot}"

    @property
    def line(self) -> str:
        """It as a line of the machine's record."""
        reason = base64.b64encode(self.reason.encode()).decode() or "-"
        return f"{self.site} {self.release} {self.docroot} {self.kind} {self.since} {reason}"


def read(text: str) -> dict[str, Held]:
    """Read a machine's record, by site; a line that we have not written is passed over."""
    found: dict[str, Held] = {}
    for line in text.splitlines():
        match line.split(" "):
            case [site, release, docroot, ("waiting" | "failed" | "pinned") as kind, since, reason] if (
                _SITE.fullmatch(site) and _RELEASE.fullmatch(release) and _DOCROOT.fullmatch(docroot)
            ):
                found[site] = Held(
                    site=site,
                    release=release,
                    docroot=docroot,
                    kind=kind,
                    since=script.number(since),
                    reason=_reason(reason),
                )
    return found


def _reason(packed: str) -> str:
    try:
        return base64.b64decode(packed, validate=True).decode(errors="replace")
    except (binascii.Error, ValueError):
        return ""


def path(registry: str) -> str:
    """Name a platform's record on a machine."""
    return f"{registry}/.held"


def roots(held: Mapping[str, Held]) -> dict[str, str]:
    """Give the document roots for the web server's definition, by site."""
    return {site: entry.root for site, entry in held.items()}


def section(registry: str, held: Mapping[str, Held], before: Iterable[str]) -> list[str]:
    """List what belongs to the transaction that changes a platform's definition.

    Args:
        registry: the platform's directory with a file for each site.
        held: the sites that are held back from now on.
        before: those that were held back until now.
    """
    record = "".join(f"{held[site].line}\n" for site in sorted(held))
    return [
        *(script.no_file(layout.held_file(site)) for site in sorted(set(before) - held.keys())),
        *(script.file(layout.held_file(site), f"AEGIR_DOCROOT={held[site].root}\n") for site in sorted(held)),
        script.file(path(registry), record) if held else script.no_file(path(registry)),
    ]


def directories(held: Mapping[str, Held]) -> list[str]:
    """List the directories that ``section`` writes into."""
    return [script.directory(posixpath.dirname(layout.held_file("any")))] if held else []


def look_items(registry: str) -> list[str]:
    """List what tells which sites of a platform are held back, as the fact ``held``."""
    return [functions("holding"), script.call("held_facts", registry)]


def everywhere_items() -> list[str]:
    """List what tells which sites of all platforms of a machine are held back, as the fact ``held``."""
    return [functions("holding"), script.call("held_everywhere", layout.REGISTRY_ROOT)]


def removal_items(site: str, registry: str) -> list[str]:
    """List what forgets a site that goes from a platform; what another platform holds it back on is kept."""
    return [functions("holding"), script.call("forget_held", registry, site, layout.held_file(site))]
