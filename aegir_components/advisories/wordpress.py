"""WordPress: which versions of core are insecure, what plugins are behind, and holes by a list of vulnerabilities."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import versions
from .findings import Finding, Part

SOFTWARE = {"wordpress-core": "core", "wordpress-plugin": "plugin", "wordpress-theme": "theme"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """What the mirror has of WordPress."""

    core: Mapping[str, str] = field(default_factory=dict)
    """Version to ``latest``, ``outdated`` or ``insecure``, as api.wordpress.org says it."""
    newest: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Plugin or theme, as ``plugin/akismet``, to its newest version and its day."""
    holes: tuple[Mapping[str, Any], ...] = ()
    """Vulnerabilities, as Wordfence's list has them."""


def judge(part: Part, known: Known) -> Iterator[Finding]:
    """Say what is pending for core, a plugin or a theme."""
    holes = list(_holes(part, known.holes))
    yield from holes
    if part.kind == "wordpress-core":
        status = known.core.get(part.version, "")
        to = _next_core(part.version, known.core)
        if status == "insecure" and not holes:
            yield Finding(part=part, level="security", to=to, what="insecure version")
        elif status == "outdated" and not holes:
            yield Finding(part=part, level="update", to=to, what="newer release")
        return
    newest, day = known.newest.get(f"{SOFTWARE[part.kind]}/{part.name}", ("", ""))
    if not holes and newest and versions.key(newest) > versions.key(part.version):
        yield Finding(part=part, level="update", to=newest, what="newer release", since=day)


def _next_core(version: str, core: Mapping[str, str]) -> str:
    """Give the newest version of the same branch that is not insecure, or the latest one."""
    branch = ".".join(version.split(".")[:2])
    same = [
        each
        for each, status in core.items()
        if status != "insecure"
        and (each == branch or each.startswith(f"{branch}."))
        and versions.key(each) > versions.key(version)
    ]
    latest = [each for each, status in core.items() if status == "latest"]
    return max(same or latest, key=versions.key, default="")


def _holes(part: Part, known: tuple[Mapping[str, Any], ...]) -> Iterator[Finding]:
    for hole in known:
        for software in hole.get("software") or ():
            slug = "wordpress" if part.kind == "wordpress-core" else part.name
            if software.get("type") != SOFTWARE[part.kind] or software.get("slug") != slug:
                continue
            if any(_affects(part.version, span) for span in (software.get("affected_versions") or {}).values()):
                fixed = [str(each) for each in software.get("patched_versions") or ()]
                later = [each for each in fixed if versions.key(each) > versions.key(part.version)]
                yield Finding(
                    part=part, level="security", to=min(later, key=versions.key, default=""),
                    what=str(hole.get("cve") or hole.get("id") or "vulnerability"), since=str(hole.get("published") or "")[:10],
                )  # fmt: skip
                break


def _affects(version: str, span: Mapping[str, Any]) -> bool:
    ours = versions.key(version)
    low, high = str(span.get("from_version", "*")), str(span.get("to_version", "*"))
    above = low == "*" or (ours >= versions.key(low) if span.get("from_inclusive", True) else ours > versions.key(low))
    below = high == "*" or (ours <= versions.key(high) if span.get("to_inclusive", True) else ours < versions.key(high))
    return above and below
