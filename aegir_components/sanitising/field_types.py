"""Fields of a Drupal site whose type says that they hold personal data, whatever the team has called them. Pure.

Drupal 8 and later keep a field's type in the configuration ``field.storage.<entity>.<field>``, and its rows in tables that
``DefaultTableMapping`` of core names. Drupal 7 keeps the type in ``field_config``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from .rules import Action

ACTIONS: Final[Mapping[str, Action]] = {
    "email": "mail",
    **dict.fromkeys(
        ("telephone", "phone", "phone_international", "phone_number", "mobile_number", "telephone_plus"), "text"
    ),
    **dict.fromkeys(
        ("address", "address_country_zone", "addressfield", "postal_address", "name", "person_name"), "text"
    ),
    **dict.fromkeys(
        ("geofield", "geolocation", "geolocation_geometry", "location", "birthday", "date_of_birth"), "blank"
    ),
}
"""By type: of core, and of the modules for addresses, names and places that many sites have."""
_KEPT: Final = ("country", "country_code", "langcode", "format", "geo_type", "lid")
"""Parts of such a field that name no person, and that its module wants to be one of its own words."""
_LONGEST: Final = 48
_NAME: Final = re.compile(r"field\.storage\.([a-z0-9_]+)\.([a-z0-9_]+)")
_TYPE: Final = re.compile(rb'"type";s:[0-9]+:"([a-z0-9_]+)"')
_UUID: Final = re.compile(rb'"uuid";s:36:"([0-9a-f-]{36})"')


@dataclass(frozen=True, slots=True)
class Field:
    """A field, with what becomes of it."""

    name: str
    action: Action
    tables: tuple[str, ...]
    """Without their prefix."""


def of_drupal(rows: Iterable[tuple[str, bytes]]) -> list[Field]:
    """Find the personal fields of Drupal 8 and later.

    Args:
        rows: names and serialised data of the configuration ``field.storage.*``.
    """
    found = []
    for name, data in rows:
        place, kind, uuid = _NAME.fullmatch(name), _TYPE.search(data), _UUID.search(data)
        if place and kind and (action := ACTIONS.get(kind[1].decode())):
            entity, field = place.groups()
            found.append(Field(field, action, _tables(entity, field, uuid[1].decode() if uuid else "")))
    return found


def of_drupal7(rows: Iterable[tuple[str, str]]) -> list[Field]:
    """Find the personal fields of Drupal 7.

    Args:
        rows: names and types of ``field_config``.
    """
    return [
        Field(name, action, (f"field_data_{name}", f"field_revision_{name}"))
        for name, kind in rows
        if (action := ACTIONS.get(kind))
    ]


def action_of(fields: Iterable[Field], table: str, column: str) -> Action | None:
    """Find what becomes of a column by its field's type; ``None`` where that says nothing.

    Args:
        fields: the personal fields.
        table: without prefix.
        column: of that table.
    """
    for field in fields:
        part = column.removeprefix(f"{field.name}_")
        if table in field.tables and part != column:
            return "keep" if part in _KEPT else field.action
    return None


def _tables(entity: str, field: str, uuid: str) -> tuple[str, str]:
    """Name a field's tables as core does: a long name is cut, and ends with a digest."""

    def named(separator: str, short: str) -> str:
        name = f"{entity}{separator}{field}"
        if len(name) <= _LONGEST:
            return name
        return f"{entity[:32]}{short}{hashlib.sha256(uuid.encode()).hexdigest()[:10]}"

    return named("__", "__"), named("_revision__", "_r__")
