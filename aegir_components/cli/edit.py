"""Changes in a stack file: the characters of a value and no others, so that comments, order and form stay as a person wrote them.

The places come from the YAML parser's own marks. The result is read again and must say what it said before, with the
changes made; otherwise nothing is given out. (A parser that writes the whole file would also bring lists and mappings
into its own form.)
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import yaml

from aegir_components.messages import AegirError, numbered

Path = Sequence[str | int]
Value = str | bool | Mapping[str, Any]

MISSING: Final = object()
RESERVED: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off"})
"""Words that are no text in YAML; nor is y, so that a single letter is quoted as well."""


class EditError(AegirError, ValueError):
    """The text has a form in which the place cannot be changed by itself; says which."""


class StackText:
    """The text of a stack file, with changes."""

    def __init__(self, text: str) -> None:
        """Read it.

        Raises:
            EditError: it is no YAML, or no mapping.
        """
        self.text = text
        self._data = self._read()

    def get(self, path: Path) -> Any:
        """Give what the text says at a place; ``MISSING`` when it says nothing."""
        found = self._data
        for step in path:
            inside = isinstance(found, Mapping) if isinstance(step, str) else isinstance(found, list)
            if not inside or (step not in found if isinstance(step, str) else step >= len(found)):
                return MISSING
            found = found[step]
        return found

    def set(self, path: Path, value: Value, *, after: str = "") -> None:
        """Give a place another value; a key that is not there comes after the key ``after``, or last."""
        if self.get(path) == value:
            return
        wanted = _copied(self._data)
        _place(wanted, path)[path[-1]] = _copied(value)
        parent = self._node(path[:-1])
        if not isinstance(parent, yaml.MappingNode) or not isinstance(path[-1], str):
            raise EditError(numbered(9060, f"{_shown(path)}: no mapping is there that a key can be written into"))
        entry = _entry(parent, path[-1])
        text = _rendered(value)
        if entry is not None:
            start, end = entry[1].start_mark.index, _end(entry[1])
            space = "" if start < end or self.text[start - 1 : start].isspace() else " "
            self._replace(start, end, space + text)
        else:
            self._insert(parent, f"{_key(path[-1])}: {text}", after)
        self._accept(wanted, path)

    def drop(self, path: Path) -> None:
        """Take a key out; nothing happens where it is not."""
        if self.get(path) is MISSING:
            return
        wanted = _copied(self._data)
        del _place(wanted, path)[path[-1]]
        parent = self._node(path[:-1])
        if not isinstance(parent, yaml.MappingNode) or len(parent.value) < 2:
            raise EditError(numbered(9060, f"{_shown(path)}: it cannot be taken out by itself"))
        index = next(at for at, (key, _) in enumerate(parent.value) if key.value == path[-1])
        key, value = parent.value[index]
        start, end = key.start_mark.index, _end(value)
        last = index + 1 == len(parent.value)
        if parent.flow_style:
            start, end = (_end(parent.value[index - 1][1]), end) if last else (start, _start(parent, index + 1))
        elif self.text[self.text.rfind("\n", 0, start) + 1 : start].strip():
            # The first key of a list's entry, on the line of the dash.
            end = _start(parent, index + 1)
        else:
            start, end = self.text.rfind("\n", 0, start) + 1, self._line_end(end) + 1
        self._replace(start, end, "")
        self._accept(wanted, path)

    def _node(self, path: Path) -> yaml.Node | None:
        node = yaml.compose(self.text, Loader=yaml.SafeLoader)
        for step in path:
            if isinstance(node, yaml.MappingNode) and isinstance(step, str):
                entry = _entry(node, step)
                node = entry[1] if entry else None
            elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
                node = node.value[step]
            else:
                return None
        return node

    def _insert(self, parent: yaml.MappingNode, line: str, after: str) -> None:
        if not parent.value:
            self._replace(parent.start_mark.index, parent.end_mark.index, f"{{{line}}}")
            return
        known = next((value for key, value in parent.value if key.value == after), parent.value[-1][1])
        at = _end(known)
        if parent.flow_style:
            self._replace(at, at, f", {line}")
            return
        at = self._line_end(at)
        self._replace(at, at, f"\n{' ' * parent.value[0][0].start_mark.column}{line}")

    def _line_end(self, at: int) -> int:
        found = self.text.find("\n", at)
        return len(self.text) if found < 0 else found

    def _replace(self, start: int, end: int, text: str) -> None:
        self.text = self.text[:start] + text + self.text[end:]

    def _accept(self, wanted: Any, path: Path) -> None:
        try:
            self._data = self._read()
        except EditError as fault:
            raise EditError(f"{_shown(path)}: {fault}") from None
        if self._data != wanted:
            raise EditError(
                numbered(
                    9060,
                    f"{_shown(path)}: it is written in a form (an anchor, say) that a change of it would change elsewhere",
                )
            )

    def _read(self) -> Any:
        try:
            data = yaml.safe_load(self.text)
        except yaml.YAMLError as fault:
            raise EditError(numbered(9060, f"no YAML: {' '.join(str(fault).split())}")) from None
        if not isinstance(data, dict):
            raise EditError(numbered(9060, "no mapping"))
        return data


def _entry(node: yaml.MappingNode, name: str) -> tuple[yaml.Node, yaml.Node] | None:
    return next(((key, value) for key, value in node.value if key.value == name), None)


def _start(parent: yaml.MappingNode, index: int) -> int:
    return int(parent.value[index][0].start_mark.index)


def _end(node: yaml.Node) -> int:
    """Find the end of a node's own text: a block's mark lies behind the comments that follow it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last)
    return int(node.end_mark.index)


def _place(data: Any, path: Path) -> Any:
    for step in path[:-1]:
        data = data[step]
    return data


def _copied(data: Any) -> Any:
    """Copy it so that what the text says once and names twice is two things."""
    if isinstance(data, Mapping):
        return {key: _copied(value) for key, value in data.items()}
    return [_copied(value) for value in data] if isinstance(data, list) else data


def _key(name: str) -> str:
    return name if re.fullmatch(r"[a-z_][a-z0-9_.:-]*[a-z0-9_]", name) and name not in RESERVED else _quoted(name)


def _rendered(value: Value) -> str:
    """Write a value on one line; texts in quotes, for a commit of digits only is no number."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{_key(key)}: {_rendered(inner)}' for key, inner in value.items())}}}"
    return str(value).lower() if isinstance(value, bool) else _quoted(value)


def _quoted(text: str) -> str:
    return str(yaml.safe_dump(text, default_style='"', width=len(text) * 10 + 100, allow_unicode=True)).rstrip("\n")


def _shown(path: Path) -> str:
    """Write a place as messages about the stack file do."""
    steps = [
        f"[{step}]" if isinstance(step, int) else f'["{step}"]' if "." in step else f".{step}" for step in path[1:]
    ]
    return "".join(steps).removeprefix(".")
