"""Writes docs/reference/messages.md from the catalogue: ``tools/env python -m tools.messages_page``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from aegir_components.messages import catalogue, patterns
from tools.paths import ROOT

PAGE = ROOT / "docs" / "reference" / "messages.md"
HEAD = """\
# Messages, what they mean, what to do

For operators. After reading this page you know what a message means, and what to do.

<!-- Made of aegir_components/messages/entries: tools/env python -m tools.messages_page -->

A message names the machine or the setting first, and its number last. `aegir explain AEGIR-1001` says the same as the row with
that number. `…` stands for text that differs. Repair the cause and run `pulumi up` again. It continues from what it finds, and no
state has to be edited. No message contains a password.
"""


def page() -> str:
    """Give the page."""
    return "\n".join([HEAD, *_sections()])


def _sections() -> Iterator[str]:
    read: dict[int, set[str]] = defaultdict(set)
    for each in patterns.patterns():
        read[each.number].add(each.text)
    for topic in catalogue.topics():
        yield f"## {topic.title}\n"
        if topic.entries:
            yield "| number | message | meaning | what to do |\n|---|---|---|---|"
        for entry in topic.entries:
            words = "<br>".join(_code(text) for text in sorted(read[entry.number]))
            yield f"| {entry.name} | {words} | {_cell(f'{entry.happened} {entry.matters}')} | {_cell(entry.do)} |"
        if topic.sights:
            yield "\n| what you see | meaning | what to do |\n|---|---|---|"
        for sight in topic.sights:
            yield f"| {_cell(sight.seen)} | {_cell(sight.happened)} | {_cell(sight.do)} |"
        yield ""


def _code(text: str) -> str:
    """Give a message as code in a cell of a table."""
    ticks = "``" if "`" in text else "`"
    space = " " if "`" in text else ""
    return _cell(f"{ticks}{space}{' '.join(text.split())}{space}{ticks}")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
