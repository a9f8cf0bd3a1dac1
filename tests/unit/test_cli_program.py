"""The command line as a program: help, exit statuses, completion, and what each command prints."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from aegir_components.backups.book import Backup, Book
from aegir_components.cli import audit, engine, live, promote
from aegir_components.cli.commands import PROGRAM, VARIABLE
from aegir_components.cli.engine import Done, Engine
from aegir_components.cli.live import Seen
from aegir_components.cli.main import aegir
from aegir_components.providers import installation, release
from aegir_components.remote.errors import HostUnreachable, Refused
from aegir_components.scripts import script
from aegir_components.sources import builders
from tests.unit.stacks import CONFIG, RELEASE, SITE, config, declared, exported

BUILD = f"/hub/builds/code/{builders.key(declared().platforms['code'].source, 'c0ffee' * 6 + 'c0ff')}"


class Pulumi:
    """Pulumi's program, made of dicts."""

    def __init__(self, project: Path) -> None:
        self.project = project
        self.states: dict[str, Any] = {}
        self.config: dict[str, dict[str, Any]] = {}
        self.history: list[dict[str, Any]] = []
        self.preview = Done(status=0, output="the preview\n", errors="")
        self.previewed = ""

    def add(self, stack: str, declared: dict[str, Any], state: dict[str, Any]) -> None:
        self.config[stack], self.states[stack] = declared, state
        text = yaml.safe_dump({"config": {f"aegir:{key}": value for key, value in declared.items()}})
        (self.project / f"stacks/Pulumi.{stack}.yaml").write_text(f"# {stack}\n{text}")

    def run(self, *words: str, timeout: float = 0) -> Done:
        del timeout
        stack = words[words.index("--stack") + 1] if "--stack" in words else ""
        if words[0] == "preview":
            self.previewed = Path(words[words.index("--config-file") + 1]).read_text()
            return self.preview
        if stack and stack not in self.states:
            return Done(status=255, output="", errors=f"error: no stack named '{stack}' found\n")
        answers: dict[tuple[str, ...], Callable[[], Any]] = {
            ("whoami",): lambda: {"url": f"file://{self.project}/state"},
            ("config",): lambda: {
                f"aegir:{key}": {"value": value if isinstance(value, str) else json.dumps(value), "secret": False}
                for key, value in self.config[stack].items()
            },
            ("stack", "export"): lambda: self.states[stack],
            ("stack", "history"): lambda: self.history,
            ("stack", "ls"): lambda: [{"name": name, "current": False} for name in self.states],
        }
        found = next(answer for start, answer in answers.items() if words[: len(start)] == start)
        return Done(status=0, output=json.dumps(found()), errors="")


@pytest.fixture
def pulumi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pulumi:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "Pulumi.yaml").write_text("name: aegir\nruntime: python\nstackConfigDir: stacks\n")
    made = Pulumi(tmp_path)
    for stack in ("testing", "acceptance"):
        made.add(stack, config(environment=stack, hub__root=str(tmp_path / "hub")), exported(BUILD))
    monkeypatch.setattr(audit, "DEFAULT_ROOT", str(tmp_path / "hub"))
    monkeypatch.setattr(Engine, "run", staticmethod(made.run))
    # What machines answer is the matter of other tests.
    monkeypatch.setattr(release.ReleaseProvider, "observe", lambda *_: {"drift": []})
    monkeypatch.setattr(installation.InstallationProvider, "observe", lambda *_: {"drift": []})
    return made


def run(pulumi: Pulumi | Path, *words: str) -> Result:
    directory = pulumi.project if isinstance(pulumi, Pulumi) else pulumi
    return CliRunner().invoke(aegir, ["--cwd", str(directory), *words], prog_name="aegir")


@pytest.mark.parametrize("words", [(), ("promote",), ("sync",), ("status",), ("login",), ("graph",), ("completion",)])
def test_help_needs_no_project(words: tuple[str, ...], tmp_path: Path) -> None:
    done = run(tmp_path, *words, "--help")
    assert 0 == done.exit_code
    assert "Usage: aegir" in done.stdout


