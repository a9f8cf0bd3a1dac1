"""A state that lacks a key ends a command with one sentence, which names the resource and what to type."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import click
import pytest
from click.testing import CliRunner

from aegir_components.cli import update
from aegir_components.cli.check import _one
from aegir_components.cli.commands import Commands
from aegir_components.cli.ends import Refusal
from aegir_components.cli.made import Site
from aegir_components.cli.main import Program
from aegir_components.cli.outputs import Outputs
from aegir_components.cli.progress import Progress
from aegir_components.cli.state import OURS, State
from aegir_components.inputs.platform import RolloutInputs
from aegir_components.messages import number_of
from aegir_components.remote.connection import Connection

RELEASE = {
    "platform": "code",
    "digest": "ab" * 32,
    "application": "drupal",
    "publish_path": "/var/aegir/platforms/code",
    "keep": 3.0,
    "members": {
        "web1": {"connection": {"host": "web1", "address": "10.0.0.2", "port": 22.0}, "type": "apache"},
        "web2": {"connection": {"host": "web2", "address": "10.0.0.3", "port": 22.0}, "type": "nginx", "role": "slave"},
    },
}


def read(kind: str, name: str, outputs: dict[str, Any]) -> State:
    urn = f"urn:pulumi:test::aegir::{OURS}index:{kind}::{name}"
    return State.read(
        "test", {"deployment": {"resources": [{"type": f"{OURS}index:{kind}", "urn": urn, "outputs": outputs}]}}
    )


def test_inputs_of_a_release_are_read_with_their_types() -> None:
    release = read("Release", "code", RELEASE).releases["code"]
    assert (3, "", "") == (release.recorded(lambda inputs: inputs.keep), release.version, release.revision)
    assert ("web1", "web2") == release.members
    assert [True, False, False] == [release.is_kept_on(name) for name in ("web1", "web2", "web3")]
    assert Connection(host="web1", address="10.0.0.2") == release.placed["web1"].connection


@pytest.mark.parametrize(
    ("lacks", "asked"),
    [
        ("digest", lambda state: state.releases["code"].name),
        ("publish_path", lambda state: state.releases["code"].publish_root),
        ("members", lambda state: state.releases["code"].members),
        ("keep", lambda state: state.releases["code"].recorded(lambda inputs: inputs.keep)),
        ("application", lambda state: state.releases["code"].outputs["application"]),
    ],
)
def test_what_a_release_lacks_is_named_when_it_is_asked_for(lacks: str, asked: Any) -> None:
    state = read("Release", "code", {key: value for key, value in RELEASE.items() if key != lacks})
    with pytest.raises(Refusal) as caught:
        asked(state)
    assert f"Release code has no {lacks} in the state of test; run pulumi up --stack test" in str(caught.value)
    assert 8560 == number_of(caught.value)


def test_what_a_part_of_the_outputs_lacks_is_named_with_its_place() -> None:
    members = {"web1": {"connection": {"address": "10.0.0.2"}, "type": "apache"}, "web2": {"type": "nginx"}}
    state = read("Installation", "www", {"members": members})
    site = Site(
        identity="www", installation=Outputs({"members": members}, resource="Installation www", stack=state.stack)
    )
    with pytest.raises(Refusal, match=r"Installation www has no members\.web1\.connection\.host in the state of test"):
        _ = site.connections


def test_inputs_as_a_whole_name_the_resource_and_what_is_lacking() -> None:
    state = read("Rollout", "code", {**RELEASE, "docroot": "web", "sites": {}})
    with pytest.raises(
        Refusal,
        match="Rollout code in the state of test: the inputs of SiteMember lack port; run pulumi up --stack test",
    ):
        state.rollouts["code"].inputs(RolloutInputs)


def test_inputs_that_lack_something_below_end_every_command_without_a_traceback() -> None:
    @click.command("look")
    def look() -> None:
        RolloutInputs.from_props({})

    program: Commands = Program("aegir", later={})
    program.add_command(look)
    done = CliRunner().invoke(program, ["look"])
    assert 1 == done.exit_code
    assert isinstance(done.exception, SystemExit)
    assert "aegir: the inputs of Rollout lack platform" in done.stderr
    assert "run pulumi up, which records what is there, and this command again [AEGIR-8560]" in done.stderr
    assert 1 == len(done.stderr.splitlines())


def test_a_check_goes_on_with_the_other_sites() -> None:
    found = _one(Site(identity="www"), "Installation", {})
    assert "unknown" == found.outcome
    assert "run pulumi up" in found.faults[0]


def test_what_the_state_lacks_of_another_platform_stops_no_update(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def of_platform(_unlocked: Any, name: str, inputs: Any, sites: Any, _progress: Any, **_options: Any) -> list[Any]:
        asked.append((name, inputs, sites))
        return []

    monkeypatch.setattr(RolloutInputs, "from_props", lambda props: props["name"])
    monkeypatch.setattr(update, "_of_platform", of_platform)
    rollouts = {
        "code": Outputs({"name": "code", "sites": {"a.x": {}, "b.x": {}}}, resource="Rollout code", stack="test"),
        "other": Outputs({"sites": {"c.x": {}}}, resource="Rollout other", stack="test"),
    }
    unlocked: Any = SimpleNamespace(state=State(stack="test", rollouts=rollouts))
    assert not update._of_platforms(unlocked, {"a.x"}, Progress(["a.x"]), dry_run=True)
    assert asked == [("code", "code", ["a.x"])]
    with pytest.raises(Refusal, match="Rollout other has no name in the state of test"):
        update._of_platforms(unlocked, {"c.x"}, Progress(["c.x"]), dry_run=True)
