"""Every command of `aegir`, held to the same rules: help with examples, completion, JSON, dry runs, and the lock of a run."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import click
import pytest
from click.testing import CliRunner

from aegir_components.cli import audit
from aegir_components.cli.ends import tell
from aegir_components.cli.engine import Done, Engine
from aegir_components.cli.made import Site
from aegir_components.cli.main import aegir
from aegir_components.cli.outputs import Outputs
from aegir_components.cli.stack_lock import DURING_UP
from aegir_components.cli.state import State
from aegir_components.hub import at_work
from aegir_components.hub.at_work import Claim
from aegir_components.remote.errors import HostUnreachable
from tests.unit.made import outputs
from tests.unit.stacks import SITE, config, exported


def _commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        assert command is not None
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from _commands(command, (*path, name))


COMMANDS = dict(_commands(aegir))
LEAVES = {
    path: command
    for path, command in COMMANDS.items()
    if not isinstance(command, click.Group) or command.invoke_without_command
}
CHANGING = {
    "advisories fetch", "backup", "backups forget", "backups recover", "cache clear", "close", "cron", "db", "keys rotate",
    "login", "open", "php", "promote", "prune", "restore", "rewrite", "run", "shell", "sync", "timers install", "timers remove",
    "update",
}  # fmt: skip
"""Commands that change something somewhere. All others only look."""
NOT_DRY = {
    "advisories fetch": "it fills a mirror, and fetches again whatever is there",
    "backups recover": "it keeps what is there",
    "db": "a person types what is done",
    "login": "it makes an address and no change",
    "php": "the program is the person's own",
    "shell": "a person types what is done",
    "timers install": "`timers show` prints what it writes",
    "timers remove": "it removes what `timers show` prints",
}
NO_JSON = {
    "advisories fetch", "backups decrypt", "backups forget", "backups recover", "completion", "db", "import-aegir",
    "keys rotate", "metrics", "php", "restore", "rewrite", "schema", "shell", "sync", "timers install", "timers remove",
    "timers show",
}  # fmt: skip
"""Commands that list nothing: they print a program's output, a file, or sentences."""
FREE = {
    "account", "arguments", "at", "composer", "confirm", "directory", "drupal", "former", "hub", "identity", "more", "note",
    "origin", "own", "pairs", "repository", "since", "statement", "vulnerabilities", "where", "why", "wordpress",
}  # fmt: skip
"""Parameters whose values nobody can offer: texts, times, addresses of elsewhere, and a name that is typed as a guard."""


def _help(path: tuple[str, ...], columns: int) -> str:
    done = CliRunner().invoke(aegir, [*path, "--help"], prog_name="aegir", terminal_width=columns)
    assert 0 == done.exit_code, done.output
    return done.output


def _options(command: click.Command) -> set[str]:
    return {option for parameter in command.params for option in parameter.opts}


@pytest.mark.parametrize("columns", [60, 80])
@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_help_keeps_its_examples_apart_and_its_text_within_the_terminal(path: tuple[str, ...], columns: int) -> None:
    text = _help(path, columns)
    assert "\\b" not in text
    assert "\b" not in text
    examples = [
        line for line in text.splitlines() if re.search(r"(^ |[|] )\s*aegir [a-z]", line) and "Usage" not in line
    ]
    for line in examples:
        # Of 80 columns at most, so that each can be copied from a usual terminal.
        assert len(line) <= 80, line
        assert 1 == len(re.findall(r"(?<![-\w])aegir (?=[a-z])", line)), f"two examples in one line: {line}"
    for line in text.splitlines():
        assert len(line) <= columns or line.startswith("  aegir ") or re.search(r"[|$(]", line), line


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_command_has_an_example_and_a_sentence(path: tuple[str, ...]) -> None:
    text = _help(path, 110)
    assert re.search(rf"aegir {' '.join(path)}\b", text.partition("\n")[2]), text
    assert LEAVES[path].get_short_help_str(200)


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_what_changes_something_has_a_dry_run_and_what_lists_something_has_json(path: tuple[str, ...]) -> None:
    name, options = " ".join(path), _options(LEAVES[path])
    if name in CHANGING - NOT_DRY.keys():
        assert "--dry-run" in options
    if name not in NO_JSON:
        assert "--json" in options
    assert CHANGING | NO_JSON <= {" ".join(each) for each in LEAVES}


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_value_is_completed_that_somebody_can_know(path: tuple[str, ...]) -> None:
    for parameter in LEAVES[path].params:
        known = isinstance(
            parameter.type, click.Choice | click.Path | click.File | click.types.IntRange | click.types.FloatRange
        )
        if known or getattr(parameter, "is_flag", False) or parameter.name in FREE:
            continue
        if path == ("import-aegir",) and parameter.name == "chosen":
            # A stack that is made by it.
            continue
        assert parameter._custom_shell_complete is not None, f"{' '.join(path)}: {parameter.name}"


