"""Database updates of Drupal 8 and later, found in files and tables: core's own rules, without starting it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import phpserialize

from aegir_components.applications.extensions import available, text_of, word
from aegir_components.applications.updates import Available, Had, Pending, Rows, Updates, compare_numbered

PLACES = ("core/modules", "core/themes", "core/profiles", "profiles", "sites/all", "modules", "themes")
"""Where extensions are, from the document root."""


def _available(source: Path, docroot: str) -> Available:
    root = source / docroot
    version = re.search(r"const VERSION = '([^']+)'", text_of(root / "core/lib/Drupal.php"))
    found = available(".info.yml", PLACES, version[1] if version else "unknown", root)
    registry = text_of(root / "core/lib/Drupal/Core/Update/UpdateRegistry.php")
    return replace(found, themes_too="theme" in registry.lower())


def _had(rows: Rows) -> Had:
    found: dict[str, dict[str, Any]] = {}
    for collection, name, value in rows:
        found.setdefault(word(collection), {})[word(name)] = _value(value)
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


def _value(value: object) -> Any:
    packed = value if isinstance(value, bytes) else str(value).encode()
    return phpserialize.loads(packed, charset="utf-8", errors="replace", decode_strings=True)


def _compare(code: Available, had: Had) -> Pending:
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


DRUPAL = Updates(
    available=_available,
    tables=("key_value", "config"),
    query=lambda _tables: (
        "SELECT collection, name, value FROM key_value WHERE collection = 'system.schema' "
        "OR (collection = 'post_update' AND name = 'existing_updates') "
        "UNION ALL SELECT 'config', name, data FROM config WHERE name = 'core.extension' AND collection = ''"
    ),
    had=_had,
    compare=_compare,
)
