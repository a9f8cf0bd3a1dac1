"""Drupal's release history of a project: what is newer, what of it is for security, and which branches are supported."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

from aegir_components.messages import numbered

from . import versions
from .findings import Finding, Part

LONGEST = 20_000_000
"""Characters of a history; that of core has two millions."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """A release of a project."""

    version: str
    day: str
    security: bool
    insecure: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class History:
    """What is known of a project."""

    project: str
    supported: tuple[str, ...]
    """Beginnings of the versions that are supported: ``10.3.``, ``8.x-1.``."""
    status: str
    releases: tuple[Release, ...]


def read(text: str) -> History:
    """Read a history as updates.drupal.org writes it.

    Raises:
        ValueError: it is none.
    """
    # No entity is in a history; one may name a file, or grow without end.
    if len(text) > LONGEST or "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ValueError(numbered(3701, "it is no release history"))
    try:
        root = ET.fromstring(text)  # noqa: S314  entities are rejected above
    except ET.ParseError as fault:
        raise ValueError(numbered(3701, f"it is no release history ({fault})")) from None
    if root.tag != "project":
        raise ValueError(numbered(3701, "it is no release history"))
    supported = tuple(each.strip() for each in root.findtext("supported_branches", "").split(",") if each.strip())
    return History(
        project=root.findtext("short_name", ""),
        supported=supported,
        status=root.findtext("project_status", "published"),
        releases=tuple(_release(each) for each in root.iterfind("releases/release") if each.findtext("version")),
    )


def _release(element: ET.Element) -> Release:
    kinds = {
        term.findtext("value", "") for term in element.iterfind("terms/term") if term.findtext("name") == "Release type"
    }
    date = element.findtext("date", "")
    return Release(
        version=element.findtext("version", ""),
        day=f"{datetime.fromtimestamp(int(date), UTC):%Y-%m-%d}" if re.fullmatch(r"\d{6,11}", date) else "",
        security="Security update" in kinds,
        insecure="Insecure" in kinds,
    )


def judge(part: Part, history: History) -> Finding | None:
    """Say what is pending for a project; ``None`` when nothing is.

    Args:
        part: the project, with its version.
        history: its history.
    """
    newer = [each for each in history.releases if _is_newer(each.version, part.version)]
    same = [each for each in newer if _branch(each.version) == _branch(part.version)]
    fixes = [each for each in same if each.security]
    known = next((each for each in history.releases if versions.key(each.version) == versions.key(part.version)), None)
    if fixes or (known is not None and known.insecure):
        first = min(fixes, key=lambda each: versions.key(each.version), default=None)
        to = _newest([each for each in same if versions.is_stable(each.version)] or _supported(newer, history))
        return Finding(part=part, level="security", to=to, what="security update", since=first.day if first else "")
    if history.status in {"revoked", "unpublished", "insecure", "unsupported"}:
        what = f"the project is {history.status}"
        return Finding(part=part, level="security" if history.status == "insecure" else "unsupported", what=what)
    if history.supported and not part.version.startswith(history.supported):
        what = f"its branch is not supported any more; supported are {', '.join(history.supported)}"
        return Finding(part=part, level="unsupported", to=_newest(_supported(newer, history)), what=what)
    stable = [each for each in same if versions.is_stable(each.version)] or [
        each for each in _supported(newer, history) if _major(each.version) == _major(part.version)
    ]
    if stable:
        first = min(stable, key=lambda each: versions.key(each.version))
        return Finding(part=part, level="update", to=_newest(stable), what="newer release", since=first.day)
    return None


def _is_newer(version: str, than: str) -> bool:
    # Versions of three numbers follow those for 8.x. A development version comes before the releases of its branch, since
    # nobody knows which of them it has.
    return (_core(version) == "7.x") == (_core(than) == "7.x") and versions.key(version) > versions.key(than)


def _supported(releases: Sequence[Release], history: History) -> list[Release]:
    return [
        each
        for each in releases
        if versions.is_stable(each.version) and each.version.startswith(history.supported or ("",))
    ]


def _newest(releases: Sequence[Release]) -> str:
    return max((each.version for each in releases), key=versions.key, default="")


def _core(version: str) -> str:
    """Give the core that a contributed project is for, where its version names one."""
    found = re.match(r"(\d+\.x)-", version)
    return found[1] if found else ""


def _branch(version: str) -> str:
    """Give the branch of a version: minor of core and of what has three numbers, major of everything else."""
    core = _core(version)
    numbers = re.match(r"(\d+)\.(\d+|x)(\.(?:\d+|x))?", version.removeprefix(f"{core}-") if core else version)
    if not numbers:
        return version
    # Drupal 7 and before have two numbers, the second of which is the release.
    return f"{core}{numbers[1]}.{numbers[2]}." if numbers[3] else f"{core}{numbers[1]}."


def _major(version: str) -> str:
    return version.split(".", maxsplit=1)[0]