def test_files_of_stacks_that_were_never_begun_are_passed_over(pulumi: Pulumi) -> None:
    del pulumi.states["acceptance"]
    (pulumi.project / "stacks/Pulumi.acceptance.yaml").write_text("config: {'aegir:backups': {to: [hub]}}\n")
    found = run(pulumi, "run", "--all", "--dry-run", "--", "true")
    assert (0, SITE) == (found.exit_code, found.stdout.split(":")[0])
    told = run(pulumi, "explain", "nobody.example.com")
    assert (1, True) == (told.exit_code, "no site of testing has the name nobody.example.com" in told.stderr)
    backed_up = run(pulumi, "backup", "--due")
    assert (0, "aegir: nothing is due\n") == (backed_up.exit_code, backed_up.stderr)


def test_of_several_stacks_one_has_to_be_named(pulumi: Pulumi) -> None:
    done = run(pulumi, "run", "--all", "--dry-run", "--", "true")
    assert 1 == done.exit_code
    assert "has 2 stacks; say which one by --stack: acceptance, testing" in done.stderr


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("status", "nowhere"), 1, "'nowhere' found; `pulumi stack ls` lists the stacks of this state"),
        (("status",), 1, "say which one by --stack: acceptance, testing"),
        (("login", SITE), 1, "say which one by --stack: acceptance, testing"),
        (("promote", "--from", "testing", "--to", "testing"), 2, "name the same stack"),
        (
            ("login", "nobody.example.com", "--stack", "testing"),
            1,
            f"testing has no site nobody.example.com; it has: {SITE}",
        ),
        (("sync", "--from", f"testing:{SITE}", "--to", f"testing:{SITE}"), 1, f"name the same site, testing:{SITE}"),
        (("sync", "--from", SITE, "--to", SITE), 1, f"say which one as STACK:{SITE}: acceptance, testing"),
        (("sync", "--from", "testing:nobody", "--to", f"testing:{SITE}"), 1, "testing has no site nobody; it has"),
        (("sync", "--to", SITE), 2, "Missing option '--from'"),
        (("graph", "nowhere"), 1, "there are: acceptance, testing"),
        (("promote", "--from", "testing", "--to", "acceptance", "nothing"), 1, f"it has: code, {SITE}"),
    ],
)
def test_what_fails_says_why_on_standard_error(pulumi: Pulumi, words: tuple[str, ...], status: int, said: str) -> None:
    done = run(pulumi, *words)
    assert (status, "") == (done.exit_code, done.stdout)
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_outside_of_a_project_that_is_said(tmp_path: Path) -> None:
    done = run(tmp_path, "status", "testing")
    assert 1 == done.exit_code
    assert "no Pulumi.yaml in" in done.stderr


def test_a_project_is_found_from_below_as_pulumi_finds_it(pulumi: Pulumi) -> None:
    assert 0 == run(pulumi.project / "stacks", "status", "testing").exit_code


def test_without_pulumi_one_sentence_says_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: aegir\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    done = run(tmp_path, "status", "testing")
    assert 1 == done.exit_code
    assert "tools/env python -m aegir_components" in done.stderr


def test_status_prints_json_and_ends_with_three_when_something_is_not_well(pulumi: Pulumi) -> None:
    well = run(pulumi, "status", "testing", "--json")
    assert 0 == well.exit_code
    assert True is json.loads(well.stdout)["well"]
    pulumi.states["testing"] = exported(without=(f"Installation {SITE}",))
    ill = run(pulumi, "status", "testing", "--json")
    assert 3 == ill.exit_code
    assert ["never came up"] == json.loads(ill.stdout)["sites"][0]["faults"]


def test_live_status_tells_its_progress_on_standard_error(pulumi: Pulumi, monkeypatch: pytest.MonkeyPatch) -> None:
    def machine(_state: Any, server: Any, seen: Seen, *_: Any, **__: Any) -> None:
        seen.faults += ["it burns"] if server.name == "web1" else []

    monkeypatch.setattr(live, "_machine", machine)
    done = run(pulumi, "status", "testing", "--live")
    assert 3 == done.exit_code
    assert "asking 2 machines" in done.stderr
    assert "it burns" in done.stdout
    assert "asking" not in done.stdout


# Promotion.


