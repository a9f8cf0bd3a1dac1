"""What a process remembers is one object that is passed: no module keeps anything in a global."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest

import aegir_components
from tests.parsed import nodes, parsed

ROOT = Path(aegir_components.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))
KEPT: Final = {
    "process.py: _current": "the one reference to what the process remembers; see `current` there",
    "inputs/props.py: _known": "a memo: the fields of a class are the same as long as the class is there",
    "backups/memory.py: HUB": "a semaphore: what is taken at present, and nothing of before",
    "testing/registering.py: _providers": "a memo of a double: how a provider's class is pickled",
    "testing/database.py: _STATEMENTS": "a table of a double, which decorators fill while the module is executed",
}
"""Module and name of globals that functions write to, with the reason why each of them may."""
ENTRANCES: Final = {
    "providers/lifecycle.py": "each call of Pulumi to a provider enters there",
    "remote/multiplex.py": "a connection is a value of inputs, and each command opens it by itself",
    "mysql/client.py": "likewise, for database servers",
    "messages/telling.py": "a warning that is given once, wherever it comes up",
}
"""Modules that take the object of the process from its one place, with the reason; they hand it on to all others."""
CONTAINERS: Final = {"dict", "list", "set", "defaultdict", "deque", "OrderedDict", "Counter", "WeakKeyDictionary"}
CHANGING: Final = {
    "add", "append", "appendleft", "clear", "discard", "extend", "insert", "pop", "popitem", "popleft", "remove",
    "setdefault", "sort", "update",
}  # fmt: skip
"""Methods that change a container."""


def called(value: ast.expr | None) -> str:
    """Name the class or function that a value is made by."""
    function = value.func if isinstance(value, ast.Call) else None
    return (
        function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""
    )


def globals_of(path: Path) -> Iterator[tuple[str, ast.expr]]:
    """Give the names that a module assigns, each with its value."""
    for node in parsed(path).body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            yield node.target.id, node.value
        elif isinstance(node, ast.Assign):
            yield from ((each.id, node.value) for each in node.targets if isinstance(each, ast.Name))


def is_container(value: ast.expr) -> bool:
    made = (ast.Dict, ast.List, ast.Set, ast.DictComp, ast.ListComp, ast.SetComp)
    return isinstance(value, made) or called(value) in CONTAINERS


def local(function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> set[str]:
    """Name what a function has under its own names."""
    given = function.args
    listed = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
    stored = {node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return {each.arg for each in listed if each} | stored


def changed_in(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.expr]:
    """Give what a function changes in place."""
    for node in ast.walk(function):
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
            yield node.value
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGING:
            yield node.func.value
        elif isinstance(node, ast.AugAssign):
            yield node.target


def written(path: Path) -> set[str]:
    """Name the globals that functions of a module write to: its own as a name, those of others as ``module.name``."""
    modules = {
        name.asname or name.name
        for node in nodes(path)
        if isinstance(node, ast.ImportFrom) and ("aegir_components" in (node.module or "") or node.level)
        for name in node.names
    }
    found = {name for node in nodes(path) if isinstance(node, ast.Global) for name in node.names}
    for function in nodes(path):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        own = local(function)
        for thing in changed_in(function):
            if isinstance(thing, ast.Name) and thing.id not in own:
                found.add(thing.id)
            elif isinstance(thing, ast.Attribute) and isinstance(thing.value, ast.Name) and thing.value.id in modules:
                found |= set() if thing.value.id in own else {f"{thing.value.id}.{thing.attr}"}
    return found


@cache
def keeping_classes() -> frozenset[str]:
    """Name the classes of the package whose instances change: dataclasses that are not frozen, and what assigns to ``self``."""
    return frozenset(
        node.name
        for path in MODULES
        for node in nodes(path)
        if isinstance(node, ast.ClassDef) and (is_open_dataclass(node) or assigns_to_itself(node))
    )


def is_open_dataclass(thing: ast.ClassDef) -> bool:
    for decorator in thing.decorator_list:
        if called(decorator) == "dataclass" or (isinstance(decorator, ast.Name) and decorator.id == "dataclass"):
            given = decorator.keywords if isinstance(decorator, ast.Call) else []
            return not any(each.arg == "frozen" for each in given)
    return False


def assigns_to_itself(thing: ast.ClassDef) -> bool:
    for method in thing.body:
        if isinstance(method, ast.FunctionDef) and method.name not in {"__init__", "__new__"}:
            for node in ast.walk(method):
                if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                    return isinstance(node.value, ast.Name) and node.value.id == "self"
    return False


def kept(path: Path) -> set[str]:
    """Name the globals of a module that remember something."""
    names = written(path)
    found = {name for name in names if "." in name}
    for name, value in globals_of(path):
        if (name in names and (is_container(value) or global_statement(path, name))) or called(
            value
        ) in keeping_classes():
            found.add(name)
    return found


def global_statement(path: Path, name: str) -> bool:
    return any(isinstance(node, ast.Global) and name in node.names for node in nodes(path))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_remembers_nothing(path: Path) -> None:
    here = str(path.relative_to(ROOT))
    assert {name for name in kept(path) if f"{here}: {name}" not in KEPT} == set()


def test_what_may_remember_something_is_there() -> None:
    found = {f"{path.relative_to(ROOT)}: {name}" for path in MODULES for name in kept(path)}
    assert KEPT.keys() <= found


def test_few_modules_take_the_object_of_the_process_from_its_place() -> None:
    found = {
        str(path.relative_to(ROOT))
        for path in MODULES
        for node in nodes(path)
        if isinstance(node, ast.Attribute)
        and (node.attr, node.value.id if isinstance(node.value, ast.Name) else "") == ("current", "process")
    }
    assert ENTRANCES.keys() == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("known = {}\n\ndef note(name):\n    known[name] = 1\n", {"known"}),
        ("known: set[str] = set()\n\ndef note(name):\n    known.add(name)\n", {"known"}),
        ("known = []\n\ndef note(name):\n    del known[0]\n", {"known"}),
        ("known = None\n\ndef note(name):\n    global known\n    known = name\n", {"known"}),
        ("from . import other\n\ndef note(name):\n    other.known.add(name)\n", {"other.known"}),
        ("run = Process()\n", {"run"}),
        ("known = {}\n\ndef read(name):\n    return known[name]\n", set()),
        ("known = {}\n\ndef own(name):\n    known = {}\n    known[name] = 1\n    return known\n", set()),
    ],
)
def test_what_a_module_remembers_is_found(text: str, found: set[str], tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(text)
    assert found == kept(path)
