"""What ``aegir explain AEGIR-1042`` says of a message."""

from __future__ import annotations

import difflib
import json
import posixpath
import re
import textwrap
from typing import Final

from aegir_components.messages import PREFIX, catalogue, numbered, patterns
from aegir_components.messages.catalogue import Entry
from aegir_components.messages.printable import first_of

from .ends import Refusal

WIDTH: Final = 100
"""Characters of a line."""
_LINK: Final = re.compile(r"\[([^\]]+)\]\(([^):]+)\)")
MOST: Final = 4
"""Ways to say it that are shown."""


def text(number: int) -> str:
    """Say what a message means.

    Raises:
        Refusal: no message has this number.
    """
    entry = _entry(number)
    parts = [
        f"{entry.name}: {first_of(_patterns(number), MOST, between=' / ')}",
        f"What happened: {_named(entry.happened)}",
        f"Why it matters: {_named(entry.matters)}",
        f"What to do: {_named(entry.do)}",
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


def _named(text: str) -> str:
    """Name the pages that a text of the catalogue links to, by their paths in the checkout."""

    def page(found: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join("docs/reference", found[2].partition("#")[0] or "messages.md"))
        return f"{found[1]} ({path})"

    return _LINK.sub(page, text)


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
