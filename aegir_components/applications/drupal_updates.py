"""Database updates of Drupal, found in files and tables: core's own rules, without starting it.

Sources: ``UpdateHookRegistry`` and ``UpdateRegistry`` in ``core/lib/Drupal/Core/Update``, ``update_get_update_list`` in
``core/includes/update.inc`` (Drupal 8.9 to 10.6), and the function of this name in ``includes/update.inc`` of Drupal 7.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import phpserialize

from .updates import FUNCTION, Available, Extension, Had, Pending, Rows, Updates, compare_numbered

POST = "_post_update_"
_PLACES = {
    ".info.yml": ("core/modules", "core/themes", "core/profiles", "profiles", "sites/all", "modules", "themes"),
    ".info": ("modules", "themes", "profiles", "sites/all"),
}
"""Where extensions are, by how their description ends; of two with one name the later place counts."""
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


def available(ending: str, version: str, docroot: Path) -> Available:
    """Read what a code base brings.

    Args:
        ending: of the files that describe extensions: ``.info.yml`` or ``.info``.
        version: core's.
        docroot: the document root.
    """
    found = {name: _extension(name, place) for name, place in _places(docroot, ending).items()}
    registry = docroot / "core/lib/Drupal/Core/Update/UpdateRegistry.php"
    themes = registry.is_file() and "theme" in _text(registry).lower()
    return Available(version=version, extensions=found, themes_too=themes)


def _places(docroot: Path, ending: str) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for root in _PLACES[ending]:
        # A release on a machine has the directories of its sites as links, which are not followed.
        for place, below, files in os.walk(docroot / root):
            found.update({name.removesuffix(ending): Path(place) for name in files if name.endswith(ending)})
            below[:] = sorted(name for name in below if name not in _SKIPPED)
    return found


def _extension(name: str, place: Path) -> Extension:
    install = _text(place / f"{name}.install")
    texts = [install, *_included(place, install)]
    functions = [function for text in texts for function in FUNCTION.findall(text)]
    post = _text(place / f"{name}.post_update.php")
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
            yield _text(file)


def _body(function: str, texts: list[str]) -> str:
    """Give the text of a function: core's own style ends each with a brace at the beginning of a line."""
    for text in texts:
        if match := re.search(rf"^\s*function\s+{re.escape(function)}\s*\(", text, re.MULTILINE):
            return text[match.end() :].partition("\n}")[0]
    return ""


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _available8(source: Path, docroot: str) -> Available:
    root = source / docroot
    version = re.search(r"const VERSION = '([^']+)'", _text(root / "core/lib/Drupal.php"))
    return available(".info.yml", version[1] if version else "unknown", root)


def _available7(source: Path, docroot: str) -> Available:
    root = source / docroot
    version = re.search(r"define\('VERSION', '([^']+)'\)", _text(root / "includes/bootstrap.inc"))
    return available(".info", version[1] if version else "unknown", root)


def _had8(rows: Rows) -> Had:
    found: dict[str, dict[str, Any]] = {}
    for collection, name, value in rows:
        found.setdefault(_word(collection), {})[_word(name)] = _value(value)
    core = found.get("config", {}).get("core.extension") or {}
    modules, themes = (frozenset(map(str, core.get(kind) or {})) for kind in ("module", "theme"))
    numbers = {name: int(number) for name, number in found.get("system.schema", {}).items() if name in modules}
    ran = found.get("post_update", {}).get("existing_updates") or {}
    return Had(
        # Of a module that was removed with its files an entry may stay.
        numbers={name: number for name, number in numbers.items() if number >= 0},
        extensions=modules,
        themes=themes,
        posts=frozenset(map(str, ran.values())),
    )


def _had7(rows: Rows) -> Had:
    return Had(numbers={_word(name): int(str(number)) for name, number in rows if int(str(number)) >= 0})


def _word(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _value(value: object) -> Any:
    packed = value if isinstance(value, bytes) else str(value).encode()
    return phpserialize.loads(packed, charset="utf-8", errors="replace", decode_strings=True)


def _compare8(code: Available, had: Had) -> Pending:
    found = compare_numbered(code, had, "system")
    counted = had.extensions | (had.themes if code.themes_too else frozenset())
    posts = sorted(
        post
        for name in counted
        if name in code.extensions
        for post in code.extensions[name].posts
        if post not in had.posts
    )
    missing = sorted({*found.missing, *(name for name in had.extensions if name not in code.extensions)})
    return Pending(
        names=(*found.names, *posts),
        newer=found.newer,
        too_old=(*found.too_old, *_too_old(code, had, counted)),
        missing=tuple(missing),
    )


def _too_old(code: Available, had: Had, counted: frozenset[str]) -> Iterator[str]:
    for name in sorted(counted):
        removed: Mapping[str, str] = code.extensions[name].removed_posts if name in code.extensions else {}
        lacking = {post: version for post, version in removed.items() if post not in had.posts}
        if lacking:
            post, version = min(lacking.items())
            yield f"{name} has not had {post}, which its version {version} does not bring any more"


def _compare7(code: Available, had: Had) -> Pending:
    return compare_numbered(code, had, "system")


DRUPAL = Updates(
    available=_available8,
    tables=("key_value", "config"),
    query=lambda _tables: (
        "SELECT collection, name, value FROM key_value WHERE collection = 'system.schema' "
        "OR (collection = 'post_update' AND name = 'existing_updates') "
        "UNION ALL SELECT 'config', name, data FROM config WHERE name = 'core.extension' AND collection = ''"
    ),
    had=_had8,
    compare=_compare8,
)
DRUPAL7 = Updates(
    available=_available7,
    tables=("system",),
    # A disabled module is updated as well.
    query=lambda _tables: "SELECT name, schema_version FROM `system` WHERE type = 'module' AND schema_version > -1",
    had=_had7,
    compare=_compare7,
)
