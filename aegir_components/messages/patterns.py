"""How messages read: found in the program where they are written, so that no list of them can be out of date."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
GAP: Final = "…"
"""Stands for what differs from case to case."""
_SHELL = re.compile(r"""\bfail (\d{4}) (["'])""")
_VARIABLE = re.compile(r"\$\{[^}]*\}|\$\w+|\$[#@*?]")
_PLACE = re.compile(r"\{[^{}]*\}")
"""What Python puts into a script."""


@dataclass(frozen=True, order=True, slots=True)
class Pattern:
    """A message as it is written in the program."""

    number: int
    text: str
    """With ``…`` for what differs."""
    place: str
    """File and line, as compilers write them."""


def patterns(number: int = 0, root: Path = ROOT) -> list[Pattern]:
    """Find the messages of a number, or all; in the order of their numbers.

    Args:
        number: the number; 0 for all.
        root: the directory of the program.
    """
    found: set[Pattern] = set()
    for path in sorted(root.rglob("*")):
        if path.suffix not in {".py", ".sh"}:
            continue
        text = path.read_text(encoding="utf-8")
        # Whoever asks for one number waits for the answer, and to parse the whole program takes seconds.
        if not number or str(number) in text:
            name = str(path.relative_to(root))
            found |= set(_in_shell(text, name))
            if path.suffix == ".py":
                found |= set(_in_python(text, name))
    return sorted(each for each in found if number in (0, each.number))


def _in_python(text: str, name: str) -> Iterator[Pattern]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "numbered":
            match node.args:
                case [ast.Constant(value=int(number)), words]:
                    yield Pattern(number, _plain(words), f"{name}:{node.lineno}")


def _plain(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return re.sub(f"{GAP}+", GAP, "".join(map(_plain, parts)))
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _plain(left) + _plain(right)
    return GAP


def _in_shell(text: str, name: str) -> Iterator[Pattern]:
    for match in _SHELL.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        words = _quoted(text, match.end(), match[2])
        if match[2] == '"':
            words = re.sub(r"\\(.)", r"\1", _VARIABLE.sub(GAP, words))
        if name.endswith(".py"):
            words = _PLACE.sub(GAP, words)
        yield Pattern(int(match[1]), re.sub(f"{GAP}+", GAP, words), f"{name}:{line}")


def _quoted(text: str, begin: int, mark: str) -> str:
    """Give what stands from ``begin`` to the closing mark, with a gap for each ``$(…)``, which may have quotes of its own."""
    words, depth, place = "", 0, begin
    while place < len(text) and (depth or text[place] != mark):
        step = 2 if text[place] == "\\" else 1
        if mark == '"' and text.startswith("$(", place):
            words += "" if depth else GAP
            step, depth = 2, depth + 1
        elif depth:
            depth += {"(": 1, ")": -1}.get(text[place], 0)
        else:
            words += text[place : place + step]
        place += step
    return words
