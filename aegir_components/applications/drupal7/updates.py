"""Database updates of Drupal 7, found in files and tables: core's own rules, without starting it."""

from __future__ import annotations

import re
from pathlib import Path

from aegir_components.applications.extensions import available, text_of, word
from aegir_components.applications.updates import Available, Had, Pending, Rows, Updates, compare_numbered

PLACES = ("modules", "themes", "profiles", "sites/all")
"""Where extensions are, from the document root."""


def _available(source: Path, docroot: str) -> Available:
    root = source / docroot
    version = re.search(r"define\('VERSION', '([^']+)'\)", text_of(root / "includes/bootstrap.inc"))
    return available(".info", PLACES, version[1] if version else "unknown", root)


def _had(rows: Rows) -> Had:
    return Had(numbers={word(name): int(str(number)) for name, number in rows if int(str(number)) >= 0})


def _compare(code: Available, had: Had) -> Pending:
    return compare_numbered(code, had, "system")


DRUPAL7 = Updates(
    available=_available,
    tables=("system",),
    # A disabled module is updated as well.
    query=lambda _tables: "SELECT name, schema_version FROM `system` WHERE type = 'module' AND schema_version > -1",
    had=_had,
    compare=_compare,
)