def test_a_promotion_shows_the_change_and_the_preview_and_writes_when_told_to(pulumi: Pulumi) -> None:
    path = pulumi.project / "stacks/Pulumi.acceptance.yaml"
    path.chmod(0o640)
    done = run(pulumi, "promote", "--from", "testing", "--to", "acceptance", "--yes")
    assert 0 == done.exit_code, done.stderr
    assert '+        ref: "c0ffee' in done.stdout
    assert "the preview" in done.stdout
    assert path.read_text() == pulumi.previewed
    assert 0o640 == path.stat().st_mode & 0o777
    assert [path] == [other for other in path.parent.iterdir() if "acceptance" in other.name]
    assert "pulumi up --stack acceptance" in done.stderr


@pytest.mark.parametrize(
    ("flags", "status"), [(("--dry-run",), 0), ((), 1), (("--json",), 1), (("--json", "--dry-run"), 0)]
)
def test_without_a_yes_nothing_is_written(pulumi: Pulumi, flags: tuple[str, ...], status: int) -> None:
    pulumi.preview = Done(status=0, output='{"changeSummary": {"same": 1}}', errors="")
    path = pulumi.project / "stacks/Pulumi.acceptance.yaml"
    before = path.read_bytes()
    done = run(pulumi, "promote", "--from", "testing", "--to", "acceptance", *flags)
    assert status == done.exit_code, done.stderr
    assert before == path.read_bytes()
    assert "nothing was written" in done.stderr
    if "--json" in flags:
        said = json.loads(done.stdout)
        assert (False, {"same": 1}, "testing", "acceptance") == (
            said["written"],
            said["preview"],
            said["from"],
            said["to"],
        )


def test_a_preview_that_fails_leaves_the_file_as_it_was(pulumi: Pulumi) -> None:
    pulumi.preview = Done(status=1, output="", errors="error: the source is gone")
    path = pulumi.project / "stacks/Pulumi.acceptance.yaml"
    before = path.read_bytes()
    done = run(pulumi, "promote", "--from", "testing", "--to", "acceptance", "--yes")
    assert 1 == done.exit_code
    assert "its stack file stays as it was" in done.stderr
    assert "the source is gone" in done.stderr
    assert before == path.read_bytes()


