"""The update functions that extensions bring, as Drupal and what came of it have them: read from files, without starting them.

Sources: ``UpdateHookRegistry`` and ``UpdateRegistry`` in ``core/lib/Drupal/Core/Update``, ``update_get_update_list`` in
``core/includes/update.inc`` (Drupal 8.9 to 10.6), and the function of this name in ``includes/update.inc`` of Drupal 7.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from .updates import FUNCTION, Available, Extension, Had, Rows

NUMBERS = "SELECT name, schema_version FROM `system` WHERE type = 'module' AND schema_version > -1"
"""The query of Drupal 7, and of what came of it, for modules and their last updates; a disabled one is updated as well."""
POST = "_post_update_"
"""What is between an extension's name and a post-update's in the name of its function."""
_SKIPPED = frozenset(
    {
        "src",
        "lib",
        "vendor",
        "assets",
        "css",
        "files",
        "images",
        "js",
        "misc",
        "templates",
        "fixtures",
        "tests",
        "node_modules",
    }
)
"""Directories in which Drupal looks for no extension (``RecursiveExtensionFilterCallback``)."""
_REMOVED_PAIR = re.compile(r"['\"](\w+)['\"]\s*=>\s*['\"]([^'\"]*)['\"]")
_NUMBER = re.compile(r"\breturn\s+(\d+)\s*;")


def available(ending: str, places: Sequence[str], version: str, docroot: Path) -> Available:
    """Read what a code base brings.

    Args:
        ending: of the files that describe extensions: ``.info.yml`` or ``.info``.
        places: directories with extensions, from the document root; of two with one name the later place counts.
        version: core's.
        docroot: the document root.
    """
    found = {name: _extension(name, place) for name, place in _found(docroot, ending, places).items()}
    return Available(version=version, extensions=found)


def _found(docroot: Path, ending: str, places: Sequence[str]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for root in places:
        # A release on a machine has the directories of its sites as links, which are not followed.
        for place, below, files in os.walk(docroot / root):
            found.update({name.removesuffix(ending): Path(place) for name in files if name.endswith(ending)})
            below[:] = sorted(name for name in below if name not in _SKIPPED)
    return found


def _extension(name: str, place: Path) -> Extension:
    install = text_of(place / f"{name}.install")
    texts = [install, *_included(place, install)]
    functions = [function for text in texts for function in FUNCTION.findall(text)]
    post = text_of(place / f"{name}.post_update.php")
    posts = [function for function in FUNCTION.findall(post) if function.startswith(f"{name}{POST}")]
    removed = _body(f"{name}_removed_post_updates", [post])
    last = _NUMBER.search(_body(f"{name}_update_last_removed", texts))
    return Extension(
        numbered=tuple(function for function in functions if re.search(r"_update_\d+$", function)),
        last_removed=int(last[1]) if last else 0,
        posts=tuple(posts),
        removed_posts=dict(_REMOVED_PAIR.findall(removed)),
    )


def _included(place: Path, install: str) -> Iterator[str]:
    """Read further files of an extension that its file of updates names, such as ``includes/webform.install.update.inc``."""
    if "include" not in install and "require" not in install:
        return
    for file in sorted(place.glob("**/*.inc")):
        # load_include names a file without what it ends with.
        if file.stem in install:
            yield text_of(file)


def _body(function: str, texts: list[str]) -> str:
    """Give the text of a function: core's own style ends each with a brace at the beginning of a line."""
    for text in texts:
        if match := re.search(rf"^\s*function\s+{re.escape(function)}\s*\(", text, re.MULTILINE):
            return text[match.end() :].partition("\n}")[0]
    return ""


def had_numbers(rows: Rows) -> Had:
    """Read which numbered update each module has had last, by the rows of ``NUMBERS``."""
    return Had(numbers={word(name): int(str(number)) for name, number in rows if int(str(number)) >= 0})


def text_of(path: Path) -> str:
    """Read a file; empty where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def word(value: object) -> str:
    """Give a text of a database as text."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
