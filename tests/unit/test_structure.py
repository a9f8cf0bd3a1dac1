"""What holds for every file: imports go one way, modules stay short, no shell reads our words, names have docstrings."""

from __future__ import annotations

import ast
import graphlib
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Final

import pytest

import aegir_components
from aegir_components import settings, testing
from tests.parsed import nodes, parsed

ROOT = Path(aegir_components.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))
LAB = sorted(path for room in ("demo", "lab") for path in (ROOT.parent / room).rglob("*.py"))
SHELL = sorted(ROOT.rglob("*.sh"))
ids = [str(path.relative_to(ROOT)) for path in MODULES]
LONGEST = 400
INTEGRATION = Path(__file__).parents[1] / "integration"

LAYERS: Final = (
    {"layout"},
    {"process"},
    {"messages"},
    {"settings"},
    {"hub", "remote"},
    {"scripts"},
    {"certificates"},
    {"mysql"},
    {"inputs"},
    {"applications"},
    {"templates"},
    {"services"},
    {"health"},
    {"deploy"},
    {"archives"},
    {"sources"},
    {"advisories"},
    {"facts"},
    {"backups"},
    {"rewriting"},
    {"sanitising"},
    {"origins"},
    {"recorded"},
    {"pulumi_workarounds"},
    {"summary"},
    {"unknowns", "given"},
    {"moving", "providers", "rollout"},
    {"arguments", "components", "estate", "farm", "preview"},
    {"aegir3", "inspecting"},
    {"cli"},
    {"testing"},
)
"""Every package and module of the program, from the lowest to the highest. None imports one above it.

What is in one layer may import each other: ``test_imports_have_no_cycle`` holds for their modules.
"""
APART: Final = {
    "advisories": {"settings"},
    "applications": {"hub.files", "inputs", "mysql", "remote", "scripts", "settings"},
    "backups": {"rewriting"},
    "components": {"estate", "preview"},
    "deploy": {"settings"},
    "facts": {"settings"},
    "health": {"settings"},
    "inputs": {"settings"},
    "mysql": {"settings"},
    "preview": {"estate", "farm"},
    "providers": {"settings"},
    "services": {"settings"},
    "sources": {"archives", "deploy", "health", "mysql", "remote", "scripts", "services"},
    "templates": {"inputs", "mysql", "remote", "scripts", "settings"},
}
"""What a package does not import although it is below: it is no business of it."""
ON_PULUMI: Final = {
    "arguments", "components", "estate", "farm", "given", "moving", "preview", "providers", "recorded", "summary", "testing",
    "unknowns",
}  # fmt: skip
"""Parts that are about Pulumi."""
SPEAK_TO_PULUMI: Final = {
    "hub/records.py", "messages/telling.py", "pulumi_workarounds/cycles.py", "pulumi_workarounds/declaring.py",
    "pulumi_workarounds/failures.py", "pulumi_workarounds/program.py",
    "settings/pulumi_config.py",
}  # fmt: skip
"""Modules of other parts that import Pulumi: what they do, no other part can."""


def part(path: Path) -> str:
    """Name the layer that a module belongs to."""
    inside = path.relative_to(ROOT)
    return inside.parts[0] if len(inside.parts) > 1 else inside.stem


@cache
def imported(path: Path) -> set[str]:
    """List what a module imports when it runs, as absolute dotted names."""
    package = ["aegir_components", *path.relative_to(ROOT).parts[:-1]]
    found = set()
    unused = {
        part
        for node in nodes(path)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for part in node.body
    }
    for node in nodes(path):
        if node in unused:
            continue
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            start = ".".join([*base, *([node.module] if node.module else [])])
            found.add(start)
            found |= {f"{start}.{name.name}" for name in node.names}
    return found


def layers(path: Path) -> set[str]:
    return {name.split(".")[1] for name in imported(path) if name.startswith("aegir_components.")}


def height(layer: str) -> int:
    """Say how far up a layer is; one that is in no list fails."""
    return next(number for number, names in enumerate(LAYERS) if layer in names)


