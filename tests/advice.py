"""Every command that a message or a page advises, collected from their texts."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

from tests.parsed import nodes

ROOT = Path(__file__).parents[1]
PROGRAM = ROOT / "aegir_components"
_COMMAND = (
    r"rm(?: -\w+)?|rmdir|mv(?: -t)?|cp -\w+|umount(?: -\w+)*|rsync -\w+|chown|chmod|setfacl|usermod|groupmod|userdel|mysqldump|"
    r"systemctl (?:re)?(?:start|stop|load)|exportfs|hostnamectl set-hostname|apt-get install|update-ca-certificates|ssh-key\w+|"
    r"git lfs|find|tar|gzip -dc|kill -9|mkdir -p|date \+%s|"
    r"pulumi (?:up --refresh|up|preview|refresh|cancel|destroy|state \w+|stack \S+|config set)"
)
COMMAND = re.compile(rf"(?<![\w/.-])(?:{_COMMAND})(?![\w-])")
_SENTENCE = re.compile(r"[a-z,] [a-z]+ [a-z]+")
_SHELL = re.compile(r'\bfail (?:\d{4} )?"((?:[^"\\]|\\.)*)"')
_QUOTED = re.compile(r"^(\| AEGIR-\d{4} )\|.*?(?<!\\)\|", re.MULTILINE)
"""A message of the program in the page of messages: ``of_messages`` has it already."""
_CODE = re.compile(r"`([^`\n]+)`|^ {4,}(\S.*)$", re.MULTILINE)


def _texts(path: Path) -> Iterator[str]:
    """Give the texts of a module that are no docstrings; what is computed in them is left out."""
    passed_over: set[int] = set()
    for node in nodes(path):
        if id(node) in passed_over:
            continue
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            passed_over.add(id(node.value))
        elif isinstance(node, ast.JoinedStr):
            passed_over |= {id(part) for part in node.values}
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _named(text: str) -> Iterator[str]:
    yield from (" ".join(match[0].split()) for match in COMMAND.finditer(text))


@functools.cache
def of_messages() -> frozenset[tuple[str, str]]:
    """Collect from the program: file and command, of texts that are sentences and not scripts."""
    found: set[tuple[str, str]] = set()
    for path in sorted(PROGRAM.rglob("*.py")):
        if "testing" in path.parts:
            continue
        name = str(path.relative_to(PROGRAM))
        for text in _texts(path):
            if _SENTENCE.search(text) and "\n" not in text:
                found |= {(name, command) for command in _named(text)}
    for path in sorted(PROGRAM.rglob("*.sh")):
        name = str(path.relative_to(PROGRAM))
        for match in _SHELL.finditer(path.read_text(encoding="utf-8")):
            found |= {(name, command) for command in _named(match[1])}
    return frozenset(found)


@functools.cache
def of_pages() -> frozenset[tuple[str, str]]:
    """Collect from the pages: what stands there as code."""
    found: set[tuple[str, str]] = set()
    for path in sorted(ROOT.joinpath("docs").rglob("*.md")):
        for match in _CODE.finditer(_QUOTED.sub(r"\1|", path.read_text(encoding="utf-8"))):
            name = str(path.relative_to(ROOT))
            found |= {(name, command) for command in _named(match[1] or match[2])}
    return frozenset(found)
