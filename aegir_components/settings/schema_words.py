"""What the keys of the stack file mean: the docstrings below the fields of the arguments' dataclasses.

They are read out of the sources, which a wheel has as well, because the command line does without Pulumi's library.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ARGUMENTS: Final = Path(__file__).resolve().parents[1] / "arguments"
ROOT: Final = "StackFile"
"""The dataclass whose fields are the keys below ``config:``."""

_DEFAULT = re.compile(r"(?P<meaning>.*?)\s*(?:Default: (?P<default>.*)\.|(?P<required>Required)\.)", re.DOTALL)
_LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)")


@dataclass(frozen=True, slots=True)
class Words:
    """What is said of a key, with ``code`` and [links](docs/README.md) from the root of the repository."""

    meaning: str
    default: str = ""
    """What holds without the key; empty where nothing is said."""
    is_required: bool = False
    is_of_mapping: bool = False
    """Whether nothing is said of the key, and these are the words of the mapping that it has."""

    @property
    def plain(self) -> str:
        """Everything as one text, without marks."""
        last = "Required." if self.is_required else f"Default: {self.default}." if self.default else ""
        return _LINK.sub(r"\1", f"{self.meaning} {last}").replace("``", "").strip()


@dataclass(slots=True)
class _Class:
    """A dataclass as its source has it."""

    words: str
    bases: list[str] = field(default_factory=list)
    places: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Where the stack file has a field, if not under its own name."""
    fields: dict[str, tuple[ast.expr, str, bool]] = field(default_factory=dict)
    """Annotation, docstring, and whether it has to be given."""


def read_words(directory: Path = ARGUMENTS) -> dict[str, Words]:
    """Read what each key means.

    Args:
        directory: the sources of the dataclasses.

    Returns:
        By the key's general path, such as ``sites.*.php.memory``, in the order of the fields.
    """
    found = dict(each for path in sorted(directory.glob("*.py")) for each in _classes(path.read_text(encoding="utf-8")))
    return {path: words for path, words in _described(ROOT, "", found) if words.meaning}


def descriptions() -> dict[str, str]:
    """Give what each key means as plain text, by its general path."""
    return {path: words.plain for path, words in read_words().items()}


def _classes(text: str) -> Iterator[tuple[str, _Class]]:
    for node in ast.parse(text).body:
        if isinstance(node, ast.ClassDef):
            found = _Class(
                ast.get_docstring(node) or "", [base.id for base in node.bases if isinstance(base, ast.Name)]
            )
            for each, after in zip(node.body, [*node.body[1:], None], strict=True):
                if not isinstance(each, ast.AnnAssign) or not isinstance(each.target, ast.Name):
                    continue
                if each.target.id == "below" and each.value is not None:
                    found.places = ast.literal_eval(each.value)
                elif each.target.id != "farm":
                    found.fields[each.target.id] = (each.annotation, _docstring(after), each.value is None)
            yield node.name, found


def _docstring(node: ast.stmt | None) -> str:
    match node:
        case ast.Expr(value=ast.Constant(value=str(text))):
            return " ".join(text.split())
    return ""


def _described(name: str, path: str, classes: Mapping[str, _Class]) -> Iterator[tuple[str, Words]]:
    """Describe the keys of a mapping, and those of the mappings in it."""
    kind = classes[name]
    for base in kind.bases:
        if base in classes:
            yield from _described(base, path, classes)
    for key, (annotation, text, is_required) in kind.fields.items():
        here = ".".join(filter(None, (path, *kind.places.get(key, (key,)))))
        nested = [each for each in _nested(annotation, here) if each[1] in classes]
        own = next((classes[inner].words for at, inner in nested if at == here), "")
        yield here, _words(text, is_required=is_required) if text else Words(own, is_of_mapping=True)
        for at, inner in nested:
            yield from _described(inner, at, classes)


def _words(text: str, *, is_required: bool) -> Words:
    match = _DEFAULT.fullmatch(text)
    if match is None:
        return Words(text, is_required=is_required)
    return Words(match["meaning"], match["default"] or "", is_required=is_required or bool(match["required"]))


def _nested(annotation: ast.expr, path: str) -> Iterator[tuple[str, str]]:
    """List the classes that an annotation names, each with the path of what has it."""
    match annotation:
        case ast.Name(id=name):
            yield path, name
        case ast.BinOp(left=left, right=right):
            yield from _nested(left, path)
            yield from _nested(right, path)
        case ast.Subscript(value=ast.Name(id="Mapping"), slice=ast.Tuple(elts=[_, inner])):
            yield from _nested(inner, f"{path}.*")
        case ast.Subscript(value=ast.Name(id="Sequence"), slice=inner):
            yield from _nested(inner, f"{path}.*")