def imports_go_one_way(path: Path) -> None:
    if path.parent != ROOT or path.stem not in {"__init__", "__main__"}:
        above = {layer for layer in layers(path) if height(layer) > height(part(path))}
        assert not above, f"it imports {above}, which is above it"
        assert not (layers(path) - {part(path)}) & APART.get(part(path), set())


def what_works_without_pulumi_does_not_import_it(path: Path) -> None:
    if part(path) not in ON_PULUMI and str(path.relative_to(ROOT)) not in SPEAK_TO_PULUMI:
        assert not {name for name in imported(path) if name.split(".")[0] == "pulumi"}


def nothing_but_the_doubles_imports_the_doubles(path: Path) -> None:
    assert part(path) == "testing" or "testing" not in layers(path)


def locks_are_held_in_one_way(path: Path) -> None:
    # What is at work on the hub is known by the locks on its own files, which last as long as its process.
    assert path.stem in {"locks", "at_work"} or "fcntl" not in imported(path)


def files_are_replaced_in_one_way(path: Path) -> None:
    # A file or directory that is whole already gets another name by ``rename``; content is written by ``files``.
    for node in nodes(path) if path != ROOT / "hub/files.py" else ():
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            of_a_path = node.func.attr == "replace" and len(node.args) == 1 and not node.keywords
            assert not of_a_path, f"line {node.lineno}"
            assert dotted(node.func) not in {"os.replace", "os.rename", "shutil.move"}, f"line {node.lineno}"


def loops_wait_in_one_way(path: Path) -> None:
    # What executes modules at their first use imports nothing of the program itself.
    if path in {ROOT / "hub/wait.py", ROOT / "pulumi_workarounds" / "deferred.py"}:
        return
    for loop in nodes(path):
        if isinstance(loop, ast.While | ast.For):
            for node in ast.walk(loop):
                assert not (isinstance(node, ast.Call) and dotted(node.func) == "time.sleep"), f"line {node.lineno}"


def certificates_are_made_in_one_way(path: Path) -> None:
    assert path == ROOT / "certificates" / "building.py" or "CertificateBuilder" not in path.read_text(encoding="utf-8")


def a_module_is_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST


def dotted(function: ast.expr) -> str:
    """Return the name of a module's function as it is called; ``ast.unparse`` takes longer than all the rules."""
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        return f"{function.value.id}.{function.attr}"
    return ""


def no_program_is_started_through_a_shell(path: Path) -> None:
    for node in nodes(path):
        if isinstance(node, ast.Call):
            named = {keyword.arg: keyword.value for keyword in node.keywords}
            assert "shell" not in named, f"line {node.lineno}"
            assert dotted(node.func) not in {"os.system", "os.popen", "subprocess.getoutput"}, f"line {node.lineno}"


def every_program_has_a_time_limit(path: Path) -> None:
    for node in nodes(path):
        if isinstance(node, ast.Call) and dotted(node.func) in {"subprocess.run", "subprocess.check_output"}:
            assert "timeout" in {keyword.arg for keyword in node.keywords}, f"line {node.lineno}"


def every_public_name_has_a_docstring(path: Path) -> None:
    tree = parsed(path)
    assert ast.get_docstring(tree), "the module"
    nested = [node for thing in tree.body if isinstance(thing, ast.ClassDef) for node in thing.body]
    for node in [*tree.body, *nested]:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{node.name}, line {node.lineno}"


PLAIN = {"providers/raw.py", "providers/lifecycle.py", "providers/declared.py"}
"""Modules that handle the mappings that Pulumi hands over, of any resource."""
INPUTS = {"want", "have", "was", "had", "inputs", "props", "olds", "news", "former", "recorded", "accounts", "member"}
"""What inputs of a resource are called."""


def no_input_is_read_by_a_string(path: Path) -> None:
    """Hold that a resource's inputs are dataclasses, of which mypy sees every key."""
    if (
        part(path) not in {"deploy", "facts", "moving", "providers", "rollout", "services"}
        or str(path.relative_to(ROOT)) in PLAIN
    ):
        return
    for node in nodes(path):
        if (found := read_by_string(node)) is not None:
            assert origin(found) not in INPUTS, f"line {found.lineno}"


OUTPUTS: Final = {"installation", "configuration", "certificate", "members", "web", "database", "rollout"}
"""What the command line has of resources."""


