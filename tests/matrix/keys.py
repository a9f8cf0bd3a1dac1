"""Every key of the stack file, as its readers ask for them: a key that is added there is a row of the matrix, or a test fails."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any
from unittest import mock

from aegir_components import settings
from aegir_components.settings.load import KEYS
from aegir_components.settings.reader import Node
from aegir_components.settings.site_options import PLACED_BY

LONG_FORMS: list[dict[str, Any]] = [
    {
        "hub": {"ssh": {}},
        "servers": {
            "x": {
                "ssh": {},
                "services": {"web": {"type": "apache"}, "database": {"type": "mysql", "admin": {}}},
                "aegir_user": {},
                "php": {"values": {}},
                "limits": {},
                "commands": {"x": {}},
            }
        },
        "clusters": {"x": {"uploads": {}}},
        "packs": {"x": {}},
        "platforms": {"x": {"source": {kind: "x", "composer": {}}}},
        "sites": {
            "x.example.com": {
                "admin": {},
                "database": {},
                "certificate": {},
                "php": {"values": {}},
                "limits": {},
                "backups": {"keep": {}},
            }
        },
        "backups": {"keep": {}, "repositories": {"x": {}}},
        "acme": {},
        "certificates": {},
    }
    for kind in ("path", "git", "archive", "makefile")
]
"""Stack files with every mapping that there is: their readers say which keys each may have."""
FROM_OUTSIDE = ("include",)
"""Read before all others."""


def every() -> list[str]:
    """List the keys by their paths, such as ``sites.*.php.memory``; a mapping that has keys of its own is not one itself."""
    asked: set[str] = set(KEYS) | set(FROM_OUTSIDE)
    fields = Node.fields

    def noted(node: Node, *known: str) -> bool:
        place = _general(node.path)
        asked.update(f"{place}.{key}".lstrip(".") for key in known if key not in PLACED_BY or place != "sites.*")
        return fields(node, *known)

    def entries(node: Node) -> Iterator[tuple[str, Node]]:
        asked.add(f"{_general(node.path)}.*")
        return named(node)

    named = Node.entries
    with mock.patch.object(Node, "fields", noted), mock.patch.object(Node, "entries", entries):
        for config in LONG_FORMS:
            with contextlib.suppress(settings.SettingsError):
                settings.load(config, lambda _path: True)
    parents = {key.rpartition(".")[0] for key in asked} - {key for key in asked if key in SHORT_FORMS}
    return sorted(key for key in asked if key not in parents)


SHORT_FORMS = ("servers.*.services.web", "servers.*.services.database", "clusters.*.uploads", "platforms.*.source",
               "platforms.*.source.composer", "sites.*.database", "sites.*.certificate", "sites.*.backups",
               "backups")  # fmt: skip
"""Mappings that may be written as one word: as such they are keys themselves."""


def _general(path: str) -> str:
    """Write a path without the names that operators choose."""
    plain = re.sub(r'\[(?:"[^"]*"|[^]]*)\]', ".*", path)
    return plain.removeprefix("aegir").removeprefix(":")
