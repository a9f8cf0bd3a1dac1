"""Translations from a directory on the hub, put into the code of platforms whose sites ask for them and that lack them."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from aegir_components.applications import APPLICATIONS, CodeBase
from aegir_components.messages import numbered

from .builders import COPY
from .builds import Store, Workshop, key_of
from .faults import SourceError


@dataclass(frozen=True, kw_only=True, slots=True)
class Added:
    """A file of the hub's, and where the code base has it."""

    file: Path
    place: str
    """From the code base's root."""


def wanted(code: CodeBase, directory: str, languages: Iterable[str]) -> list[Added]:
    """List the files that a code base lacks for the languages of its sites.

    Args:
        code: the code base.
        directory: the directory on the hub; empty where there is none.
        languages: what the sites are to be in.

    Raises:
        SourceError: the directory cannot be read.
    """
    application = APPLICATIONS[code.application]
    missing = sorted(set(languages) - application.english - set(code.languages))
    if not directory or not missing:
        return []
    names = _names(Path(directory))
    below = "" if code.docroot == "." else f"{code.docroot}/"
    return [
        Added(file=Path(directory, name), place=f"{below}{place}")
        for language in missing
        for name, place in application.translated(code, language, names)
    ]


def add(source: Path, digest: str, added: list[Added], store: Store, platform: str) -> Path:
    """Give a copy of a code base that has the files as well; it is made once for each content.

    Args:
        source: the code base.
        digest: of its content.
        added: the files.
        store: the platform's builds.
        platform: its name, for messages.

    Raises:
        SourceError: it cannot be made.
    """
    sums = [f"{each.place} {hashlib.sha256(each.file.read_bytes()).hexdigest()}" for each in added]

    def work(shop: Workshop) -> None:
        shop.run(*COPY, str(source), str(shop.code))
        for each in added:
            place = shop.code / each.place
            if not place.parent.resolve().is_relative_to(shop.code.resolve()):
                raise SourceError(numbered(2008, f"{each.place} leads out of the code base"))
            place.parent.mkdir(parents=True, exist_ok=True)
            place.unlink(missing_ok=True)
            shutil.copyfile(each.file, place)

    return store.make(key_of("translated", digest, *sums), f"{platform} with its translations", work)


def _names(directory: Path) -> list[str]:
    """List the files in a directory and below, by their paths in it."""
    if not directory.is_dir():
        raise SourceError(numbered(1428, f"aegir:translations: {str(directory)!r} is no directory on the hub"))
    found = []
    for place, below, files in os.walk(directory):
        found += [str(Path(place, name).relative_to(directory)) for name in files]
        below[:] = [name for name in below if not name.startswith(".")]
    return sorted(found)
