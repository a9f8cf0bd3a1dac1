"""The mirror: a directory with what is known of projects, filled by one command, and carried where no network is."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from aegir_components.hub import files
from aegir_components.messages import numbered, text_of
from aegir_components.sources import address, downloads
from aegir_components.sources.faults import SourceError

from . import composer, drupal, wordpress
from .findings import Finding, Part
from .wordpress import Known

DRUPAL: Final = "https://updates.drupal.org/release-history"
WORDPRESS: Final = "https://api.wordpress.org"
LARGEST: Final = 300_000_000
"""Bytes of one file."""
SLUG: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")

Judge = Callable[[Any], object]


@dataclass(frozen=True, kw_only=True, slots=True)
class Places:
    """Where facts are fetched from: addresses, also of somebody's own mirror (http, https)."""

    drupal: str = DRUPAL
    wordpress: str = WORDPRESS
    vulnerabilities: str = ""
    """Of a list in the form of Wordfence's; empty for none."""
    composer: str = ""
    """Of advisories in the form of ``composer audit``, for all packages; empty for none."""


@dataclass(slots=True)
class Fetched:
    """How a fetch went."""

    got: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    """What could not be got, and why."""


def fetch(directory: Path, parts: Iterable[Part], places: Places, tell: Callable[[str], None]) -> Fetched:
    """Fill a mirror with what is known of these parts; what cannot be got stays as it was.

    Args:
        directory: the mirror.
        parts: projects, plugins and themes; versions are not inspected.
        places: where it comes from.
        tell: is told of the progress.
    """
    done = Fetched()
    wanted = list(_wanted(parts, places))
    told = time.monotonic()
    for number, (name, url, judge) in enumerate(wanted):
        if time.monotonic() - told > 5:
            told = time.monotonic()
            tell(f"{number} of {len(wanted)} lists are there")
        try:
            _one(directory / name, url, judge)
            done.got += 1
        except (SourceError, ValueError, OSError) as fault:
            done.failed[name] = text_of(fault)
    return done


def _wanted(parts: Iterable[Part], places: Places) -> Iterator[tuple[str, str, Judge]]:
    listed = sorted({(part.kind, part.name, _core(part)) for part in parts if SLUG.fullmatch(part.name)})
    for kind, name, core in listed:
        if kind == "drupal":
            yield (
                f"drupal/{name}{'-7.x' if core == '7.x' else ''}.xml",
                f"{places.drupal}/{quote(name)}/{core}",
                drupal.read,
            )
    if any(kind == "wordpress-core" for kind, _, _ in listed):
        yield "wordpress/core.json", f"{places.wordpress}/core/stable-check/1.0/", _stable
        if places.vulnerabilities:
            yield "wordpress/vulnerabilities.json", places.vulnerabilities, _holes
    for kind, name, _ in listed:
        if kind in {"wordpress-plugin", "wordpress-theme"}:
            what = wordpress.SOFTWARE[kind]
            question = f"?action={what}_information&slug={quote(name)}&fields[sections]=0"
            yield f"wordpress/{what}/{name}.json", f"{places.wordpress}/{what}s/info/1.2/{question}", _newest
    if places.composer:
        yield "composer/advisories.json", places.composer, _advisories


def _core(part: Part) -> str:
    if part.kind != "drupal":
        return ""
    seven = part.version.startswith("7.x-") or (part.name == "drupal" and part.version.startswith("7."))
    return "7.x" if seven else "current"


