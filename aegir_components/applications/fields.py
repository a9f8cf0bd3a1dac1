"""Fields of a site's content whose type says that they hold personal data, whatever the team has called them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from .personal import Action

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


@dataclass(frozen=True, slots=True)
class Field:
    """A field, with what becomes of it."""

    name: str
    action: Action
    tables: tuple[str, ...]
    """Without their prefix."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fields:
    """Where a database says which fields a site has."""

    table: str
    """Without its prefix."""
    columns: str
    """In SQL."""
    where: str = ""
    """Which rows: a condition in SQL; empty for all."""
    find: Callable[[Iterable[Sequence[object]]], list[Field]]
    """Find the personal fields in these rows."""


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
