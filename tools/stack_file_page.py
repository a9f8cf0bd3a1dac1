"""Writes the tables of docs/reference/stack-file.md: ``tools/env python -m tools.stack_file_page``.

The prose around them is written by hand. A comment in the page says what stands below it, up to the next ``<!-- end -->``:
``meaning of hub`` is what the code says of one key, and ``keys of hub with ssh`` a table of the keys of a mapping, with those
of its mapping ``ssh`` in the same table.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping

from aegir_components.settings.schema_words import Words, read_words
from tools.paths import ROOT

PAGE = ROOT / "docs" / "reference" / "stack-file.md"
_PART = re.compile(
    r"<!-- (?P<what>keys|meaning) of (?P<path>\S+)(?: with (?P<inner>[\w ]+))? -->\n.*?<!-- end -->", re.DOTALL
)
_LINK = re.compile(r"\]\(([^)#]+)(#[^)]*)?\)")


def page(text: str) -> str:
    """Give the page with its tables as the code has them.

    Args:
        text: the page as it is.
    """
    words = read_words()

    def part(match: re.Match[str]) -> str:
        head = match[0].partition("\n")[0]
        path, inner = match["path"], (match["inner"] or "").split()
        made = table(path, inner, words) if match["what"] == "keys" else _markdown(words[path].meaning)
        return f"{head}\n\n{made}\n\n<!-- end -->"

    return _PART.sub(part, text)


def table(path: str, inner: list[str], words: Mapping[str, Words]) -> str:
    """Make the table of a mapping's keys.

    Args:
        path: the general path of the mapping.
        inner: mappings in it whose keys come in the same table.
        words: what the keys mean.
    """
    return "\n".join(["| key | default | meaning |", "|---|---|---|", *_rows(path, inner, words)])


def _rows(path: str, inner: list[str], words: Mapping[str, Words]) -> Iterator[str]:
    for at, said in words.items():
        key = at.removeprefix(f"{path}.")
        above = key.rpartition(".")[0]
        if at == key or said.is_of_mapping or (above and above not in inner):
            continue
        default = "required" if said.is_required else said.default
        yield f"| `{key}` | {_cell(default)} | {_cell(said.meaning)} |".replace("|  |", "| |")


def _cell(text: str) -> str:
    return _markdown(text).replace("|", "\\|")


def _markdown(text: str) -> str:
    """Give a docstring's words as the page has them: links lead from where it is."""
    return _LINK.sub(_link, text).replace("``", "`")


def _link(match: re.Match[str]) -> str:
    target = ROOT / match[1]
    address = "" if target == PAGE else os.path.relpath(target, PAGE.parent)
    return f"]({address}{match[2] or ''})"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
