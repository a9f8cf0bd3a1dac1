"""Database updates of Backdrop, found in files and tables: core's own rules, without starting it.

Source: ``update_get_update_list`` in ``core/includes/update.inc`` of Backdrop 1.28. An update with a number of Drupal 7's
counts as one that is 7000 lower, since modules came over with their updates.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from aegir_components.applications.extensions import NUMBERS, available, had_numbers, text_of
from aegir_components.applications.updates import (
    NUMBERED,
    Available,
    Extension,
    Had,
    Pending,
    Updates,
    compare_numbered,
)

PLACES = ("core/modules", "core/themes", "core/profiles", "profiles", "modules", "themes")
"""Where extensions are, from the document root."""
_VERSION = re.compile(r"define\('BACKDROP_VERSION', '([^']+)'\)")
_LEGACY = range(7000, 9000)


def _available(source: Path, docroot: str) -> Available:
    root = source / docroot
    version = _VERSION.search(text_of(root / "core/includes/bootstrap.inc"))
    return available(".info", PLACES, version[1] if version else "unknown", root)


def _compare(code: Available, had: Had) -> Pending:
    reduced = {name: _reduced(extension) for name, extension in code.extensions.items()}
    numbers = {name: _lower(number) for name, number in had.numbers.items()}
    found = compare_numbered(replace(code, extensions=reduced), replace(had, numbers=numbers), "system")
    called = {_lowered(function): function for extension in code.extensions.values() for function in extension.numbered}
    return replace(found, names=tuple(called.get(name, name) for name in found.names))


def _reduced(extension: Extension) -> Extension:
    numbered = tuple(_lowered(function) for function in extension.numbered)
    return replace(extension, numbered=numbered, last_removed=_lower(extension.last_removed))


def _lowered(function: str) -> str:
    match = NUMBERED.match(function)
    return f"{match['extension']}_update_{_lower(int(match['number']))}" if match else function


def _lower(number: int) -> int:
    return number - _LEGACY.start if number in _LEGACY else number


BACKDROP = Updates(
    available=_available,
    # Drupal 7 has no table of this name.
    tables=("system", "state"),
    query=lambda _tables: NUMBERS,
    had=had_numbers,
    compare=_compare,
)