# The lock of a run, as Pulumi leaves it in a state of files.


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "Pulumi.yaml").write_text("name: aegir\nruntime: python\nstackConfigDir: stacks\n")
    (tmp_path / "stacks/Pulumi.prod.yaml").write_text("config: {}\n")
    (tmp_path / "program.php").write_text("<?php\n")
    settings = config(environment="testing", hub__root=str(tmp_path / "hub"))
    state = json.loads(json.dumps(exported("/x")))
    shown = {f"aegir:{key}": {"value": each if isinstance(each, str) else json.dumps(each), "secret": False}
             for key, each in settings.items()}  # fmt: skip
    answers: dict[str, Any] = {"whoami": {"url": f"file://{tmp_path}/state"}, "config": shown, "stack": state}

    def run(_self: Engine, *words: str, timeout: float = 0) -> Done:
        del timeout
        return Done(status=0, output=json.dumps(answers[words[0]]), errors="")

    monkeypatch.setattr(Engine, "run", run)
    monkeypatch.setattr(audit, "DEFAULT_ROOT", str(tmp_path / "hub"))
    monkeypatch.setattr("aegir_components.cli.enter._needs_terminal", lambda _instead: None)
    place = tmp_path / "state/.pulumi/locks/organization/aegir/prod"
    place.mkdir(parents=True)
    held = {"pid": 7, "username": "ann", "hostname": "hub", "timestamp": "2026-01-31T12:00:00.5Z"}
    (place / "x.json").write_text(json.dumps(held))
    return tmp_path


def _invoke(project: Path, *words: str) -> tuple[int, str]:
    done = CliRunner().invoke(aegir, ["--cwd", str(project), *words], prog_name="aegir")
    return done.exit_code, done.output


LOCKED = {
    "cache clear": (SITE,),
    "close": (SITE,),
    "cron": (SITE, "--now"),
    "db": (SITE, "--execute", "SELECT 1"),
    "keys rotate": (),
    "open": (SITE,),
    "php": (SITE, "program.php"),
    "prune": ("--yes",),
    "restore": (SITE, "--stack", "prod", "--yes"),
    "rewrite": (SITE, "--stack", "prod"),
    "run": (SITE, "--", "true"),
    "shell": (SITE,),
    "update": (SITE, "--stack", "prod"),
}
"""Commands that a run keeps away, with arguments of each. `promote` and `sync` have tests of their own."""
BESIDE = {
    "advisories fetch": "it fills the hub's mirror",
    "backup": "a backup is one transaction, and timers must not stop for a long run",
    "backups forget": "repositories have locks of their own",
    "backups recover": "there is no stack yet",
    "login": "it changes nothing of the site",
    "timers install": "it changes the hub alone",
    "timers remove": "it changes the hub alone",
}


def test_every_command_that_changes_a_site_is_kept_away_by_a_run() -> None:
    assert CHANGING - {"promote", "sync"} == LOCKED.keys() | BESIDE.keys()


