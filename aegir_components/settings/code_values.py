"""What a site's own code is told by its settings file: constants of WordPress, values of Drupal."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Final

from aegir_components.messages import numbered

from .reader import Node

DEEPEST: Final = 8
"""Levels of lists and mappings in one value."""
LONGEST: Final = 100_000
"""Characters of a text."""


def read_values(node: Node) -> dict[str, Any]:
    """Read ``settings`` or ``config`` of a site: names with values; the application says which names there may be."""
    found = {}
    for key, entry in node.entries():
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.:-]{0,199}", key):
            entry.fault(numbered(1410, "is no name of a setting (letters, digits and _ . : -, up to 200)"))
        else:
            found[key] = _value(entry, entry.value, DEEPEST)
    return found


def _value(node: Node, value: Any, levels: int) -> Any:
    """Check a value; any may be a secret, so that no message shows a part of one."""
    if levels == 0:
        node.fault(numbered(1411, f"has more than {DEEPEST} levels of lists and mappings"))
        return None
    match value:
        case Mapping():
            return {str(key): _value(node, each, levels - 1) for key, each in value.items()}
        case list():
            return [_value(node, each, levels - 1) for each in value]
        case str() if "\0" in value or len(value) > LONGEST or any("\ud800" <= letter <= "\udfff" for letter in value):
            node.fault(numbered(1411, f"must be a text of up to {LONGEST} characters, without NUL"))
        case float() if not math.isfinite(value):
            node.fault(numbered(1411, "must be a number that PHP can write"))
        case None | bool() | int() | float() | str():
            return value
        case _:
            node.fault(numbered(1411, "must be a text, a number, true, false, a list or a mapping"))
    return None
