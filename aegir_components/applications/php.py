"""Which PHP a code base runs on: what Composer and core say of it, and a table for cores that do not say it themselves.

Bounds that only libraries declare are not counted at the top: they are often too narrow, and such sites run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

Version = tuple[int, int, int]

LATEST: Final = {5: 6, 7: 4, 8: 5}
"""The last minor version of each major version of PHP."""
DISTRIBUTIONS: Final = {"bullseye": "7.4", "bookworm": "8.2", "trixie": "8.4", "jammy": "8.1", "noble": "8.3"}
"""The PHP of each supported release of Debian and Ubuntu, by its code name."""
_ENDLESS: Final = (99, 0, 0)
_BEFORE: Final[dict[str, tuple[tuple[Version, Version], ...]]] = {
    # https://www.drupal.org/docs/getting-started/system-requirements/php-requirements: the first version, and the PHP
    # from which on it fails. Later releases say it in core/composer.json, or run on any later PHP.
    "drupal": (((9, 3, 0), (8, 2, 0)), ((9, 1, 0), (8, 1, 0)), ((8, 0, 0), (8, 0, 0))),
    # Drupal 7's release notes; 7.105 has support for PHP 8.4.
    "drupal7": (((7, 105, 0), _ENDLESS), ((7, 0, 0), (8, 4, 0))),
    # https://make.wordpress.org/core/handbook/references/php-compatibility-and-wordpress-versions/
    "wordpress": (((5, 6, 0), _ENDLESS), ((0, 0, 0), (8, 0, 0))),
}
_LAST_OF_TABLE: Final = {"drupal": (9, 5, 0)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Range:
    """The versions of PHP from one on and below another."""

    low: Version = (0, 0, 0)
    below: Version = _ENDLESS

    def has(self, version: str) -> bool:
        """Return whether a minor version, such as ``8.2``, is in it; the patch version is the distribution's matter."""
        asked = parse(version)[:2]
        return self.low[:2] <= asked < self.below[:2]

    def __str__(self) -> str:
        """Name it as in "needs PHP 7.3 to 8.0"."""
        low = ".".join(str(part) for part in self.low[: 3 if self.low[2] else 2])
        if self.below == _ENDLESS:
            return f"PHP {low} or later"
        major, minor = self.below[0], self.below[1] - 1
        if minor < 0:
            major, minor = major - 1, LATEST.get(major - 1, 0)
        return f"PHP {low} to {major}.{minor}" if self.low != (0, 0, 0) else f"PHP {major}.{minor} or older"


def needs(application: str, version: str, source: Path, docroot: Path) -> Range:
    """Find out which PHP a code base needs.

    Args:
        application: which application it is.
        version: its version.
        source: the code base.
        docroot: its document root.
    """
    lows, tops = [(0, 0, 0)], [_ENDLESS]
    places = dict.fromkeys((source, docroot))
    lows += [_platform_check(place / "vendor" / "composer" / "platform_check.php") for place in places]
    declared = _declared(docroot / "core" / "composer.json") if application == "drupal" else Range()
    lows += [declared.low, _constant(application, docroot)]
    tops += [declared.below, _below(application, parse(version))]
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
    low, below = (0, 0, 0), _ENDLESS
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


def _constant(application: str, docroot: Path) -> Version:
    """Read the version below which core itself stops."""
    where, pattern = {
        "drupal": ("core/lib/Drupal.php", r"const MINIMUM_PHP = '([\d.]+)'"),
        "drupal7": ("includes/bootstrap.inc", r"define\('DRUPAL_MINIMUM_PHP', '([\d.]+)'\)"),
        "wordpress": ("wp-includes/version.php", r"\$required_php_version\s*=\s*'([\d.]+)'"),
    }[application]
    found = re.search(pattern, _text(docroot / where))
    return parse(found[1]) if found else (0, 0, 0)


def _below(application: str, version: Version) -> Version:
    """Look up the PHP that a release does not run on any more."""
    if version == (0, 0, 0) or version >= _LAST_OF_TABLE.get(application, (99, 0, 0)):
        return _ENDLESS
    return next(_tops(application, version), _ENDLESS)


def _tops(application: str, version: Version) -> Iterator[Version]:
    yield from (below for first, below in _BEFORE[application] if version >= first)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
