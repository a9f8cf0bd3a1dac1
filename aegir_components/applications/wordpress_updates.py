"""Database updates of WordPress: a number in its files, and one in each database.

Source: ``wp_upgrade`` in ``wp-admin/includes/upgrade.php``.
"""

from __future__ import annotations

import re
from pathlib import Path

from .updates import Available, Extension, Had, Pending, Rows, Updates

_NUMBER = re.compile(r"^\s*\$wp_db_version\s*=\s*(\d+)\s*;", re.MULTILINE)
_VERSION = re.compile(r"^\s*\$wp_version\s*=\s*'([^']+)'", re.MULTILINE)
_CORE = "wordpress"


def _available(source: Path, docroot: str) -> Available:
    text = (source / docroot / "wp-includes/version.php").read_text(encoding="utf-8", errors="replace")
    number, version = _NUMBER.search(text), _VERSION.search(text)
    core = Extension(numbered=(f"{_CORE}_update_{number[1]}",) if number else ())
    return Available(version=version[1] if version else "unknown", extensions={_CORE: core})


def _had(rows: Rows) -> Had:
    numbers = [int(str(number)) for (number,) in rows if str(number).isdigit()]
    return Had(numbers={_CORE: numbers[0]} if numbers else {})


def _compare(code: Available, had: Had) -> Pending:
    newest = max((int(name.rpartition("_")[2]) for name in code.extensions[_CORE].numbered), default=0)
    last = had.numbers.get(_CORE, newest)
    if last > newest > 0:
        return Pending(newer=(f"its tables are of version {last}, and this code knows version {newest}",))
    return Pending(names=(f"from database version {last} to {newest}",) if newest > last else ())


WORDPRESS = Updates(
    available=_available,
    tables=("wp_options",),
    query="SELECT option_value FROM wp_options WHERE option_name = 'db_version'",
    had=_had,
    compare=_compare,
)
