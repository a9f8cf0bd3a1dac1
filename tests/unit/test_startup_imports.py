"""What a process loads before it does anything: users wait for it at each command.

Where a test names a module that is loaded now as well, see ``tests/provider/test_executed.py`` for what helps.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Final

from aegir_components.pulumi_workarounds import startup

HEAVY: Final = {"acme", "cryptography.x509", "grpc", "jinja2", "opentelemetry", "pulumi", "pymysql", "ssl", "yaml"}
FEW: Final = {
    "cli", "cli.commands", "cli.ends", "cli.main", "remote", "remote.errors", "messages", "messages.printable",
    "pulumi_workarounds",
    "pulumi_workarounds.startup", "sources", "sources.faults",
}  # fmt: skip
"""Our own modules that the list of commands may import."""
WITH_PULUMI: Final = {"check": "it asks the providers themselves"}
"""Commands whose modules execute Pulumi's SDK."""
UNUSED: Final = ("cli", "inspecting", "rewriting", "sanitising", "snapshots", "testing")
"""Parts of our own that a program of an ordinary stack does not execute."""
BEGIN: Final = """
import json, os, sys
from aegir_components.pulumi_workarounds import deferred, startup
startup.begin([sys.executable, *{words!r}])
def loaded(): return sorted(name for name, module in list(sys.modules.items()) if deferred.executed(module))
"""
EACH: Final = """
import io
from contextlib import redirect_stdout
from aegir_components.cli import main
for name in main.COMMANDS:
    reading, writing = os.pipe()
    if not os.fork():
        with redirect_stdout(io.StringIO()): main.aegir([name, "--help"], standalone_mode=False, prog_name="aegir")
        with open(writing, "w") as stream: json.dump(loaded(), stream)
        os._exit(0)
    os.close(writing)
    with open(reading) as stream: print(json.dumps([name, json.load(stream)]))
    os.wait()
"""


def python(text: str) -> list[str]:
    """Run a program in a process of its own; give the lines that it prints."""
    done = subprocess.run(
        [sys.executable, "-c", text], env={**os.environ, startup.PLAIN: "", "TRACEPARENT": ""},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def ours(names: list[str]) -> set[str]:
    return {name.removeprefix("aegir_components.") for name in names if name.startswith("aegir_components.")}


def test_the_list_of_commands_imports_no_command_even_where_nothing_is_deferred() -> None:
    text = (
        "import json, sys; from aegir_components.cli import main\n"
        "main.aegir(['--help'], standalone_mode=False); print(json.dumps(sorted(sys.modules)))"
    )
    found = json.loads(python(text)[-1])

    assert set() == HEAVY & set(found)
    assert set() == ours(found) - FEW


def test_a_command_is_offered_after_tab_without_its_module() -> None:
    text = (
        "import json, os, sys; from aegir_components.cli import main\n"
        "os.environ |= {'COMP_WORDS': 'aegir pro', 'COMP_CWORD': '1', '_AEGIR_COMPLETE': 'bash_complete'}\n"
        "try: main.aegir.main([], prog_name='aegir', complete_var='_AEGIR_COMPLETE')\n"
        "except SystemExit: print(json.dumps(sorted(sys.modules)))"
    )
    *offered, last = python(text)

    assert ["plain,promote"] == offered
    assert set() == ours(json.loads(last)) - FEW


def test_no_commands_module_executes_pulumi_or_another_large_library() -> None:
    rows = dict(json.loads(line) for line in python(BEGIN.format(words=["-m", "aegir_components"]) + EACH))
    heavy = {name: sorted(HEAVY & set(found)) for name, found in rows.items() if HEAVY & set(found)}

    assert len(rows) > 30
    assert WITH_PULUMI.keys() == heavy.keys(), heavy
    assert [["grpc", "pulumi"]] == list(heavy.values())


def test_the_program_executes_no_large_library_but_pulumis_own_and_no_commands() -> None:
    text = (
        "from aegir_components import farm; from aegir_components.estate import wiring; "
        "wiring.build, farm.Farm; print(json.dumps(loaded()))"
    )
    found = json.loads(python(BEGIN.format(words=["/engine/pulumi-language-python-exec"]) + text)[-1])

    assert HEAVY & set(found) == {"grpc", "pulumi"}
    assert [] == sorted(name for name in ours(found) if name.partition(".")[0] in UNUSED)


def test_an_error_of_the_command_line_itself_executes_no_settings() -> None:
    text = (
        "import click\nfrom aegir_components.cli import main\n"
        "try: main.aegir(['status', '--nonsense'], standalone_mode=False)\n"
        "except click.UsageError: print(json.dumps(loaded()))"
    )
    found = json.loads(python(BEGIN.format(words=["-m", "aegir_components"]) + text)[-1])

    assert "cli.status" in ours(found)
    assert "settings.model" not in ours(found)
