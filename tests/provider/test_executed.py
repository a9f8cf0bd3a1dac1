"""What is executed of our own modules where a command has little to do: each module costs every such command its time.

Where a test names a module that is executed now as well, ``from package.module import name`` has executed it. The edge becomes
``from package import module``, or the name goes into a small module of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

from aegir_components.pulumi_workarounds import startup
from tests.provider.test_recorded_state import FIXTURES, KINDS

EXECUTED = (
    "print(*sorted(name.removeprefix('aegir_components.') for name, module in sys.modules.items() "
    "if name.startswith('aegir_components.') and deferred.executed(module) "
    "and not name.startswith('aegir_components.pulumi_workarounds')))"
)
PROVIDER = {
    "certificates", "certificates.faults", "certificates.given", "certificates.pem", "remote.connection", "remote.errors",
    "remote.parallel", "remote.together", "hub.records",
    "inputs", "inputs.certificate",
    "inputs.database", "inputs.members", "inputs.platform", "inputs.props", "inputs.site", "inputs.web_service",
    "messages", "moving.decision", "messages.printable", "providers.access",
    "process", "providers.activation", "providers.authority", "providers.certificate", "providers.credentials",
    "providers.database", "providers.declared", "providers.environment", "providers.installation",
    "providers.lifecycle", "providers.machine", "providers.names", "providers.placement", "providers.raw", "providers.release",
    "providers.site_config", "providers.site_database", "providers.site_places", "providers.switching",
    "providers.warned", "providers.web_service", "scripts.libraries", "inputs.limits", "inputs.quotas", "deploy.release",
}  # fmt: skip
"""What a provider may execute to find that nothing has changed."""
COMMAND_LINE = {
    "cli.commands", "cli.completion", "cli.ends", "cli.main", "remote.errors", "messages", "messages.printable", "sources.faults",
}  # fmt: skip
"""What the operator's command line may execute before it executes a command's own module."""


def executed(text: str, *words: str) -> set[str]:
    """Run a program in a process that is prepared as one that starts with these words; give what was executed of ours."""
    argv = [sys.executable, *words]
    begin = f"import sys; from aegir_components.pulumi_workarounds import deferred, startup; startup.begin({argv!r})"
    done = subprocess.run(
        [sys.executable, "-c", f"{begin}\n{text}\n{EXECUTED}"],
        env={**os.environ, startup.PLAIN: "", "TRACEPARENT": ""}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split())


def test_a_provider_with_nothing_to_do_executes_its_own_modules_and_little_else() -> None:
    rows = [
        (KINDS[row["type"]], row["id"], row["inputs"], row["outputs"])
        for path in sorted(FIXTURES.glob("*.json"))
        for row in json.loads(path.read_text(encoding="utf-8"))
    ]
    text = (
        "import importlib, json, pulumi.dynamic\n"
        f"for kind, id, inputs, outputs in json.loads({json.dumps(rows)!r}):\n"
        "    provider = importlib.import_module(f'aegir_components.providers.{kind}').Provider()\n"
        "    assert not provider.check(inputs, inputs).failures\n"
        "    assert not provider.diff(id, outputs, inputs).changes\n"
    )

    assert set() == executed(text, "-m", "pulumi.dynamic") - PROVIDER


def test_the_program_executes_nothing_for_packs_backups_and_origins_that_nobody_declares() -> None:
    text = (
        "from aegir_components.archives import names; from aegir_components.estate import wiring; "
        "from aegir_components.preview import beginnings; wiring.build, beginnings.read, names.newest"
    )
    found = executed(text, "/engine/pulumi-language-python-exec")

    unused = ("components.pack", "providers.pack", "backups.", "origins.", "certificates", "moving.site", "rollout.")
    assert [] == sorted(name for name in found if name.startswith(unused))
    assert len(found) <= 87, sorted(found)


def test_the_command_line_executes_the_module_of_the_command_that_is_asked_for() -> None:
    text = "from aegir_components.cli import main; main.aegir([{!r}, {!r}], standalone_mode=False)"
    found = executed(text.format("completion", "bash"), "-m", "aegir_components")
    status = executed(
        text.format("status", "--help") + "\nassert 'pulumi' not in sys.modules", "-m", "aegir_components"
    )

    assert set() == found - COMMAND_LINE
    assert {name for name in status if name.startswith("cli.")} <= COMMAND_LINE | {
        "cli.live", "cli.made", "cli.options", "cli.outputs", "cli.state", "cli.status", "cli.timers", "cli.stack", "cli.engine"
    }  # fmt: skip
