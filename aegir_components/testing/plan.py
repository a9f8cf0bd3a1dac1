"""Our script, read back: which items it has, and in which transaction. Pure."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import resources

from aegir_components.scripts import libraries

_TOKEN = re.compile(
    r"""(?P<space>[ \t]+|\\\n)|(?P<end>\n+|\|\||&&|[;|&<>]+)|(?P<parens>[()]+)"""
    r"""|(?P<word>(?:[^\s;|&()<>'"\\]|'[^']*'|"(?:[^"\\]|\\.)*"|\\.)+)""",
    re.DOTALL,
)
_QUOTED = re.compile(r"""'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)""", re.DOTALL)
_KEYWORDS = frozenset({"if", "then", "else", "do", "!", "{"})

Call = tuple[str, ...]
"""A function's name and its arguments, unquoted; what a shell would expand stands as it is written."""


@dataclass(slots=True)
class Plan:
    """What a script does, in order."""

    mode: str = "check"
    calls: list[Call] = field(default_factory=list)
    functions: dict[str, list[Call]] = field(default_factory=dict)
    """The sections of transactions."""


@functools.cache
def _libraries() -> tuple[str, ...]:
    """Give the texts that a script carries along: what each begins with, and every library of functions."""
    rooms = [resources.files(f"aegir_components.{room}") for room in libraries.ROOMS]
    texts = [part.read_text("utf-8") for room in rooms for part in room.iterdir() if part.name.endswith(".sh")]
    language = resources.files("aegir_components.scripts")
    base = (language.joinpath(name).read_text(encoding="utf-8") for name in ("prelude.sh", "named.sh"))
    return (*base, *sorted(texts, key=len, reverse=True))


def read(script: str) -> Plan:
    """Read a script that ``scripts.script.render`` put together; nobody changes what is read."""
    for library in _libraries():
        script = script.replace(library, "")
    return _read(script)


@functools.lru_cache(maxsize=5000)
def _read(own: str) -> Plan:
    plan = Plan()
    into = plan.calls
    for call in _calls(own):
        if call[0].startswith("MODE="):
            plan.mode = call[0].removeprefix("MODE=")
        elif call[0] == "()":
            into = plan.functions.setdefault(call[1], [])
        elif call[0] == "}":
            into = plan.calls
        else:
            into.append(call)
    return plan


def _calls(script: str) -> Iterator[Call]:
    words: list[str] = []
    for match in _TOKEN.finditer(script):
        if match["word"]:
            if words or match["word"] not in _KEYWORDS:
                words.append(unquoted(match["word"]))
        elif match["parens"] == "()" and len(words) == 1:
            yield ("()", words.pop())
        elif match["end"] and words:
            yield tuple(words)
            words = []
    if words:
        yield tuple(words)


def unquoted(word: str) -> str:
    """Take a shell word's quotes away."""
    return _QUOTED.sub(lambda match: next(group for group in match.groups() if group is not None), word)
