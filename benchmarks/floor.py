"""Pulumi's own time for a stack: the same components and resources with the same inputs, and providers that do nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

from tests.integration.farm import PASSPHRASE, ROOT, Config

ENVELOPE: Final = "4dabf18193072939515e22adb298388d"
"""Pulumi's mark of a value that is not plain (``sdk/go/common/resource/sig``)."""
PROGRAM = """
import asyncio, json, os
import pulumi
from aegir_components import declaring
from benchmarks.nothing import Group, Nothing

async def program():
    made = {}
    for entry in json.loads(open(os.environ["AEGIR_FLOOR"]).read()):
        values = {**entry["plain"], **{key: pulumi.Output.secret(value) for key, value in entry["secret"].items()}}
        after = [made[urn] for urn in entry["dependencies"]]
        opts = pulumi.ResourceOptions(parent=made.get(entry["parent"]), depends_on=after)
        kind, name = entry["component"], entry["name"]
        made[entry["urn"]] = Group(kind, name, values, opts) if kind else Nothing(name, values, opts)
        await asyncio.sleep(0)

declaring.say_less()
pulumi.run(program)
"""


class Floor:
    """A stack of nothing, in a directory of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "state").mkdir(parents=True)
        (directory / "__main__.py").write_text(PROGRAM)
        options = json.dumps({"toolchain": "pip", "virtualenv": str(Path(sys.prefix))})
        (directory / "Pulumi.yaml").write_text(f"name: floor\nruntime: {{name: python, options: {options}}}\n")
        self._pulumi("stack", "init", "floor")

    def up(self, resources: list[Config]) -> float:
        """Give the seconds of an `up` to these resources, as a state exported with secrets in clear has them."""
        (self.directory / "resources.json").write_text(json.dumps(_declared(resources)))
        begun = time.perf_counter()
        self._pulumi("up", "--yes", "--skip-preview", "--stack", "floor")
        return time.perf_counter() - begun

    def _pulumi(self, *words: str) -> None:
        program = shutil.which("pulumi")
        assert program, "run it through tools/env"
        environment = {
            **os.environ,
            "PULUMI_BACKEND_URL": f"file://{self.directory / 'state'}?metadata=skip",
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            "PYTHONPATH": str(ROOT),
            "AEGIR_FLOOR": str(self.directory / "resources.json"),
        }
        environment.pop("PULUMI_CONFIG_PASSPHRASE_FILE", None)
        argv = [program, *words, "--non-interactive", "--color", "never"]
        done = subprocess.run(argv, cwd=self.directory, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def _declared(resources: list[Config]) -> list[Config]:
    """List what is declared: of a resource its inputs, plain and secret ones, and of a component its outputs."""
    found: list[Config] = []
    for entry in resources:
        kind = entry["type"].rpartition(":")[2]
        if entry["type"].startswith("pulumi:"):
            continue
        component = not entry.get("custom")
        plain: Config = {}
        secret: Config = {}
        for key, value in entry.get("outputs" if component else "inputs", {}).items():
            if key.startswith("__") or key in ("drift", "revision"):
                continue
            if isinstance(value, dict) and ENVELOPE in value:
                secret[key] = json.loads(value["plaintext"])
            else:
                plain[key] = _opened(value)
        found.append({
            "urn": entry["urn"], "component": kind if component else "", "name": f"{kind}-{entry['urn'].rpartition('::')[2]}",
            "parent": entry.get("parent", ""), "dependencies": entry.get("dependencies", []), "plain": plain, "secret": secret,
        })  # fmt: skip
    return found


def _opened(value: Any) -> Any:
    """Take secrets inside of a value out of their envelope."""
    if isinstance(value, dict):
        if ENVELOPE in value:
            return json.loads(value["plaintext"])
        return {key: _opened(item) for key, item in value.items()}
    return [_opened(item) for item in value] if isinstance(value, list) else value