@pytest.mark.parametrize("name", LOCKED)
def test_a_command_says_who_holds_the_stack_and_does_nothing(
    project: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    monkeypatch.setattr("aegir_components.cli.keys._machines", lambda *_: [("/key", None)])
    monkeypatch.setattr("aegir_components.cli.disk._spare", lambda *_: ([], {}))
    monkeypatch.setattr("aegir_components.cli.disk._old_runs", lambda root: [_Spare()] if root else [])
    status, said = _invoke(project, *name.split(), *LOCKED[name])
    assert 1 == status, said
    assert "prod is locked by ann@hub, process 7, since 2026-01-31 12:00:00 UTC" in said
    assert (DURING_UP in said) == (DURING_UP in _options(COMMANDS[tuple(name.split())]))


def test_a_lock_of_a_process_that_has_ended_is_said_to_be_of_a_killed_run(project: Path) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait(10)
    [file] = (project / "state").rglob("x.json")
    for pid, killed in ((ended.pid, True), (os.getpid(), False)):
        held = {"pid": pid, "username": "ann", "hostname": socket.gethostname(), "timestamp": "2026-01-31T12:00:00.5Z"}
        file.write_text(json.dumps(held))
        _, said = _invoke(project, "close", SITE)
        assert killed == ("that process has ended, so the run was killed" in said), said
        assert "pulumi cancel --stack prod" in said


class _Spare:
    where, path, size = "hub", "/nowhere", 1


@pytest.mark.parametrize("name", LOCKED)
def test_a_command_says_who_has_its_sites_and_does_nothing(
    project: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    [lock] = (project / "state").rglob("x.json")
    lock.unlink()
    machine = Mock(hub_root=str(project / "hub"), identity="/key", host="web1", place="x")
    monkeypatch.setattr("aegir_components.cli.keys._machines", lambda *_: [("/key", machine)])
    monkeypatch.setattr("aegir_components.cli.disk._spare", lambda *_: ([], {}))
    monkeypatch.setattr("aegir_components.cli.disk._old_runs", lambda root: [_Spare()] if root else [])
    monkeypatch.setattr("aegir_components.cli.enter._install_client", lambda *_: None)
    claim = Claim(stack="aegir/prod", command="sync", alone=True, who="ann@hub", process=4711)
    with at_work.claimed(project / "hub", claim):
        status, said = _invoke(project, *name.split(), *LOCKED[name])
    assert 1 == status, said
    assert "ann@hub runs aegir sync on all sites of prod (process 4711, since " in said


@pytest.mark.parametrize("name", [name for name in LOCKED if DURING_UP in _options(COMMANDS[tuple(name.split())])])
def test_a_command_works_beside_a_run_when_it_is_told_to(
    project: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    words = LOCKED[name]
    at = words.index("--") if "--" in words else len(words)
    _, said = _invoke(project, *name.split(), *words[:at], DURING_UP, *words[at:])
    assert "is locked by" not in said


@pytest.mark.parametrize(
    "words",
    [("run", SITE, "--dry-run", "--", "true"), ("close", SITE, "--dry-run"), ("keys", "rotate", "--dry-run")],
    ids=str,
)
def test_a_dry_run_does_not_ask_for_the_lock(project: Path, words: tuple[str, ...]) -> None:
    assert 0 == _invoke(project, *words)[0]


def test_a_client_that_only_reads_is_not_kept_away(project: Path) -> None:
    _, said = _invoke(project, "db", SITE, "--read-only", "--execute", "SELECT 1")
    assert "is locked by" not in said


# Ctrl-C.


def test_ctrl_c_ends_a_command_with_its_own_status(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        tell("looking")
        raise KeyboardInterrupt

    monkeypatch.setattr("aegir_components.cli.survey.take", interrupted)
    assert (130, "aegir: looking\naegir: interrupted; what was done is named above\n") == _invoke(project, "report")


# Updates of several platforms.


def test_a_platform_whose_machine_does_not_answer_is_rows_and_the_others_go_on(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sites = {
        name: Site(identity=name, installation=outputs({"name": name, "platform": name[0], "application": "drupal"}))
        for name in ("a.x", "b.x", "c.x")
    }
    rollouts = {
        name: Outputs({"name": name, "sites": {f"{name}.x": {}}}, resource=f"Rollout {name}", stack="prod")
        for name in ("a", "b", "c")
    }
    unlocked = SimpleNamespace(
        state=State(stack="prod", sites=sites, rollouts=rollouts), stack=SimpleNamespace(name="prod")
    )
    monkeypatch.setattr("aegir_components.cli.unlocked.Unlocked.read", lambda _stack: unlocked)
    asked: list[str] = []

    def platform(want: Any, _was: object, _jobs: object) -> Any:
        asked.append(want.name)
        if want.name == "a":
            raise HostUnreachable("web1", "no answer")
        named = {site: SimpleNamespace(name=site) for site in want.sites}
        return SimpleNamespace(sites=named, unfinished=list, lacks=lambda site: ("node 9001",) if site == "b.x" else ())

    monkeypatch.setattr("aegir_components.rollout.platform.Platform.of", platform)
    monkeypatch.setattr(
        "aegir_components.inputs.platform.RolloutInputs.from_props", lambda props: SimpleNamespace(**props)
    )
    status, said = _invoke(project, "update", "--all", "--dry-run")
    assert (5, ["a.x: web1: no answer", "b.x: node 9001", "c.x: no updates are pending"]) == (status, said.splitlines())
    asked.clear()
    assert (0, "c.x: no updates are pending\n") == _invoke(project, "update", "c.*", "--dry-run")
    assert ["c"] == asked, "machines of other platforms are not asked"
    status, said = _invoke(project, "update", "--all", "--dry-run", "--json")
    assert [("a.x", "web1: no answer"), ("b.x", ""), ("c.x", "")] == [
        (row["site"], row["fault"]) for row in json.loads(said)
    ]
    assert 2 == _invoke(project, "update")[0]


@pytest.mark.parametrize("group", [(), ("advisories",), ("backups",), ("cache",), ("keys",), ("timers",)])
def test_the_list_of_commands_has_a_whole_sentence_for_each(group: tuple[str, ...]) -> None:
    listed = _help(group, 80).partition("Commands:\n")[2].partition("\n\n")[0].splitlines()
    assert not [line for line in listed if not line.endswith(".") or line.endswith("...")], listed
    assert not group or listed
    if not group:
        assert len(listed) == len({path[0] for path in COMMANDS}), "one line each in a terminal of 80 columns"
