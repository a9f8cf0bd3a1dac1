"""Shell functions that take their arguments by name: what Python declares is what the shell reads, whatever a value holds."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aegir_components.deploy import arrival_operations, release_operations
from aegir_components.scripts import named
from aegir_components.scripts.libraries import functions
from aegir_components.services import nfs_operations

if TYPE_CHECKING:
    from .conftest import Shell
else:
    Shell = Any

LIBRARIES = {"arrival": arrival_operations, "nfs": nfs_operations, "release": release_operations}
_TAKES = re.compile(r"""^([a-z_]+)\(\) [{(] # by name: .*\n    takes [a-z]+_ ([a-z_ ]+) -- "\$@"$""", re.MULTILINE)
_FUNCTION = re.compile(r"^([a-z_]+)\(\) [{(](?:.*\n)(?:.*\n)*?[})]$", re.MULTILINE)
INTERNAL = {"release_faults"}
"""Functions that only other shell functions call."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Put(named.Operation):
    function: ClassVar[str] = "put"
    path: str | named.Word
    other: str = ""


PUT = 'put() { takes pt_ path other -- "$@"; fact path "$pt_path"; fact other "[$pt_other]"; }'


@pytest.mark.parametrize(("library", "module"), LIBRARIES.items(), ids=list(LIBRARIES))
def test_each_function_that_python_calls_by_name_is_there_and_knows_these_names(
    library: str, module: ModuleType
) -> None:
    taken = {
        function: names.split() for function, names in _TAKES.findall(functions(library)) if function not in INTERNAL
    }

    assert taken == {function: named.names(operation) for function, operation in named.declared(module).items()}


@pytest.mark.parametrize("library", LIBRARIES)
def test_no_function_has_more_than_two_arguments_by_position(library: str) -> None:
    found = {match[1]: match[0] for match in _FUNCTION.finditer(functions(library))}
    by_name = {function for function, _ in _TAKES.findall(functions(library))}

    # Programs in single quotes have arguments of their own.
    many = {name for name, text in found.items() if re.search(r"\$\{?[3-9]", re.sub(r"'[^']*'", "", text))}
    assert len(found) == len(re.findall(r"^[a-z_]+\(\)", functions(library), re.MULTILINE)) - _one_liners(library)
    assert set() == many - by_name


def _one_liners(library: str) -> int:
    return len(re.findall(r"^[a-z_]+\(\) \{.*\}$", functions(library), re.MULTILINE))


def test_a_wrong_or_missing_name_is_an_error_when_the_script_is_built() -> None:
    with pytest.raises(TypeError, match="publish_path"):
        release_operations.WantPublishable(registry="/r", holder="me", releases="/s")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="pth"):
        nfs_operations.WantMarked(pth="/srv", pack="farm")  # type: ignore[call-arg]


def test_a_name_that_the_function_does_not_know_stops_the_script(shell: Shell) -> None:
    for words in ("pth=/srv", "/srv", "path", "'path other=x'", "'a;touch x=1'"):
        ran = shell.apply(PUT, f"put {words}", "fact over yes")
        assert 2 == ran.status
        assert "over" not in ran.report.facts
        assert "takes path other " in ran.stderr


def test_an_argument_that_a_call_leaves_out_is_empty_also_after_a_call_that_gave_it(shell: Shell) -> None:
    ran = shell.apply(PUT, Put(path="/a", other="b").line, Put(path="/c").line)

    assert {"path": "/c", "other": "[]"} == ran.report.facts


def test_a_word_that_the_machine_expands_is_one_argument(shell: Shell) -> None:
    ran = shell.apply(PUT, "there='/a b'", Put(path=named.Word('"$there"/c')).line)

    assert "/a b/c" == ran.report.facts["path"]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.binary(min_size=1, max_size=40).filter(lambda value: b"\0" not in value))
def test_a_value_may_have_any_byte(value: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    if shutil.which("dash") is None:
        pytest.skip("dash is not installed")
    line = Put(path=value.decode(errors="surrogateescape"), other="x").line
    text = (
        f'{named.reader()}\nput() {{ takes pt_ path other -- "$@"; printf \'%s|\' "$pt_path" "$pt_other"; }}\n{line}\n'
    )
    place: Path = tmp_path_factory.mktemp("bytes") / "script"
    place.write_bytes(text.encode(errors="surrogateescape"))
    done = subprocess.run(["dash", str(place)], capture_output=True, timeout=10, check=False)

    assert (0, value + b"|x|", b"") == (done.returncode, done.stdout, done.stderr)
