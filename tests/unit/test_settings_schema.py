"""The schema of the stack file takes what the readers take, and rejects what they reject by its form."""

from __future__ import annotations

import functools
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from click.testing import CliRunner

from aegir_components.cli.main import aegir
from aegir_components.settings import schema, schema_words
from tests.matrix.rows import ROWS

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])


@functools.cache
def made() -> dict[str, Any]:
    """Return what ``aegir schema`` prints; made once, because that takes a second."""
    done = CliRunner().invoke(aegir, ["schema"], catch_exceptions=False)
    assert 0 == done.exit_code
    printed: dict[str, Any] = json.loads(done.stdout)
    return printed


def faults(document: Any) -> list[str]:
    found = jsonschema.Draft202012Validator(made()).iter_errors(document)
    return [f"{fault.json_path}: {fault.message}" for fault in found]


def below(path: str) -> list[dict[str, Any]]:
    """List the schemas that the value at a general path may fit."""
    first, *parts = path.split(".")
    found = [made()["properties"]["config"]["properties"][f"aegir:{first}"]]
    for part in parts:
        forms = [form for each in found for form in each.get("anyOf", [each])]
        if part == "*":
            every = [form.get(key) for form in forms for key in ("additionalProperties", "items")]
            found = [each for each in every if isinstance(each, dict)]
        else:
            found = [form["properties"][part] for form in forms if part in form.get("properties", {})]
    return found


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(made())


@pytest.mark.parametrize("file", sorted((ROOT / "stacks").glob("Pulumi.*.yaml")), ids=lambda file: file.name)
def test_the_stack_files_of_the_repository_fit(file: Path) -> None:
    assert [] == faults(yaml.safe_load(file.read_text()))


def test_every_example_of_the_documentation_fits() -> None:
    count = 0
    for page in PAGES:
        text = page.read_text()
        indented = re.findall(r"((?:^    .*\n)+)", text, re.MULTILINE)
        for block in [
            *re.findall(r"```yaml\n(.*?)```", text, re.DOTALL),
            *(re.sub("(?m)^    ", "", one) for one in indented),
        ]:
            try:
                found = yaml.safe_load(block)
            except yaml.YAMLError:
                continue
            if isinstance(found, dict) and any(str(key).startswith(("aegir:", "config")) for key in found):
                count += 1
                assert [] == faults(found if "config" in found else {"config": found}), (page.name, block)
    assert count > 20


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.key)
def test_every_key_is_in_it_with_the_values_of_the_matrix(row: Any) -> None:
    forms = below(row.key)
    assert forms
    for value in row.values:
        if not callable(value):
            jsonschema.validate(value, {"anyOf": forms, "$defs": made()["$defs"]})


@pytest.mark.parametrize(
    ("config", "place"),
    [
        ({"aegir:site": {}}, "aegir:site"),
        ({"aegir:sites": {"www.example.com": {"platfrom": "code"}}}, "platfrom"),
        ({"aegir:sites": {"www.example.com": {"state": "closed"}}}, "state"),
        ({"aegir:sites": {"www.example.com": {"aliases": "example.com"}}}, "aliases"),
        ({"aegir:sites": {"www.example.com": {"php": {"children": "4"}}}}, "children"),
        ({"aegir:servers": {"db1.example.com": {"ssh": {"port": 70000}}}}, "port"),
        ({"aegir:platforms": {"code": {"allow_shrink": "yes"}}}, "allow_shrink"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_has_a_wrong_form_is_marked(config: dict[str, Any], place: str) -> None:
    assert any(place in fault for fault in faults({"config": config}))


def test_other_projects_keys_are_theirs_and_secrets_are_as_pulumi_writes_them() -> None:
    secret = {"secure": "AAABAA=="}
    sites = {"www.example.com": {"platform": "code", "admin": {"password": secret}}}
    assert [] == faults({"config": {"aegir:sites": sites, "other:key": 1}, "encryptionsalt": "v1:x"})


def test_most_keys_say_what_they_mean() -> None:
    known = {row.key for row in ROWS}
    words = schema_words.descriptions((ROOT / "docs/reference/stack-file.md").read_text())
    assert len(known & words.keys()) > 0.75 * len(known)
    assert not any("](" in text for text in words.values())
    assert "What a request may take. Default: 256M." == words["servers.*.php.memory"] == words["sites.*.php.memory"]


def test_the_command_prints_what_is_made_of_the_readers_and_the_documentation() -> None:
    assert schema.DRAFT == made()["$schema"]
    keys = made()["properties"]["config"]["properties"]
    assert {f"aegir:{key}" for key in ("hub", "servers", "sites", "include")} <= set(keys)
    words = schema_words.descriptions((ROOT / "docs/reference/stack-file.md").read_text())
    assert words["servers"] == keys["aegir:servers"]["description"]


@pytest.mark.slow
def test_a_process_of_its_own_prints_the_same() -> None:
    # There, modules are executed at first use.
    argv = [sys.executable, "-m", "aegir_components", "schema"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert made() == json.loads(done.stdout)
