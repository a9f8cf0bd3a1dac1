"""Packages of Composer's: advisories in the form of ``composer audit``, and what a composer.lock has."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from . import versions
from .findings import Finding, Part

Advisories = Mapping[str, Sequence[Mapping[str, Any]]]
"""Package to its advisories: ``advisoryId``, ``cve``, ``affectedVersions``, ``reportedAt``."""


def packages(lock: str) -> list[Part]:
    """Read what a composer.lock has installed; packages for development stay out, and nothing is read of what is no lock."""
    try:
        found = json.loads(lock)
    except ValueError:
        return []
    listed = found.get("packages") if isinstance(found, dict) else None
    return [
        Part(kind="composer", name=str(each["name"]).lower(), version=str(each["version"]).removeprefix("v"))
        for each in listed or ()
        if isinstance(each, dict) and each.get("name") and each.get("version")
    ]


def judge(part: Part, known: Advisories) -> Iterator[Finding]:
    """Say which advisories a package's version is affected by."""
    for advisory in known.get(part.name, ()):
        ranges = str(advisory.get("affectedVersions", ""))
        if versions.matches(part.version, ranges):
            yield Finding(
                part=part, level="security", to=_fixed(part.version, ranges),
                what=str(advisory.get("cve") or advisory.get("advisoryId") or "advisory"),
                since=str(advisory.get("reportedAt") or "")[:10],
            )  # fmt: skip


def _fixed(version: str, ranges: str) -> str:
    """Give the version that ends the range which the version is in, where that is told."""
    for part in ranges.replace("||", "|").split("|"):
        if versions.matches(version, part):
            ends = [
                each.strip()[1:].strip() for each in part.split(",") if each.strip().startswith("<") and "=" not in each
            ]
            if ends:
                return min(ends, key=versions.key)
    return ""