def no_output_is_read_by_a_string(path: Path) -> None:
    """Hold that commands read the state as the same dataclasses."""
    if part(path) == "cli":
        for node in nodes(path):
            if (found := read_by_string(node)) is not None:
                assert origin(found) not in OUTPUTS, f"line {found.lineno}"


def read_by_string(node: ast.AST) -> ast.expr | None:
    """Give what is asked for a key that is written as a string: ``thing["key"]`` or ``thing.get("key")``."""
    thing, key = None, None
    if isinstance(node, ast.Subscript):
        thing, key = node.value, node.slice
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get" and node.args:
        thing, key = node.func.value, node.args[0]
    return thing if isinstance(key, ast.Constant) and isinstance(key.value, str) else None


def origin(thing: ast.expr) -> str:
    """Name the variable or attribute that a value is read from, through further keys and ``or``."""
    while True:
        if isinstance(thing, ast.BoolOp):
            thing = thing.values[0]
        elif (inner := read_by_string(thing)) is not None:
            thing = inner
        else:
            return thing.id if isinstance(thing, ast.Name) else thing.attr if isinstance(thing, ast.Attribute) else ""


RULES = (
    imports_go_one_way,
    what_works_without_pulumi_does_not_import_it,
    nothing_but_the_doubles_imports_the_doubles,
    locks_are_held_in_one_way,
    files_are_replaced_in_one_way,
    loops_wait_in_one_way,
    certificates_are_made_in_one_way,
    a_module_is_short,
    no_program_is_started_through_a_shell,
    every_program_has_a_time_limit,
    every_public_name_has_a_docstring,
    no_input_is_read_by_a_string,
    no_output_is_read_by_a_string,
)
"""What holds for every module. One test a module: pytest itself takes longer for a test than a rule does."""


@pytest.mark.parametrize("path", MODULES, ids=ids)
def test_a_module_keeps_every_rule(path: Path) -> None:
    broken = []
    for rule in RULES:
        try:
            rule(path)
        except AssertionError as why:
            broken.append(f"{rule.__name__}: {why}")
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize("path", LAB, ids=lambda path: path.name)
def test_a_module_of_the_lab_keeps_the_rules_of_what_is_there_once(path: Path) -> None:
    files_are_replaced_in_one_way(path)
    loops_wait_in_one_way(path)


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__")


def test_the_list_of_layers_has_every_part_once() -> None:
    there = {part(path) for path in MODULES} - {"__init__", "__main__"}
    listed = [name for names in LAYERS for name in names]
    assert sorted(there) == sorted(listed)
    assert not (set(APART) | ON_PULUMI) - there


def test_the_map_of_the_program_has_every_part() -> None:
    page = (ROOT.parent / "docs" / "explanation" / "design.md").read_text(encoding="utf-8")
    shown = re.findall(r"^ {6}([a-z0-9_]+)(?:/|\.py)", page, re.MULTILINE)
    order = [name for names in LAYERS for name in names]
    assert sorted(order) == sorted(shown)
    heights = [height(name) for name in shown]
    assert heights == sorted(heights, reverse=True), "imports go from top to bottom of the map"


WORKAROUNDS = sorted(
    path for path in (ROOT / "pulumi_workarounds").glob("*.py") if path.stem not in {"__init__", "startup"}
)


@pytest.mark.parametrize("path", WORKAROUNDS, ids=lambda path: path.stem)
def test_a_workaround_says_what_upstream_has_on_it_its_versions_its_switch_and_its_test(path: Path) -> None:
    said = ast.get_docstring(parsed(path)) or ""
    lines = dict(re.findall(r"^(Upstream|Versions|Switch|Test): (.+)$", said, re.MULTILINE))
    assert {"Upstream", "Versions", "Switch", "Test"} == set(lines)
    assert path.stem in (ROOT.parent / lines["Test"]).read_text(encoding="utf-8")


