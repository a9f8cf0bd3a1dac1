"""Database updates of WordPress: a number in its files, and one in each database.

Source: ``wp_upgrade`` in ``wp-admin/includes/upgrade.php``.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from aegir_components.applications.updates import Available, Extension, Had, Pending, Rows, Updates

_NUMBER = re.compile(r"^\s*\$wp_db_version\s*=\s*(\d+)\s*;", re.MULTILINE)
_VERSION = re.compile(r"^\s*\$wp_version\s*=\s*'([^']+)'", re.MULTILINE)
_OPTIONS = re.compile(r"wp_(?:\d+_)?options")
_CORE = "wordpress"


def _available(source: Path, docroot: str) -> Available:
    text = (source / docroot / "wp-includes/version.php").read_text(encoding="utf-8", errors="replace")
    number, version = _NUMBER.search(text), _VERSION.search(text)
    core = Extension(numbered=(f"{_CORE}_update_{number[1]}",) if number else ())
    return Available(version=version[1] if version else "unknown", extensions={_CORE: core})


def _query(tables: Collection[str]) -> str:
    """Ask each site of a network, which has its own tables beside those of the first one (``wp_2_options``)."""
    options = sorted(table for table in tables if _OPTIONS.fullmatch(table))
    asked = (f"SELECT option_value FROM {table} WHERE option_name = 'db_version'" for table in options)  # noqa: S608 - matched above
    return " UNION ALL ".join(asked)


def _had(rows: Rows) -> Had:
    numbers = sorted(int(_word(number)) for (number,) in rows if _word(number).isdigit())
    return Had(numbers={f"{_CORE} {place}": number for place, number in enumerate(numbers)})


def _word(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _compare(code: Available, had: Had) -> Pending:
    newest = max((int(name.rpartition("_")[2]) for name in code.extensions[_CORE].numbered), default=0)
    if not had.numbers or not newest:
        return Pending()
    first, last = min(had.numbers.values()), max(had.numbers.values())
    if last > newest:
        return Pending(newer=(f"its tables are of version {last}, and this code knows version {newest}",))
    behind = [number for number in had.numbers.values() if number < newest]
    if not behind:
        return Pending()
    network = f", {len(behind)} sites of the network" if len(had.numbers) > 1 else ""
    return Pending(names=(f"from database version {first} to {newest}{network}",))


WORDPRESS = Updates(
    available=_available,
    tables=("wp_options",),
    query=_query,
    had=_had,
    compare=_compare,
)
