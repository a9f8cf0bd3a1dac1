"""The prototype of a plugin (decision 26): what a dynamic provider has made changes over, and a farm is one component."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.farm import PASSPHRASE, ROOT

pytestmark = pytest.mark.slow

PROGRAM = """
import pulumi
from aegir_components.providers.environment import Environment, EnvironmentInputs

how = pulumi.Config("test").require("how")
if how == "dynamic":
    Environment(EnvironmentInputs(environment="testing"))
elif how == "plugin":
    former = pulumi.Alias(type_="pulumi-python:dynamic/aegir:Environment")
    environment = pulumi.Config("test").get("environment") or "testing"
    opts = pulumi.ResourceOptions(aliases=[former])
    pulumi.CustomResource("aegir:index:Environment", "environment", {"environment": environment}, opts)
else:
    pulumi.ComponentResource("aegir:index:Farm", "farm", {}, None, remote=True)
"""
SERVER = {
    "address": "192.0.2.2",
    "ssh": {"host_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1Bq7Zb0xkz2H0n0mDq3h9cV0m5cUe4X7o6k1n2p3q4"},
}
"""No such machine is there: a preview asks none."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose plugin is the prototype."""
    directory = tmp_path / "project"
    directory.mkdir()
    (tmp_path / "state").mkdir()
    (directory / "__main__.py").write_text(PROGRAM)
    plugin = {"name": "aegir", "path": str(ROOT / "examples" / "plugin")}
    (directory / "Pulumi.yaml").write_text(
        yaml.safe_dump({"name": "aegir", "runtime": "python", "plugins": {"providers": [plugin]}})
    )
    _pulumi(directory, "stack", "init", "test")
    return directory


def test_what_a_dynamic_provider_made_is_the_plugins_by_an_alias(project: Path) -> None:
    """No state is lost: the engine sees no change, and the plugin refuses what the dynamic provider refused."""
    made = _pulumi(project, "up", "--yes", "--skip-preview", "--config", "test:how=dynamic")
    assert "2 created" in made
    over = _pulumi(project, "up", "--yes", "--skip-preview", "--config", "test:how=plugin")
    assert "2 unchanged" in over
    kinds = [each["type"] for each in json.loads(_pulumi(project, "stack", "export"))["deployment"]["resources"]]
    assert "aegir:index:Environment" in kinds
    assert "pulumi-python:dynamic/aegir:Environment" not in kinds
    refused = _pulumi(project, "preview", "--config", "test:environment=production", ok=False)
    assert "this stack is testing, and the stack file says production" in " ".join(refused.split())
    imported = _pulumi(project, "import", "aegir:index:Environment", "second", "id", "--yes", ok=False)
    assert "a declared resource adopts what is there" in " ".join(imported.split())


def test_a_stack_file_is_one_component(project: Path) -> None:
    """The farm is declared in the plugin's process, and a wrong setting is named as ever."""
    settings: dict[str, Any] = {
        "aegir:environment": "testing",
        "aegir:hub": {"address": "192.0.2.1", "root": str(project.parent / "hub")},
        "aegir:servers": {"db1": {**SERVER, "services": {"database": "mysql"}}},
        "test:how": "component",
    }
    file = project / "Pulumi.test.yaml"
    before = yaml.safe_load(file.read_text())
    file.write_text(yaml.safe_dump({**before, "config": settings}))
    said = _pulumi(project, "preview")
    assert "aegir:index:Farm farm create" in said
    for kind in ("Environment", "Machine", "Credentials", "DatabaseService"):
        assert f"pulumi-python:dynamic/aegir:{kind} " in said
    settings["aegir:servers"]["db1"]["adress"] = "192.0.2.3"
    file.write_text(yaml.safe_dump({**before, "config": settings}))
    assert 'aegir:servers["db1"].adress' in _pulumi(project, "preview", ok=False)


def _pulumi(directory: Path, *words: str, ok: bool = True) -> str:
    environment = {
        **os.environ,
        "PULUMI_BACKEND_URL": f"file://{directory.parent / 'state'}?metadata=skip",
        "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
        "PULUMI_STACK": "" if "init" in words else "test",
        "PYTHONPATH": str(ROOT),
    }
    if not environment["PULUMI_STACK"]:
        del environment["PULUMI_STACK"]
    done = subprocess.run(
        ["pulumi", *words, "--non-interactive", "--color", "never"], cwd=directory, env=environment, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, check=False,
    )  # fmt: skip
    assert (done.returncode == 0) is ok, done.stdout
    return done.stdout
