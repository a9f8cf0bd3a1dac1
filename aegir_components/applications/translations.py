"""Translations by the names of their files: which languages a code base has, and which of many files one language needs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from .php import parse

PLACES = ("translations", "../translations", "sites/all/translations", "profiles/*/translations")
"""Where a code base of Drupal 8 or later may bring files of its translation server, from the document root."""

_DRUPAL = re.compile(
    r"(?P<project>[a-z0-9_]+)-(?P<version>[0-9][^/]*?)\.(?P<language>[A-Za-z]{2,3}(?:-[A-Za-z0-9]+)*)\.po"
)


def drupal_languages(docroot: Path, version: str, source: Path) -> tuple[str, ...]:
    """List the languages that a Drupal 8 or later brings core's translation for: of its own major version.

    Args:
        docroot: the document root.
        version: core's version.
        source: the code base's root, above which nothing is looked for.
    """
    found = set()
    for place in PLACES:
        if place.startswith("..") and docroot == source:
            continue
        for path in docroot.glob(f"{place}/drupal-*.po"):
            match = _DRUPAL.fullmatch(path.name)
            if match and match["version"].partition(".")[0] == version.partition(".")[0]:
                found.add(match["language"])
    return tuple(sorted(found))


def drupal_files(version: str, language: str, names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Choose core's file that is nearest to a version, and those of other projects; nothing without core's.

    Args:
        version: core's.
        language: such as ``de``.
        names: paths of files.

    Yields:
        A path, and the file's own name.
    """
    core: dict[str, str] = {}
    others = []
    for name in names:
        match = _DRUPAL.fullmatch(PurePosixPath(name).name)
        if match is None or match["language"] != language:
            continue
        if match["project"] != "drupal":
            others.append(name)
        elif match["version"].partition(".")[0] == version.partition(".")[0]:
            core[match["version"]] = name
    if core:
        # The newest that is no newer than core; else the oldest of the newer ones.
        older = [each for each in core if parse(each) <= parse(version)]
        best = max(older, key=parse) if older else min(core, key=parse)
        yield from ((name, PurePosixPath(name).name) for name in (core[best], *others))
