"""Personal fields of Drupal 8 and later, by their types. Pure.

The type is in the configuration ``field.storage.<entity>.<field>``. ``DefaultTableMapping`` of core names the tables.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import Final

from aegir_components.applications.extensions import word
from aegir_components.applications.fields import ACTIONS, Field, Fields

_LONGEST: Final = 48
_NAME: Final = re.compile(r"field\.storage\.([a-z0-9_]+)\.([a-z0-9_]+)")
_TYPE: Final = re.compile(r'"type";s:[0-9]+:"([a-z0-9_]+)"')
_UUID: Final = re.compile(r'"uuid";s:36:"([0-9a-f-]{36})"')


def _find(rows: Iterable[Sequence[object]]) -> list[Field]:
    found = []
    for name, serialised in rows:
        data = word(serialised)
        place, kind, uuid = _NAME.fullmatch(word(name)), _TYPE.search(data), _UUID.search(data)
        if place and kind and (action := ACTIONS.get(kind[1])):
            entity, field = place.groups()
            found.append(Field(field, action, _tables(entity, field, uuid[1] if uuid else "")))
    return found


def _tables(entity: str, field: str, uuid: str) -> tuple[str, str]:
    """Name a field's tables as core does: a long name is cut, and ends with a digest."""

    def named(separator: str, short: str) -> str:
        name = f"{entity}{separator}{field}"
        if len(name) <= _LONGEST:
            return name
        return f"{entity[:32]}{short}{hashlib.sha256(uuid.encode()).hexdigest()[:10]}"

    return named("__", "__"), named("_revision__", "_r__")


DRUPAL: Final = Fields(
    table="config", columns="name, data", where="collection = '' AND name LIKE 'field.storage.%'", find=_find
)
