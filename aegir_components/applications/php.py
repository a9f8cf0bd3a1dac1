"""Which PHP a code base runs on: what Composer and core say of it, and a table for cores that do not say it themselves.

Bounds that only libraries declare are not counted at the top: they are often too narrow, and such sites run.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

Version = tuple[int, int, int]

LATEST: Final = {5: 6, 7: 4, 8: 5}
"""The last minor version of each major version of PHP."""
DISTRIBUTIONS: Final = {"bullseye": "7.4", "bookworm": "8.2", "trixie": "8.4", "jammy": "8.1", "noble": "8.3"}
"""The PHP of each supported release of Debian and Ubuntu, by its code name."""
ENDLESS: Final = (99, 0, 0)
"""Above every version."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Range:
    """The versions of PHP from one on and below another."""

    low: Version = (0, 0, 0)
    below: Version = ENDLESS

    def has(self, version: str) -> bool:
        """Return whether a minor version, such as ``8.2``, is in it; the patch version is the distribution's matter."""
        asked = parse(version)[:2]
        return self.low[:2] <= asked < self.below[:2]

    def __str__(self) -> str:
        """Name it as in "needs PHP 7.3 to 8.0"."""
        low = ".".join(str(part) for part in self.low[: 3 if self.low[2] else 2])
        if self.below == ENDLESS:
            return f"PHP {low} or later"
        major, minor = self.below[0], self.below[1] - 1
        if minor < 0:
            major, minor = major - 1, LATEST.get(major - 1, 0)
        return f"PHP {low} to {major}.{minor}" if self.low != (0, 0, 0) else f"PHP {major}.{minor} or older"


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """How an application's core says which PHP it needs, and what is known of releases that do not say it."""

    file: str
    """The file with the version below which core itself stops, from the document root."""
    pattern: str
    """A regular expression whose first group is that version."""
    below: tuple[tuple[Version, Version], ...]
    """From a version of core on, the first PHP that it does not run on; the newest version first."""
    until: Version = ENDLESS
    """The version of core from which on the table is not needed."""
    package: str = ""
    """Core's ``composer.json``, from the document root; empty where it has none."""


def needs(known: Known, version: str, source: Path, docroot: Path) -> Range:
    """Find out which PHP a code base needs.

    Args:
        known: what is known of the application.
        version: its version.
        source: the code base.
        docroot: its document root.
    """
    lows, tops = [(0, 0, 0)], [ENDLESS]
    places = dict.fromkeys((source, docroot))
    lows += [_platform_check(place / "vendor" / "composer" / "platform_check.php") for place in places]
    declared = _declared(docroot / known.package) if known.package else Range()
    lows += [declared.low, _constant(known, docroot)]
    tops += [declared.below, _below(known, parse(version))]
    return Range(low=max(lows), below=min(tops))


def parse(version: str) -> Version:
    """Read the numbers of a version; those that are missing are 0."""
    found = [int(number) for number in re.findall(r"\d+", version)[:3]]
    return (*found, 0, 0, 0)[:3]  # type: ignore[return-value]


def constraint(text: str) -> Range:
    """Read a constraint of Composer's: the lowest version that it allows, and the first above all that it allows.

    https://getcomposer.org/doc/articles/versions.md; one that is not understood allows everything.
    """
    parts = [_every(part.strip()) for part in re.split(r"\|\|?", text) if part.strip()]
    if not parts:
        return Range()
    return Range(low=min(part.low for part in parts), below=max(part.below for part in parts))


def _every(text: str) -> Range:
    """Read constraints that all have to hold."""
    between = re.fullmatch(r"v?([\d.]+)\s+-\s+v?([\d.]+)", text)
    if between:
        return Range(low=parse(between[1]), below=_after(between[2]))
    low, below = (0, 0, 0), ENDLESS
    for sign, number in re.findall(r"(>=|<=|!=|>|<|\^|~|=)?\s*v?(\d+(?:\.(?:\d+|\*))*|\*)", text):
        version = parse(number)
        if sign in (">=", ">", "^", "~", "", "=") and number != "*":
            low = max(low, version)
        if sign == "<":
            below = min(below, version)
        elif sign == "<=":
            below = min(below, _after(number))
        elif sign == "^":
            below = min(below, (version[0] + 1, 0, 0))
        elif sign == "~":
            below = min(below, (version[0] + 1, 0, 0) if number.count(".") < 2 else (version[0], version[1] + 1, 0))
        elif sign in ("", "=") and number != "*":
            below = min(below, _after(number.removesuffix(".*")))
    return Range(low=low, below=below)


def _after(number: str) -> Version:
    """Give the first minor version after one that is allowed."""
    version = parse(number)
    return (version[0] + 1, 0, 0) if number.count(".") == 0 else (version[0], version[1] + 1, 0)


def _platform_check(path: Path) -> Version:
    """Read what Composer's own check of the platform stops at."""
    found = re.search(r"PHP_VERSION_ID\s*>=\s*(\d{5})", _text(path))
    number = int(found[1]) if found else 0
    return (number // 10000, number // 100 % 100, number % 100)


def _declared(path: Path) -> Range:
    """Read what core's package requires."""
    try:
        required = json.loads(_text(path) or "{}").get("require", {}).get("php", "")
    except (ValueError, AttributeError):
        return Range()
    return constraint(required) if isinstance(required, str) else Range()


def _constant(known: Known, docroot: Path) -> Version:
    """Read the version below which core itself stops."""
    found = re.search(known.pattern, _text(docroot / known.file))
    return parse(found[1]) if found else (0, 0, 0)


def _below(known: Known, version: Version) -> Version:
    """Look up the PHP that a release does not run on any more."""
    if version == (0, 0, 0) or version >= known.until:
        return ENDLESS
    return next((below for first, below in known.below if version >= first), ENDLESS)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