def test_a_file_that_somebody_changes_meanwhile_is_not_overwritten(
    pulumi: Pulumi, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = pulumi.project / "stacks/Pulumi.acceptance.yaml"

    def preview(*_: Any, **__: Any) -> Done:
        path.write_text(path.read_text() + "# mine\n")
        return Done(status=0, output="", errors="")

    monkeypatch.setattr(promote, "preview", preview)
    done = run(pulumi, "promote", "--from", "testing", "--to", "acceptance", "--yes")
    assert 1 == done.exit_code
    assert "was changed by somebody else meanwhile" in done.stderr
    assert path.read_text().endswith("# mine\n")
    assert "c0ffee" not in path.read_text()


def test_what_machines_say_against_it_stops_a_promotion(pulumi: Pulumi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        installation.InstallationProvider, "observe", lambda *_: {"drift": [f"web1: {SITE} answers 500"]}
    )
    done = run(pulumi, "promote", "--from", "testing", "--to", "acceptance", "--yes")
    assert f"platform code is not well in testing: web1: {SITE} answers 500" in done.stderr

    def unreachable(*_: Any) -> None:
        raise HostUnreachable("web1", "no answer")

    monkeypatch.setattr(release.ReleaseProvider, "observe", unreachable)
    done = run(pulumi, "promote", "--from", "testing", "--to", "acceptance", "--yes")
    assert "platform code is not well in testing: web1: no answer" in done.stderr
    assert 1 == done.exit_code


@pytest.mark.parametrize("stack", ["testing", "acceptance"])
def test_a_lock_on_either_stack_stops_a_promotion(pulumi: Pulumi, stack: str) -> None:
    place = pulumi.project / "state/.pulumi/locks/organization/aegir" / stack
    place.mkdir(parents=True)
    held = {"pid": 7, "username": "ann", "hostname": "hub", "timestamp": "2026-01-31T12:00:00.5Z"}
    (place / "x.json").write_text(json.dumps(held))
    done = run(pulumi, "promote", "--from", "testing", "--to", "acceptance", "--yes")
    assert 1 == done.exit_code
    assert f"{stack} is locked by ann@hub, process 7, since 2026-01-31 12:00:00 UTC" in done.stderr


def test_a_target_whose_last_up_failed_in_the_middle_stops_a_promotion(pulumi: Pulumi) -> None:
    pulumi.history = [{"kind": "update", "result": "failed", "endTime": "now", "resourceChanges": {"update": 2}}]
    done = run(pulumi, "promote", "--from", "testing", "--to", "acceptance", "--yes")
    assert 1 == done.exit_code
    assert "the last pulumi up of acceptance failed (now) after 2 changes" in done.stderr


def test_a_site_stands_for_its_platform_under_the_targets_own_name(pulumi: Pulumi) -> None:
    other = config(environment="acceptance")
    other["sites"] = {"acc.example.com": {"platform": "code", "https": "required"}}
    pulumi.add("acceptance", other, {"deployment": {}})
    done = run(pulumi, "promote", "--from", "testing", "--to", "acceptance", f"{SITE}=acc.example.com", "--yes")
    assert 0 == done.exit_code, done.stderr
    assert "platform code: commit c0ffee" in done.stderr


def test_what_is_included_is_offered_and_overridden_in_the_stacks_own_file(pulumi: Pulumi) -> None:
    shared = {"config": {f"aegir:{key}": value for key, value in config().items() if key == "platforms"}}
    (pulumi.project / "stacks/farm.yaml").write_text(yaml.safe_dump(shared))
    own = config(environment="acceptance", platforms=None)
    pulumi.add("acceptance", {"include": "farm.yaml", **own}, exported(BUILD))
    path = pulumi.project / "stacks/Pulumi.acceptance.yaml"
    before = path.read_text()
    done = run(pulumi, "promote", "--from", "testing", "--to", "acceptance", "--yes")
    assert 0 == done.exit_code, done.stderr

    line = f'  aegir:platforms: {{code: {{source: {{ref: "{"c0ffee" * 6}c0ff"}}}}}}\n'
    assert before == path.read_text().replace(line, "")
    written = yaml.safe_load(path.read_text())["config"]["aegir:platforms"]
    pulumi.config["acceptance"] = {**pulumi.config["acceptance"], "platforms": written}
    again = run(pulumi, "promote", "--from", "testing", "--to", "acceptance", "--yes")
    assert "it is pinned already" in again.stderr
    pulumi.add("production", {"include": "farm.yaml", **own}, exported(BUILD))
    assert ["code"] == offered(pulumi, "promote", "--from", "production", "--to", "acceptance", "c")


# One-time logins.


def test_a_login_is_printed_on_standard_output_alone(pulumi: Pulumi, monkeypatch: pytest.MonkeyPatch) -> None:
    link = f"https://{SITE}/wp-login.php?action=aegir&key=abc"
    sent: list[str] = []

    def execute(_conn: Any, _mode: str, lines: list[str], **_: Any) -> script.Report:
        sent.extend(lines)
        return script.Report({"result": f"::link {link}"}, (), ())

    monkeypatch.setattr(script, "execute", execute)
    done = run(pulumi, "login", SITE, "--stack", "testing")
    assert (0, f"{link}\n") == (done.exit_code, done.stdout)
    assert "once, for 15 minutes" in done.stderr
    assert "key=" not in done.stderr
    assert any("site_php" in line for line in sent)
    assert {"site": SITE, "url": link} == json.loads(run(pulumi, "login", SITE, "--stack", "testing", "--json").stdout)


def test_a_site_is_found_by_the_name_that_people_read(pulumi: Pulumi, monkeypatch: pytest.MonkeyPatch) -> None:
    pulumi.states["testing"] = exported(Installation={"name": "www.xn--mller-kva.example"})
    report = script.Report({"result": f"::link https://{SITE}/x"}, (), ())
    monkeypatch.setattr(script, "execute", lambda *_, **__: report)
    assert 0 == run(pulumi, "login", "www.müller.example", "--stack", "testing").exit_code


def test_a_login_to_another_address_is_not_given_out(pulumi: Pulumi, monkeypatch: pytest.MonkeyPatch) -> None:
    report = script.Report({"result": "::link http://localhost/user/reset/1/2/abc"}, (), ())
    monkeypatch.setattr(script, "execute", lambda *_, **__: report)
    done = run(pulumi, "login", SITE, "--stack", "testing")
    assert (1, "") == (done.exit_code, done.stdout)
    assert "abc" not in done.stderr
    assert f"than its own https://{SITE}" in done.stderr


def test_the_next_web_server_makes_the_login_when_one_is_gone(pulumi: Pulumi, monkeypatch: pytest.MonkeyPatch) -> None:
    twins = {
        name: {"connection": {"host": name, "address": f"10.0.0.{number}"}, "type": "apache_ssl", "port": 80}
        for number, name in enumerate(("web1", "web2"), 2)
    }
    pulumi.states["testing"] = exported(Installation={"members": twins})

    def execute(conn: Any, *_: Any, **__: Any) -> script.Report:
        if conn.host == "web1":
            raise HostUnreachable("web1", "no answer")
        return script.Report({"result": f"::link https://{SITE}/x"}, (), ())

    monkeypatch.setattr(script, "execute", execute)
    done = run(pulumi, "login", SITE, "--stack", "testing")
    assert (0, f"https://{SITE}/x\n") == (done.exit_code, done.stdout)
    pulumi.states["testing"] = exported(Installation={"members": twins, "master": "web1"})
    assert 1 == run(pulumi, "login", SITE, "--stack", "testing").exit_code, "a slave does no work for a pack"


def test_what_the_program_says_ends_the_login_with_a_sentence(pulumi: Pulumi, monkeypatch: pytest.MonkeyPatch) -> None:
    def execute(*_: Any, **__: Any) -> script.Report:
        raise Refused("web1", "making a login: the program ended with status 4: the site has no account named ann")

    monkeypatch.setattr(script, "execute", execute)
    done = run(pulumi, "login", SITE, "--stack", "testing", "--account", "ann")
    assert (1, "") == (done.exit_code, done.stdout)
    assert (
        "aegir: web1: making a login: the program ended with status 4: the site has no account named ann" in done.stderr
    )


# The drawing.


def test_the_drawing_needs_no_program_as_dot_and_says_which_one_otherwise(
    pulumi: Pulumi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    assert run(pulumi, "graph", "testing", "--format", "dot").stdout.startswith("digraph")
    refused = run(pulumi, "graph", "testing")
    assert (1, "") == (refused.exit_code, refused.stdout)
    assert "apt-get install graphviz" in refused.stderr


def test_the_drawing_needs_neither_state_nor_passphrase(pulumi: Pulumi, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a fresh checkout, and with a secret in the stack file."""

    def fails(*_words: str, timeout: float = 0) -> Done:
        return Done(status=255, output="", errors="error: no stack named 'testing' found\n")

    monkeypatch.setattr(Engine, "run", staticmethod(fails))
    path = pulumi.project / "stacks/Pulumi.testing.yaml"
    read = yaml.safe_load(path.read_text())
    (services,) = (
        server["services"] for server in read["config"]["aegir:servers"].values() if "database" in server["services"]
    )
    services["database"] = {"type": "mysql", "admin": {"password": {"secure": "v1:abc=:def="}}}
    path.write_text(yaml.safe_dump(read))

    assert run(pulumi, "graph", "testing", "--format", "dot").stdout.startswith("digraph")
    assert "v1:abc" not in run(pulumi, "graph", "testing", "--json").stdout
    assert 1 == run(pulumi, "graph", "testing", "--live").exit_code, "what was made stands in the state"
    services["database"]["admin"] = {"nonsense": 1}
    path.write_text(yaml.safe_dump(read))
    assert "nonsense: unknown key" in run(pulumi, "graph", "testing").stderr


def test_the_drawing_is_written_in_the_form_of_its_ending(pulumi: Pulumi, tmp_path: Path) -> None:
    if shutil.which("dot") is None:
        pytest.skip("the program dot is not installed")
    for name, beginning in (("a.svg", b"<?xml"), ("a.png", b"\x89PNG"), ("a.dot", b"digraph")):
        assert 0 == run(pulumi, "graph", "testing", "-o", str(tmp_path / name)).exit_code
        assert (tmp_path / name).read_bytes().startswith(beginning)
    assert {"title", "nodes", "edges"} == set(json.loads(run(pulumi, "graph", "testing", "--json").stdout))


# Completion.


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_completion(shell: str, tmp_path: Path) -> None:
    done = run(tmp_path, "completion", shell)
    assert 0 == done.exit_code
    assert f"{VARIABLE}={shell}_complete" in done.stdout


def offered(pulumi: Pulumi, *words: str) -> list[str]:
    """Press TAB after these words."""
    line = " ".join(["aegir", "--cwd", str(pulumi.project), *words])
    variables = {VARIABLE: "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(line.split()) - 1)}
    done = CliRunner(env=variables).invoke(aegir, [], prog_name=PROGRAM, complete_var=VARIABLE, standalone_mode=True)
    return [each.partition(",")[2] for each in done.stdout.splitlines()]


def test_stacks_platforms_and_sites_are_offered(pulumi: Pulumi) -> None:
    assert ["testing"] == offered(pulumi, "status", "t")
    assert ["code"] == offered(pulumi, "promote", "--from", "testing", "--to", "acceptance", "c")
    assert [SITE] == offered(pulumi, "login", "--stack", "testing", "www")
    assert ["promote"] == offered(pulumi, "pro")
    assert ["testing"] == offered(pulumi, "run", "--environment", "t")
    assert ["web1", SITE] == offered(pulumi, "history", "w")
    assert ["files"] == offered(pulumi, "restore", "--only", "f")
    assert ["web1"] == offered(pulumi, "restore", "--server", "w")


def test_backups_are_offered_that_the_hub_knows(pulumi: Pulumi) -> None:
    for site, name in ((SITE, "4f2a91c0"), ("other.example.com", "77aa00ff")):
        Book(hub_root=str(pulumi.project / "hub"), stack="aegir/testing", site=site).put(Backup(id=name, begun=1))
    assert ["77aa00ff"] == offered(pulumi, "restore", "--stack", "testing", "--backup", "7")
    assert ["4f2a91c0"] == offered(pulumi, "backups", "prove", SITE, "4")
    assert [""] == offered(pulumi, "backups", "prove", SITE, "7")


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8"])
def test_a_terminal_of_another_encoding_gets_text_and_no_traceback(encoding: str) -> None:
    program = [sys.executable, "-m", "aegir_components", "run", "--help"]
    done = subprocess.run(
        program, capture_output=True, timeout=60, check=False, env={**os.environ, "PYTHONIOENCODING": encoding}
    )
    assert (0, b"") == (done.returncode, done.stderr)
    assert ("-- COMMAND…" if encoding == "utf-8" else "-- COMMAND?") in done.stdout.decode(encoding)


def test_a_pipe_that_closes_ends_a_command_without_a_word() -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([sys.executable, "-m", "aegir_components", "schema"], stdout=write, stderr=subprocess.PIPE, timeout=60,
                          check=False)  # fmt: skip
    os.close(write)
    assert (1, b"") == (done.returncode, done.stderr)


def test_the_program_has_no_state_of_its_own(pulumi: Pulumi) -> None:
    assert CONFIG == config(), "the tests' own stack is not changed by a test"
    assert RELEASE in json.dumps(pulumi.states)
    assert engine.find_project(pulumi.project) == pulumi.project.resolve()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["statu"], "Did you mean status?"),
        (["sites"], "aegir --help lists them"),
        (["backups", "www.example.com"], "For one site: aegir backups --site www.example.com"),
        (["cache", "www.example.com"], "For one site: aegir cache clear www.example.com"),
        (["backups", "list"], "aegir backups has: archives, check, decrypt, forget, keys, prove, recover"),
    ],
)
def test_a_word_that_is_no_command_is_answered_with_what_to_type(words: list[str], said: str) -> None:
    done = CliRunner().invoke(aegir, words, prog_name="aegir")
    assert 2 == done.exit_code
    assert said in done.output
