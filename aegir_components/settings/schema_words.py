"""What the keys of the stack file mean, out of the tables of its page: an editor shows it beside the key."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from .paths import KINDS

ALIKE: Final = ("php", "limits")
"""What a server and a site have alike, and the page describes once."""

_TOP = re.compile(r"## `aegir:(\w+)`")
_BELOW = re.compile(r"### `([\w.]+)`")
_KEYS = re.compile(r"`([\w.]+)`")
_LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)")


def descriptions(page: str) -> dict[str, str]:
    """Read what each key means.

    Args:
        page: the text of ``docs/reference/stack-file.md``.

    Returns:
        By the key's general path, such as ``sites.*.php.memory``.
    """
    return dict(_described(page.splitlines()))


def _described(lines: list[str]) -> Iterator[tuple[str, str]]:
    prefix = top = ""
    for number, line in enumerate(lines):
        if found := _TOP.match(line):
            top = found[1]
            prefix = f"{top}.*" if top in KINDS else top
            if words := _first(lines[number + 1 :]):
                yield top, words
        elif line.startswith("## "):
            top = prefix = ""
        elif top and line.startswith("### "):
            below = _BELOW.match(line)
            prefix = f"{top}.*.{below[1]}" if below else ""
            if below and below[1] == "commands":
                prefix += ".*"
        elif prefix and line.startswith("| `"):
            yield from _row(prefix, line)


def _row(prefix: str, line: str) -> Iterator[tuple[str, str]]:
    cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
    if len(cells) < 3:
        return
    keys, default, meaning = _KEYS.findall(cells[0]), _plain(cells[1]), _plain(cells[-1])
    words = f"{meaning} Default: {default}." if default and default != "required" else meaning
    for key in keys:
        yield f"{prefix}.{key}", words.strip()
        for same in ALIKE:
            if prefix == f"sites.*.{same}":
                yield f"servers.*.{same}.{key}", words.strip()


def _first(lines: list[str]) -> str:
    """Give the first sentence below a heading."""
    paragraph: list[str] = []
    for line in lines:
        if line.startswith(("#", "|", "    ")) or (paragraph and not line.strip()):
            break
        paragraph += [line.strip()] if line.strip() else []
    return re.split(r"(?<=[.:]) ", _plain(" ".join(paragraph)), maxsplit=1)[0]


def _plain(text: str) -> str:
    return _LINK.sub(r"\1", text).replace("\\|", "|").replace("`", "").strip()
