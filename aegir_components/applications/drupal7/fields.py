"""Personal fields of Drupal 7, by their types. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from aegir_components.applications.extensions import word
from aegir_components.applications.fields import ACTIONS, Field, Fields


def _find(rows: Iterable[Sequence[object]]) -> list[Field]:
    return [
        Field(word(name), action, (f"field_data_{word(name)}", f"field_revision_{word(name)}"))
        for name, kind in rows
        if (action := ACTIONS.get(word(kind)))
    ]


DRUPAL7: Final = Fields(table="field_config", columns="field_name, type", find=_find)
