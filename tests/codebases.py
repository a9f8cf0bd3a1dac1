"""Real code bases for the tests, found by name, and what could not be tested without one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from aegir_components import applications
from tools import paths

NAMES = ("drupal7", "drupal8", "drupal9", "drupal10", "drupal10-next", "wordpress", "backdrop")
"""Every code base that a test asks for. `drupal10-next` is a later release of Drupal 10 than `drupal10`."""

MISSING = "no code base"
"""How the reason of a skip begins when a test had no code base."""


def variable(name: str) -> str:
    """Name the environment variable that says where a code base is."""
    return f"AEGIR_TEST_{name.replace('-', '_').upper()}"


def locate(name: str, environment: Mapping[str, str] | None = None) -> Path | None:
    """Find a code base: where its variable says, or else in the cache as `code/<name>`.

    Args:
        name: one of `NAMES`.
        environment: the variables; the process's own by default.

    Raises:
        FileNotFoundError: the variable names something that is no directory. A typing error must not skip tests.
    """
    given = (os.environ if environment is None else environment).get(variable(name), "")
    if not given:
        kept = paths.cache() / "code" / name
        return kept if kept.is_dir() else None
    if not Path(given).is_dir():
        raise FileNotFoundError(
            f"{variable(name)}: {given} is not a directory; name a code base, or unset the variable"
        )
    return Path(given)


def ask(name: str) -> Path:
    """Give a code base; a test without it is skipped, and the reason says how to bring one."""
    found = locate(name)
    if found is None:
        pytest.skip(f"{MISSING} {name}: set {variable(name)}, or put one into the cache as code/{name}")
    return found


@dataclass(slots=True)
class Account:
    """Which code bases a run had, and how many tests it skipped without one."""

    skipped: dict[str, int] = field(default_factory=dict)
    """Skipped tests by the name of the missing code base."""

    def skip(self, reason: str) -> None:
        """Count a skipped test, if the reason is a missing code base."""
        words = reason.partition(f"{MISSING} ")[2].partition(":")[0]
        if words in NAMES:
            self.skipped[words] = self.skipped.get(words, 0) + 1

    def line(self, found: Iterable[tuple[str, Path]]) -> str:
        """Say it in one line."""
        had = ", ".join(f"{name} ({_version(path)})" for name, path in found) or "none"
        lacked = ", ".join(f"{count} without {name}" for name, count in sorted(self.skipped.items()))
        return f"code bases: {had}; skipped tests: {lacked or '0'}"


def present() -> list[tuple[str, Path]]:
    """List the code bases of this machine."""
    return [(name, path) for name in NAMES if (path := locate(name)) is not None]


def _version(path: Path) -> str:
    code = applications.detect(path)
    return f"{code.application} {code.version}" if code else "not supported"
