"""The schema of the stack file takes what the readers take, and rejects what they reject by its form."""

from __future__ import annotations

import functools
import json
import re
import shutil
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
from tools import stack_file_page

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


def test_every_key_says_what_it_means() -> None:
    words = schema_words.descriptions()
    asked = schema.asked()
    keys = {
        f"{path}.{key}".lstrip(".")
        for path in asked
        for each in asked[path]
        if "mapping" == each.kind
        for key in each.words
    }
    assert set() == keys - words.keys() - {"servers.*.services"}
    assert set() == words.keys() - keys - {schema.FROM_OUTSIDE}
    assert not any("](" in text or "`" in text for text in words.values())
    assert "What a request may take. Default: 256M." == words["servers.*.php.memory"] == words["sites.*.php.memory"]


def test_defaults_are_those_of_the_readers() -> None:
    asked = schema.asked()
    compared = 0
    for path, words in schema_words.read_words().items():
        code = re.fullmatch("``([^`<]+)``", words.default)
        read = [each.default for each in asked.get(path, ()) if each.kind in ("text", "choice", "number", "flag")]
        # What a reader has for "nothing is declared" is no default that a user meets.
        if code and any(each not in ("", "0M", "0%", None, 0) or each is False for each in read):
            compared += 1
            assert yaml.safe_load(code[1]) in read, path
    assert compared > 40


def test_the_page_has_what_the_code_says() -> None:
    text = stack_file_page.PAGE.read_text(encoding="utf-8")
    assert stack_file_page.page(text) == text, "tools/env python -m tools.stack_file_page"
    described = set(re.findall(r"^## `aegir:(\w+)`$", text, re.MULTILINE))
    assert described == set(re.findall(r"<!-- meaning of (\w+) -->", text))


def test_the_command_prints_what_is_made_of_the_readers_and_the_docstrings() -> None:
    assert schema.DRAFT == made()["$schema"]
    keys = made()["properties"]["config"]["properties"]
    assert {f"aegir:{key}" for key in ("hub", "servers", "sites", "include")} <= set(keys)
    assert "A mapping; its keys are the servers' host names." == keys["aegir:servers"]["description"]
    (title,) = below("sites.*.origin.site")
    assert title["description"].endswith("Default: the site itself. Form: a host name, such as www.example.com.")


def test_uploads_of_a_live_site_may_be_a_mapping() -> None:
    origin = {"site": "one.example.com", "files": {"exclude": ["*.mp4"], "largest": 20, "proxy": True}}
    assert [] == faults({"config": {"aegir:sites": {"www.example.com": {"origin": origin}}}})


@pytest.mark.slow
def test_a_process_of_its_own_prints_the_same_without_the_repository(tmp_path: Path) -> None:
    # There, modules are executed at first use, and the package is alone, as a wheel installs it.
    shutil.copytree(
        ROOT / "aegir_components", tmp_path / "aegir_components", ignore=shutil.ignore_patterns("__pycache__")
    )
    argv = [sys.executable, "-m", "aegir_components", "schema"]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
    assert made() == json.loads(done.stdout)
