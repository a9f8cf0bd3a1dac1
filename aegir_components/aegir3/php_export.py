"""What PHP's ``var_export`` writes, read as data. Nothing of it is run, and anything else is an error."""

from __future__ import annotations

import re
from typing import Any, Final

from aegir_components.messages import AegirError, around, numbered

DEEPEST: Final = 50
"""Levels of arrays."""
_BLANK: Final = re.compile(r"(?:\s+|//[^\n]*|\#[^\n]*|/\*.*?\*/)*", re.DOTALL)
_TEXT: Final = re.compile(r"'((?:[^'\\]|\\.)*)'", re.DOTALL)
_NUMBER: Final = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_WORD: Final = re.compile(r"(?i)(true|false|null)\b")
_OBJECT: Final = re.compile(r"(?i)(?:stdClass::__set_state|\(object\))\s*\(?")
_ASSIGNED: Final = re.compile(r"\$(\w+)\[")
_OPEN: Final = re.compile(r"(?i)array\s*\(|\[")


class ExportError(AegirError, ValueError):
    """The text is no export of values; says where."""


def assigned(text: str, variable: str) -> dict[str, Any]:
    """Read statements such as ``$aliases['name'] = array (…);``.

    Args:
        text: a file of PHP.
        variable: the array that is assigned to.

    Returns:
        By the key of each statement, what it assigns.

    Raises:
        ExportError: it has anything but such statements.
    """
    reader = _Reader(text)
    if not reader.take(r"<\?php\b"):
        raise ExportError(numbered(3501, "it does not begin with <?php"))
    found: dict[str, Any] = {}
    while not reader.is_over():
        match = reader.take(_ASSIGNED.pattern)
        if match is None or match[1] != variable:
            raise reader.fault(numbered(3501, f"is no statement that assigns to ${variable}"))
        key = reader.text()
        reader.want(r"\]\s*=")
        found[key] = reader.value(DEEPEST)
        reader.want(";")
    return found


class _Reader:
    """Goes through a text."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0

    def is_over(self) -> bool:
        """Tell whether nothing but blanks is left."""
        self._skip()
        return self._at >= len(self._text) or self._text.startswith("?>", self._at)

    def take(self, pattern: str) -> re.Match[str] | None:
        """Go past what fits a pattern here; ``None`` where nothing does."""
        self._skip()
        if match := re.compile(pattern, re.DOTALL).match(self._text, self._at):
            self._at = match.end()
        return match

    def want(self, pattern: str) -> None:
        """Go past what has to stand here."""
        if self.take(pattern) is None:
            raise self.fault(numbered(3501, "is not what var_export writes"))

    def text(self) -> str:
        """Read a text in single quotes."""
        match = self.take(_TEXT.pattern)
        if match is None:
            raise self.fault(numbered(3501, "is no text in single quotes"))
        return re.sub(r"\\([\\'])", r"\1", match[1])

    def value(self, levels: int) -> Any:
        """Read a value, with arrays of so many levels."""
        if levels == 0:
            raise self.fault(numbered(3501, f"has more than {DEEPEST} levels"))
        self._skip()
        if self._text.startswith("'", self._at):
            # Texts with a NUL or a line break are written in pieces.
            found = self.text()
            while self.take(r"\.\s*\"(?:\\0|\\n|\\r)\"\s*\."):
                found += "\n" + self.text()
            return found
        if match := self.take(_WORD.pattern):
            return {"true": True, "false": False, "null": None}[match[1].lower()]
        self.take(_OBJECT.pattern)
        if match := self.take(_OPEN.pattern):
            return self._entries(r"\]" if match[0] == "[" else r"\)", levels)
        if match := self.take(_NUMBER.pattern):
            return float(match[0]) if set(match[0]) & set(".eE") else int(match[0])
        raise self.fault(numbered(3501, "is no value"))

    def fault(self, why: str) -> ExportError:
        """Say what is wrong here."""
        line = self._text.count("\n", 0, self._at) + 1
        return ExportError(around(why, f"line {line} {why}"))

    def _entries(self, end: str, levels: int) -> dict[Any, Any] | list[Any]:
        found: dict[Any, Any] = {}
        while not self.take(end):
            key = self.value(levels - 1)
            if self.take("=>"):
                found[key] = self.value(levels - 1)
            else:
                found[len(found)] = key
            if not self.take(","):
                self.want(end)
                break
        return list(found.values()) if list(found) == list(range(len(found))) and found else found

    def _skip(self) -> None:
        if match := _BLANK.match(self._text, self._at):
            self._at = match.end()
