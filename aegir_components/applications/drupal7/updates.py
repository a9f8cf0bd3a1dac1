"""Database updates of Drupal 7, found in files and tables: core's own rules, without starting it."""

from __future__ import annotations

import re
from pathlib import Path

from aegir_components.applications.extensions import NUMBERS, available, had_numbers, text_of
from aegir_components.applications.updates import Available, Had, Pending, Updates, compare_numbered

PLACES = ("modules", "themes", "profiles", "sites/all")
"""Where extensions are, from the document root."""


def _available(source: Path, docroot: str) -> Available:
    root = source / docroot
    version = re.search(r"define\('VERSION', '([^']+)'\)", text_of(root / "includes/bootstrap.inc"))
    return available(".info", PLACES, version[1] if version else "unknown", root)


def _compare(code: Available, had: Had) -> Pending:
    return compare_numbered(code, had, "system")


DRUPAL7 = Updates(
    available=_available,
    tables=("system",),
    query=lambda _tables: NUMBERS,
    had=had_numbers,
    compare=_compare,
)
