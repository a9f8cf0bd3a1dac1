"""What stack files have in common, in a file that they include: merged below them, named in messages, without secrets."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pulumi.runtime
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from aegir_components import settings
from aegir_components.settings import included, pulumi_config
from tests.unit.test_settings_faults import BASE

TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc-1"), inner, max_size=3),
    max_leaves=8,
)
CONFIGS = st.dictionaries(st.sampled_from(["hub", "sites", "servers"]), TREES, max_size=3)


def write(directory: Path, config: Any, name: str = "farm.yaml") -> None:
    keys = {f"aegir:{key}": value for key, value in config.items()}
    (directory / name).write_text(yaml.safe_dump({"config": keys}, allow_unicode=True))


def whole(directory: Path, shared: Any, own: Any) -> settings.Included:
    write(directory, shared)
    return settings.include({"include": "farm.yaml", **own}, directory)


def faults_of(directory: Path, own: dict[str, Any] | None = None) -> tuple[str, ...]:
    with pytest.raises(settings.SettingsError) as caught:
        settings.include(own or {"include": "farm.yaml"}, directory)
    return caught.value.faults


def test_without_the_key_a_stack_file_is_as_it_is(tmp_path: Path) -> None:
    config = {"hub": {"address": "192.0.2.1"}}
    assert settings.Included(config=config) == settings.include(config, tmp_path)


def test_mappings_are_merged_and_all_else_of_the_stack_file_takes_its_place(tmp_path: Path) -> None:
    shared = {
        "hub": {"address": "192.0.2.1", "ssh": {"known_hosts": "/srv/known"}},
        "sites": {"a.example": {"aliases": ["one.example", "two.example"], "title": "A"}},
        "reverse_proxies": ["192.0.2.9"],
    }
    own = {
        "environment": "testing",
        "hub": {"root": "/srv/testing", "ssh": {"identity": "/srv/key"}},
        "sites": {"a.example": {"aliases": ["three.example"]}, "b.example": {}},
    }
    before = copy.deepcopy((shared, own))

    assert {
        "environment": "testing",
        "hub": {
            "address": "192.0.2.1",
            "root": "/srv/testing",
            "ssh": {"known_hosts": "/srv/known", "identity": "/srv/key"},
        },
        "sites": {"a.example": {"aliases": ["three.example"], "title": "A"}, "b.example": {}},
        "reverse_proxies": ["192.0.2.9"],
    } == whole(tmp_path, shared, own).config
    assert before == (shared, own)


@given(shared=CONFIGS, own=CONFIGS)
def test_what_a_stack_file_says_always_holds(shared: dict[str, Any], own: dict[str, Any]) -> None:
    merged = included._merged(shared, own)

    def holds(said: Any, found: Any) -> bool:
        if isinstance(said, dict) and isinstance(found, dict):
            return all(key in found and holds(value, found[key]) for key, value in said.items())
        return bool(said == found)

    assert holds(own, merged)
    assert included._merged(shared, {}) == shared
    assert included._merged({}, own) == own
    assert included._merged(shared, merged) == merged, "a second time it changes nothing"


def test_a_fault_names_the_file_that_the_value_is_from(tmp_path: Path) -> None:
    shared: dict[str, Any] = copy.deepcopy(BASE)
    shared["sites"]["www.example.com"]["profile"] = "Not A Name"
    shared["sites"]["www.example.com"]["aliases"] = ["-"]
    shared["servers"]["web1"]["services"]["wbe"] = "apache"
    made = whole(tmp_path, shared, {"platforms": {"d10": {"keep_releases": 0}}, "sites": {"b.example": {}}})

    with pytest.raises(settings.SettingsError) as caught:
        settings.load(made.config, lambda _path: False, origin=made.origin)

    places = {fault.split(": ")[0] for fault in caught.value.faults}
    assert {
        'aegir:servers["web1"].services.wbe (in farm.yaml)',
        'aegir:sites["www.example.com"].profile (in farm.yaml)',
        'aegir:sites["www.example.com"].aliases[0] (in farm.yaml)',
        'aegir:platforms["d10"].keep_releases',
        'aegir:sites["b.example"].platform',
    } == places


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (None, 'aegir:include: "farm.yaml" cannot be read (No such file or directory); a path starts from {directory}'),
        ("a: [\n", 'aegir:include: "farm.yaml" is no YAML: line 2: expected the node content, but found \'<stream end>\''),
        ("- a list\n", 'aegir:include: "farm.yaml" must hold "config:" with the shared keys below it, and nothing else'),
        (
            "config: {}\nencryptionsalt: v1\n",
            'aegir:include: "farm.yaml" must hold "config:" with the shared keys below it, and nothing else',
        ),
        ("config: {hub: {}}\n", 'aegir:include: "farm.yaml": unknown key "hub"; all keys begin with aegir:'),
        (
            "config: {'aegir:environment': production}\n",
            'aegir:include: "farm.yaml": aegir:environment belongs in each stack\'s own file',
        ),
        (
            "config: {'aegir:include': more.yaml}\n",
            'aegir:include: "farm.yaml": aegir:include belongs in each stack\'s own file',
        ),
        (
            "config: {'aegir:sites': {a.example: {admin: {password: {secure: v1:abc}}}}}\n",
            'aegir:include: "farm.yaml": aegir:sites["a.example"].admin.password is a secret, which only the stack that it '
            "was made for can read; set it in each stack's own file",
        ),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_included_is_refused(tmp_path: Path, text: str | None, fault: str) -> None:
    if text is not None:
        (tmp_path / "farm.yaml").write_text(text)
    assert (fault.format(directory=tmp_path),) == faults_of(tmp_path)


@pytest.mark.parametrize("value", [None, 5, True, {"a": "b"}, ["farm.yaml"], "a\nb"])
def test_what_is_no_path_is_refused(tmp_path: Path, value: Any) -> None:
    fault = "aegir:include: must be the path of a file, such as farm.yaml"
    assert (fault,) == faults_of(tmp_path, {"include": value})


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "farm.yaml").write_bytes(b"\xff\xfe")
    assert "it is no text in UTF-8" in faults_of(tmp_path)[0]


def test_a_program_reads_it_from_the_folder_of_the_stack_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: aegir\nstackConfigDir: stacks\n")
    (tmp_path / "stacks").mkdir()
    shared: dict[str, Any] = copy.deepcopy(BASE)
    shared["sites"]["www.example.com"]["admin"]["password"] = "in clear, in the shared file"
    write(tmp_path / "stacks", shared)
    own = {"aegir:include": "farm.yaml", "aegir:sites": json.dumps({"b.example": {"platform": "d10"}})}
    pulumi.runtime.set_all_config(own, ["aegir:sites"])
    monkeypatch.setattr(pulumi.runtime, "get_root_directory", lambda: str(tmp_path))
    monkeypatch.setattr(pulumi, "get_stack", lambda: "testing")
    try:
        with pytest.raises(pulumi_config.StackFileRefused) as caught:
            pulumi_config.load_from_pulumi()
        assert "in clear" not in str(caught.value)
        # Somewhere in aegir:sites is a secret, and what is included is none.
        assert (
            'aegir:sites["www.example.com"].admin.password (in farm.yaml): must be a secret' in caught.value.faults[0]
        )

        del shared["sites"]["www.example.com"]["admin"]["password"]
        write(tmp_path / "stacks", shared)
        declared = pulumi_config.load_from_pulumi()
        assert ["b.example", "www.example.com"] == list(declared.sites)
        named = (
            "aegir:environment: is development, and the stack is called testing; correct it before an up records it, or "
            "rename the stack"
        )
        assert (named,) == declared.warnings
    finally:
        pulumi.runtime.set_all_config({}, [])