def _one(path: Path, url: str, judge: Judge) -> None:
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    with files.replacing(path) as fresh:
        downloads.get(address.parse(url), fresh)
        if fresh.stat().st_size > LARGEST:
            raise ValueError(numbered(2036, f"{url} gives more than {LARGEST // 1_000_000} MB"))
        # What is no list does not take the place of one.
        judge(fresh.read_text(encoding="utf-8", errors="replace"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Mirror:
    """What is in a mirror, read once."""

    directory: Path
    histories: dict[str, drupal.History | None] = field(default_factory=dict)
    _wordpress: list[Known] = field(default_factory=list)
    _composer: list[composer.Advisories] = field(default_factory=list)

    @property
    def oldest(self) -> float | None:
        """When its oldest list was fetched, in seconds since 1970; ``None`` for an empty mirror."""
        times = [path.stat().st_mtime for path in self.directory.rglob("*.*") if path.suffix in {".xml", ".json"}]
        return min(times, default=None)

    def judge(self, part: Part) -> list[Finding]:
        """Say what is pending for a part."""
        if part.kind == "drupal":
            history = self._history(f"{part.name}{'-7.x' if _core(part) == '7.x' else ''}")
            found = drupal.judge(part, history) if history else None
            return [found] if found else []
        if part.kind == "composer":
            return list(composer.judge(part, self._advisories()))
        # Of other kinds, such as Backdrop's, no list is fetched.
        return [] if part.kind not in wordpress.SOFTWARE else list(wordpress.judge(part, self._known()))

    def knows(self, part: Part) -> bool:
        """Return whether the mirror has anything on a part, so that nothing pending means something."""
        if part.kind == "drupal":
            return self._history(f"{part.name}{'-7.x' if _core(part) == '7.x' else ''}") is not None
        if part.kind == "composer":
            return bool(self._advisories())
        if part.kind == "wordpress-core":
            return part.version in self._known().core
        return f"{wordpress.SOFTWARE.get(part.kind)}/{part.name}" in self._known().newest

    def _history(self, name: str) -> drupal.History | None:
        if name not in self.histories:
            self.histories[name] = _parsed(self.directory / "drupal" / f"{name}.xml", drupal.read)
        return self.histories[name]

    def _known(self) -> Known:
        if not self._wordpress:
            place = self.directory / "wordpress"
            newest = {
                f"{kind}/{path.stem}": found
                for kind in ("plugin", "theme")
                for path in (place / kind).glob("*.json")
                if (found := _parsed(path, _newest))
            }
            known = Known(
                core=_parsed(place / "core.json", _stable) or {},
                newest=newest,
                holes=_parsed(place / "vulnerabilities.json", _holes) or (),
            )
            self._wordpress.append(known)
        return self._wordpress[0]

    def _advisories(self) -> composer.Advisories:
        if not self._composer:
            self._composer.append(_parsed(self.directory / "composer" / "advisories.json", _advisories) or {})
        return self._composer[0]


def _parsed(path: Path, read: Callable[[str], Any]) -> Any:
    try:
        return read(path.read_text(encoding="utf-8", errors="replace"))
    except (OSError, ValueError):
        return None


def _stable(text: str) -> dict[str, str]:
    found = json.loads(text)
    if not isinstance(found, dict) or not set(found.values()) <= {"latest", "outdated", "insecure"} or not found:
        raise ValueError(numbered(3701, "it is no list of WordPress's versions"))
    return {str(version): str(status) for version, status in found.items()}


def _newest(text: str) -> tuple[str, str]:
    found = json.loads(text)
    if not isinstance(found, dict) or not found.get("version"):
        raise ValueError(numbered(3701, "it names no version"))
    return str(found["version"]), str(found.get("last_updated") or "")[:10]


def _holes(text: str) -> tuple[dict[str, Any], ...]:
    found = json.loads(text)
    listed = found.values() if isinstance(found, dict) else found
    if not isinstance(found, dict | list) or not all(isinstance(each, dict) for each in listed):
        raise ValueError(numbered(3701, "it is no list of vulnerabilities"))
    return tuple(listed)


def _advisories(text: str) -> dict[str, list[dict[str, Any]]]:
    found = json.loads(text)
    listed = found.get("advisories") if isinstance(found, dict) else None
    if not isinstance(listed, dict):
        raise ValueError(numbered(3701, "it has no advisories"))  # noqa: TRY004  of a text, not of a type
    return {
        str(name).lower(): [dict(each) for each in (some.values() if isinstance(some, dict) else some)]
        for name, some in listed.items()
    }