def test_imports_have_no_cycle() -> None:
    """Threads of one process execute modules at first use: in a cycle, two of them could wait for each other."""
    known = {module_name(path) for path in MODULES}
    graph: dict[str, set[str]] = {}
    for path in MODULES:
        package = ["aegir_components", *path.relative_to(ROOT).parts[:-1]]
        graph[module_name(path)] = found = set()
        for node in parsed(path).body:
            if isinstance(node, ast.ImportFrom):
                base = package[: len(package) - node.level + 1] if node.level else []
                start = ".".join([*base, *([node.module] if node.module else [])])
                found |= {inner if (inner := f"{start}.{name.name}") in known else start for name in node.names}
        found &= known

    graphlib.TopologicalSorter(graph).prepare()


@pytest.mark.parametrize(
    "path", [path for path in MODULES if path.name == "__init__.py"], ids=lambda path: path.parent.name
)
def test_a_package_has_no_name_of_its_own_that_one_of_its_modules_has(path: Path) -> None:
    """Before the package is executed, such a name would be the module."""
    inner = {entry.stem for entry in path.parent.iterdir()}
    own = set()
    for node in parsed(path).body:
        if isinstance(node, ast.ImportFrom) and node.module:
            own |= {name.asname or name.name for name in node.names}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            own.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            own |= {ast.unparse(target) for target in targets}

    assert set() == own & inner


@pytest.mark.parametrize("path", [path for path in MODULES if part(path) == "providers"], ids=lambda path: path.name)
def test_a_providers_module_does_nothing_when_it_is_imported(path: Path) -> None:
    for node in parsed(path).body:
        assert isinstance(
            node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign | ast.Expr
        )
        if isinstance(node, ast.Expr):
            assert isinstance(node.value, ast.Constant), f"line {node.lineno}"


@pytest.mark.parametrize("path", SHELL, ids=lambda path: path.name)
@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_shell_functions_are_posix(path: Path, shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    options = ["--posix"] if shell == "bash" else []
    done = subprocess.run([shell, *options, "-n", str(path)], capture_output=True, text=True, timeout=10, check=False)
    assert (0, "") == (done.returncode, done.stderr)


@cache
def shellchecked() -> dict[str, list[str]]:
    """List what shellcheck finds in each file; it starts once for all of them."""
    # SC2010: names of releases are ours, of hexadecimal digits.
    options = ["--shell=sh", "--severity=warning", "--exclude=SC2010", "--format=gcc"]
    command = ["shellcheck", *options, *map(str, SHELL)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    found: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        found.setdefault(line.partition(":")[0], []).append(line)
    assert bool(done.returncode) == bool(found), done.stderr
    return found


@pytest.mark.parametrize("path", SHELL, ids=lambda path: path.name)
def test_shellcheck_finds_nothing(path: Path) -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed here")
    assert not shellchecked().get(str(path))


@pytest.mark.parametrize("path", [path for path in SHELL if path.name != "prelude.sh"], ids=lambda path: path.name)
def test_a_library_of_functions_runs_nothing_by_itself(path: Path) -> None:
    done = subprocess.run(
        ["dash" if shutil.which("dash") else "sh", "-eu", str(path)], capture_output=True, timeout=10, check=False
    )
    assert (0, b"", b"") == (done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("module", [settings, testing], ids=["settings", "testing"])
def test_exported_names_are_sorted_and_there(module: object) -> None:
    names: list[str] = module.__all__  # type: ignore[attr-defined]
    assert sorted(names, key=lambda name: (name[0].islower(), name)) == names
    assert all(hasattr(module, name) for name in names)


def test_main_is_short() -> None:
    assert len((ROOT.parent / "__main__.py").read_text().splitlines()) <= 40


@pytest.mark.parametrize("path", SHELL, ids=lambda path: path.name)
def test_lists_of_names_end_where_they_end(path: Path) -> None:
    assert path.read_text().endswith("\n")
    assert "\t" not in path.read_text()


@pytest.mark.parametrize("path", sorted(INTEGRATION.glob("test_*.py")), ids=lambda path: path.name)
def test_no_fast_test_is_among_the_tests_on_hosts_where_make_unit_does_not_collect(path: Path) -> None:
    marks = re.findall(r"^pytestmark\b[^=]*=(.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert 1 == len(marks)
    assert {"pytest.mark.lab", "pytest.mark.slow"} & set(re.findall(r"pytest\.mark\.[a-z]+", marks[0]))
