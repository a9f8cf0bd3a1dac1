"""What ``aegir explain AEGIR-1042`` says of a message."""

from __future__ import annotations

import difflib
import json
import textwrap
from typing import Final

from aegir_components.messages import PREFIX, catalogue, numbered, patterns
from aegir_components.messages.catalogue import Entry

from .ends import Refusal

WIDTH: Final = 100
"""Characters of a line."""


def text(number: int) -> str:
    """Say what a message means.

    Raises:
        Refusal: no message has this number.
    """
    entry = _entry(number)
    parts = [
        f"{entry.name}: {' / '.join(_patterns(number))}",
        f"What happened: {entry.happened}",
        f"Why it matters: {entry.matters}",
        f"What to do: {entry.do}",
    ]
    return "\n\n".join(textwrap.fill(part, WIDTH, break_long_words=False, break_on_hyphens=False) for part in parts)


def as_json(number: int) -> str:
    """Say it as JSON.

    Raises:
        Refusal: no message has this number.
    """
    entry = _entry(number)
    return json.dumps(
        {"message": entry.name, "reads": _patterns(number), "happened": entry.happened, "matters": entry.matters,
         "do": entry.do},
        indent=2, ensure_ascii=False,
    )  # fmt: skip


def _patterns(number: int) -> list[str]:
    return sorted({each.text for each in patterns.patterns(number)})


def _entry(number: int) -> Entry:
    known = catalogue.entries()
    if number in known:
        return known[number]
    near = difflib.get_close_matches(str(number), list(map(str, known)), n=3)
    also = f" Near it: {', '.join(PREFIX + word for word in near)}." if near else ""
    raise Refusal(
        numbered(9001, f"no message has the number {PREFIX}{number}.{also} It stands at the end of a message")
    )
