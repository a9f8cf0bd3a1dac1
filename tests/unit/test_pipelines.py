"""The ready pipelines: their files, the comment of a preview, sealed plans, and when a lock may be taken away."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines import comment, post, recover, seal
from tests.comments import Service, serve
from tools.paths import ROOT

PIPELINES = ROOT / "pipelines"
STEPS = sorted((PIPELINES / "steps").glob("*.sh"))
GITHUB = sorted((PIPELINES / "github").glob("*.yml"))
GITLAB = PIPELINES / "gitlab" / ".gitlab-ci.yml"


# The files.


def commands(document: Any) -> list[str]:
    """List every shell line of a pipeline, wherever it stands."""
    found: list[str] = []
    if isinstance(document, dict):
        for key, value in document.items():
            if key in ("run", "script", "before_script", "after_script"):
                found += [value] if isinstance(value, str) else value
            else:
                found += commands(value)
    elif isinstance(document, list):
        found += [line for item in document for line in commands(item)]
    return found


@pytest.mark.parametrize("path", [*GITHUB, GITLAB], ids=lambda path: path.name)
def test_a_pipeline_runs_steps_that_are_there_with_the_arguments_that_they_take(path: Path) -> None:
    lines = commands(yaml.safe_load(path.read_text()))
    ran = [line.split() for line in lines if line.startswith("pipelines/")]

    assert [line for line in lines if not line.startswith("pipelines/")] in (
        [],
        ['cat out/comment.md >>"$GITHUB_STEP_SUMMARY"'],
    )
    assert ["pipelines/steps/setup.sh"] in ran
    for script, *arguments in ran:
        step = ROOT / script
        assert os.access(step, os.X_OK), script
        head = step.read_text().splitlines()[1]
        wanted = re.search(rf"# {step.name}((?: [A-Za-z|]+)*):", head)
        assert wanted is not None, head
        assert len(wanted[1].split()) == len(arguments), (script, arguments)


@pytest.mark.parametrize(
    ("paths", "schema"),
    [(GITHUB, ["vendor.github-workflows"]), ([GITLAB], ["vendor.gitlab-ci", "--data-transform", "gitlab-ci"])],
    ids=["github", "gitlab"],
)
def test_a_pipeline_is_what_its_service_takes(paths: list[Path], schema: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", *schema, *map(str, paths)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert 0 == done.returncode, done.stdout + done.stderr


def test_every_job_that_changes_a_stack_has_it_for_itself() -> None:
    for path in GITHUB:
        document = yaml.safe_load(path.read_text())
        for name, job in document["jobs"].items():
            group = job.get("concurrency") or document.get("concurrency")
            if re.search(r"steps/(up|plan|apply|drift)\.sh", str(job)):
                assert group["group"].startswith("aegir-"), (path.name, name)
                assert group["cancel-in-progress"] is False, (path.name, name)
    jobs = yaml.safe_load(GITLAB.read_text())
    for name, job in jobs.items():
        if re.search(r"steps/(up|plan|apply|drift)\.sh", str(job)):
            assert "aegir-$STACK" == job["resource_group"], name


def test_a_step_is_executable_and_what_steps_have_in_common_is_not() -> None:
    assert {"lib.sh"} == {path.name for path in STEPS if not os.access(path, os.X_OK)}
    assert all(path.read_text().startswith("#!/bin/sh\n") for path in STEPS if path.name != "lib.sh")


@pytest.mark.parametrize("path", STEPS, ids=lambda path: path.name)
def test_shellcheck_finds_nothing_in_a_step(path: Path) -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed here")
    command = ["shellcheck", "-x", "--shell=sh", str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stdout


def step(name: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PULUMI_")}
    return subprocess.run(
        [PIPELINES / "steps" / name, *arguments],
        cwd=ROOT, env={**clean, **variables}, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("name", ["preview.sh", "up.sh", "plan.sh", "apply.sh", "drift.sh", "backup.sh"])
def test_a_step_says_in_one_sentence_what_the_job_lacks(name: str, tmp_path: Path) -> None:
    without = step(name, "nowhere", str(tmp_path))
    assert 1 == without.returncode
    assert without.stderr.startswith("PULUMI_BACKEND_URL is not set")

    nowhere = step(name, "nowhere", str(tmp_path), PULUMI_BACKEND_URL="file:///nowhere")
    assert 1 == nowhere.returncode
    assert "there is no stack file stacks/Pulumi.nowhere.yaml in this checkout\n" == nowhere.stderr


def wanted(place: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run what every step begins with, in a checkout with the stack `one`."""
    steps = place / "pipelines" / "steps"
    steps.mkdir(parents=True, exist_ok=True)
    (place / "stacks").mkdir(exist_ok=True)
    (place / "stacks" / "Pulumi.one.yaml").write_text("encryptionsalt: v1:AAAA\n")
    (steps / "lib.sh").write_text((PIPELINES / "steps" / "lib.sh").read_text())
    (steps / "try.sh").write_text('set -eu; stack=one; . "$(dirname "$0")/lib.sh"; want_stack; echo fine\n')
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PULUMI_")}
    command = ["sh", str(steps / "try.sh")]
    return subprocess.run(command, env={**clean, **variables}, capture_output=True, text=True, check=False)


def test_a_step_says_in_one_sentence_that_the_passphrase_is_missing(tmp_path: Path) -> None:
    state = {"PULUMI_BACKEND_URL": "s3://state"}

    assert "fine\n" == wanted(tmp_path, **state, PULUMI_CONFIG_PASSPHRASE="").stdout
    unset = wanted(tmp_path, **state)
    assert "the passphrase of the stack one is missing: set PULUMI_CONFIG_PASSPHRASE_FILE or" in unset.stderr
    gone = wanted(tmp_path, **state, PULUMI_CONFIG_PASSPHRASE_FILE="/nowhere/passphrase")
    assert (
        "the passphrase of the stack one is missing: /nowhere/passphrase (PULUMI_CONFIG_PASSPHRASE_FILE)" in gone.stderr
    )
    assert [1, 1] == [len(said.stderr.splitlines()) for said in (unset, gone)]
    assert [1, 1] == [said.returncode for said in (unset, gone)]


@pytest.mark.parametrize("query", ["", "?metadata=skip"])
def test_a_step_mends_a_state_in_files_that_a_killed_run_left_unreadable(query: str, tmp_path: Path) -> None:
    stacks = tmp_path / "state" / ".pulumi" / "stacks" / "aegir"
    stacks.mkdir(parents=True)
    for name, text in (("one.json", ""), ("one.json.attrs", ""), ("two.json.attrs", "{}")):
        (stacks / name).write_text(text)

    wanted(tmp_path, PULUMI_BACKEND_URL=f"file://{tmp_path}/state{query}", PULUMI_CONFIG_PASSPHRASE="x")

    assert ["one.json", "two.json.attrs"] == sorted(path.name for path in stacks.iterdir())


# The comment.

URN = "urn:pulumi:prod::aegir::aegir:index:Site$pulumi-python:dynamic/aegir:"


def a_step(op: str, kind: str, name: str, before: Any = None, after: Any = None) -> dict[str, Any]:
    found: dict[str, Any] = {"op": op, "urn": f"{URN}{kind}::{name}"}
    return found | {key: {"inputs": inputs} for key, inputs in (("oldState", before), ("newState", after)) if inputs}


def preview(*steps: dict[str, Any], **more: Any) -> str:
    return json.dumps({"steps": list(steps), "changeSummary": {"same": 7}, **more})


def test_a_comment_names_what_happens_and_what_changes_and_no_value() -> None:
    before = {
        "aliases": ["old.example.com"],
        "password": {"ciphertext": "AAAA"},
        "drift": ["web1: file /x: content differs"],
    }
    after = {"aliases": ["new.example.com"], "password": {"ciphertext": "BBBB"}, "drift": []}
    text = preview(
        a_step("refresh", "SiteConfiguration", "www.example.com", before, before),
        a_step("create", "SiteDatabase", "two.example.com", after={"password": "[secret]", "user": "aegir_root"}),
        a_step("update", "SiteConfiguration", "www.example.com", before, after),
        a_step("delete", "SiteDatabase", "gone.example.com", before={"user": "aegir_root"}),
        a_step("same", "Release", "code"),
    )

    written = comment.markdown("prod", comment.read(text), commit="0123456789abcdef", mark=comment.mark_of("prod"))

    assert written.startswith(
        "<!-- aegir preview: prod -->\n\n### Preview of `prod`: 1 to create, 1 to change, 1 to delete, 7 unchanged"
    )
    assert "| **delete** | SiteDatabase | `gone.example.com` |" in written.splitlines()[8]
    assert "| change | SiteConfiguration | `www.example.com` | `aliases` |" in written
    assert "web1: file /x: content differs" in written
    for value in ("AAAA", "BBBB", "old.example.com", "new.example.com", "aegir_root", "[secret]"):
        assert value not in written


def test_a_preview_that_failed_says_why_also_when_it_wrote_no_json() -> None:
    said = {
        "diagnostics": [{"severity": "error", "message": "<{%reset%}>The stack file has 1 fault<{%reset%}>\n  a: b\n"}]
    }
    for found in (
        comment.read(preview(**said)),
        comment.read("", "warning: x\nerror: get stack secrets manager: incorrect passphrase\n"),
        comment.read("", ""),
    ):
        assert "### Preview of `prod`: failed" in comment.markdown("prod", found)
    assert "The stack file has 1 fault" in comment.markdown("prod", comment.read(preview(**said)))
    assert "incorrect passphrase" in comment.markdown("prod", comment.read("", "error: incorrect passphrase"))


def test_a_preview_with_drift_has_not_failed() -> None:
    text = preview(a_step("update", "Release", "code", {"drift": ["web1: x"], "a": 1}, {"drift": [], "a": 1}))
    found = comment.read(text, "error: no changes were expected for preview but changes were proposed\n")

    assert not found.failed
    assert "error" not in comment.markdown("prod", found)


def test_no_secret_of_the_job_stands_in_a_comment_even_where_a_line_is_cut() -> None:
    secrets = comment.environment_secrets({
        "PULUMI_CONFIG_PASSPHRASE": "correct horse", "GITHUB_TOKEN": "ghs_token", "PATH": "/usr/bin",
        "PULUMI_BACKEND_URL": "postgres://pulumi:hunter22@db/pulumi",
    })  # fmt: skip
    line = "x" * (comment.LINE - 6) + "correct horse"
    found = comment.read(
        "", f"error: unable to open postgres://pulumi:hunter22@db/pulumi\nerror: {line} ghs_token", secrets=secrets
    )

    written = comment.markdown("prod", found)

    assert {"correct horse", "ghs_token", "hunter22"} == set(secrets)
    for part in ("hunter22", "correct", "horse", "ghs_"):
        assert part not in written


def test_a_comment_of_a_large_farm_is_of_bounded_length_and_whole_markdown() -> None:
    drift = [f"web1: file /var/{number}/{'x' * 500}: content differs ```" for number in range(500)]
    steps = [
        a_step("update", "SiteConfiguration", f"{number}.{'y' * 300}.example.com", {"drift": [line], "a": 1}, {"a": 2})
        for number, line in enumerate(drift)
    ]
    written = comment.markdown("prod", comment.read(preview(*steps)))

    assert len(written) <= comment.LONGEST
    assert 0 == written.count("```") % 2
    assert "and 440 more" in written
    assert "and 460 deviations more" in written


def test_a_name_cannot_write_markdown_or_call_a_person() -> None:
    row = a_step("create", "Site", "a`|b<!-- @somebody [x](y)\nc")

    assert "| create | Site | `ab!-- somebody x(y)c` |  |" in comment.markdown("prod", comment.read(preview(row)))


# Posting it.


@pytest.fixture
def service() -> Iterator[tuple[type[Service], str]]:
    with serve("127.0.0.1") as served:
        yield served


def jobs(url: str) -> dict[str, dict[str, str]]:
    return {
        "github": {
            "GITHUB_REF": "refs/pull/7/merge",
            "GITHUB_API_URL": url,
            "GITHUB_REPOSITORY": "a/farm",
            "GITHUB_TOKEN": "t",
        },
        "gitlab": {
            "CI_MERGE_REQUEST_IID": "7",
            "CI_API_V4_URL": url,
            "CI_MERGE_REQUEST_PROJECT_ID": "3",
            "AEGIR_GITLAB_TOKEN": "t",
        },
    }


@pytest.mark.parametrize("name", ["github", "gitlab"])
def test_a_comment_is_written_once_and_then_changed_in_its_place(
    name: str, service: tuple[type[Service], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler, url = service
    handler.comments[:] = [{"id": number, "body": "somebody else's"} for number in range(1, 151)]
    for key, value in jobs(url)[name].items():
        monkeypatch.setenv(key, value)
    path = tmp_path / "comment.md"

    for stack, text in (("prod", "first"), ("prod", "second"), ("prod2", "other")):
        path.write_text(f"{comment.mark_of(stack)}\n{text}")
        assert 0 == post.main([name, stack, str(path)])

    ours = [entry["body"].rpartition("\n")[2] for entry in handler.comments[150:]]
    assert ["second", "other"] == ours
    assert all("t" in token for _, _, token in handler.asked)
    paths = {path for method, path, _ in handler.asked if method in ("PATCH", "PUT")}
    assert {"github": {"/repos/a/farm/issues/comments/151"}, "gitlab": {"/projects/3/merge_requests/7/notes/151"}}[
        name
    ] == paths


def test_a_job_without_a_merge_request_posts_nothing_and_one_without_a_token_says_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ("GITHUB_REF", "AEGIR_GITLAB_TOKEN", "CI_MERGE_REQUEST_IID"):
        monkeypatch.delenv(key, raising=False)
    assert 0 == post.main(["github", "prod", "/nowhere"])
    for key, value in jobs("http://127.0.0.1:1")["gitlab"].items():
        if key != "AEGIR_GITLAB_TOKEN":
            monkeypatch.setenv(key, value)
    assert 1 == post.main(["gitlab", "prod", "/nowhere"])
    assert "AEGIR_GITLAB_TOKEN is not set" in capsys.readouterr().err
    monkeypatch.setenv("AEGIR_GITLAB_TOKEN", "t")
    assert 1 == post.main(["gitlab", "prod", "/nowhere"])
    assert "the preview ended before it wrote one" in capsys.readouterr().err


# Plans.


def test_a_plan_opens_for_its_stack_and_commit_only_and_nobody_reads_it() -> None:
    sealed = seal.close(b'{"host": "db1.example.com"}', "key", stack="prod", commit="abc")

    assert b"example" not in sealed
    assert b'{"host": "db1.example.com"}' == seal.reopen(sealed, "key", stack="prod", commit="abc")
    for wrong, told in (
        ({"key": "other"}, "another passphrase"),
        ({"stack": "test"}, "for the stack prod, not test"),
        ({"commit": "def"}, "for the commit abc, not def"),
        ({"sealed": sealed[:-9] + b"AAAAAAAAA"}, "it was changed"),
        ({"sealed": b"{}"}, "no plan that was saved"),
    ):
        asked: dict[str, Any] = {"sealed": sealed, "key": "key", "stack": "prod", "commit": "abc"} | wrong
        with pytest.raises(seal.NotSealed, match=told):
            seal.reopen(asked["sealed"], asked["key"], stack=asked["stack"], commit=asked["commit"])


def test_the_key_of_a_plan_is_the_jobs_own_or_the_stacks_passphrase(tmp_path: Path) -> None:
    (tmp_path / "passphrase").write_text("from a file\n")
    file = {"PULUMI_CONFIG_PASSPHRASE_FILE": str(tmp_path / "passphrase")}

    assert "from a file" == seal.key_from(file)
    assert "own" == seal.key_from({**file, "AEGIR_PLAN_KEY": "own"})
    with pytest.raises(seal.NotSealed, match="set AEGIR_PLAN_KEY"):
        seal.key_from({})
    with pytest.raises(seal.NotSealed, match="cannot be read"):
        seal.key_from({"PULUMI_CONFIG_PASSPHRASE_FILE": str(tmp_path / "gone")})


# Locks.

NOW = dt.datetime(2026, 1, 31, 12, 0, tzinfo=dt.UTC)
SAID = """error: the stack is currently locked by 2 lock(s). Either wait for the other process(es) to end or delete the lock file.
  postgres://****:****@db/pulumi/.pulumi/locks/prod/89c2.json: created by root@ci-7 (pid 972) at 2026-01-31T11:00:00Z
  file:///srv/.pulumi/locks/organization/aegir/prod/11c2.json: created by mia@laptop (pid 5) at 2026-01-31T12:30:00+01:00
"""


def here(**changes: Any) -> recover.Here:
    facts: dict[str, Any] = {"host": "ci-1", "now": NOW, "lives": lambda _: False, "ours": ("ci-*",)}
    return recover.Here(**facts | changes)


def a_lock(host: str, minutes: float) -> recover.Lock:
    return recover.Lock(user="root", host=host, pid=972, since=NOW - dt.timedelta(minutes=minutes))


def test_who_holds_a_stack_is_read_from_what_pulumi_says() -> None:
    found = recover.locks(SAID)

    assert [("root", "ci-7", 972), ("mia", "laptop", 5)] == [(lock.user, lock.host, lock.pid) for lock in found]
    assert "mia@laptop (process 5) since 2026-01-31 11:30:00 UTC" == str(found[1])


@pytest.mark.parametrize(
    ("lock", "facts", "expected"),
    [
        pytest.param(a_lock("ci-1", 1), {}, True, id="here, and its process is gone"),
        pytest.param(a_lock("ci-1", 999), {"lives": lambda _: True}, False, id="here, and its process lives"),
        pytest.param(a_lock("ci-7", 56), {}, True, id="another machine of the CI, older than a run may take"),
        pytest.param(a_lock("ci-7", 54), {}, False, id="another machine of the CI, within its time"),
        pytest.param(a_lock("ci-7", 56), {"limit": 7200.0}, False, id="runs may take longer"),
        pytest.param(a_lock("laptop", 99999), {}, False, id="a person's machine, however old"),
        pytest.param(a_lock("ci-7", 99999), {"ours": ()}, False, id="no machine is known to be the CI's"),
    ],
)  # fmt: skip
def test_a_lock_is_taken_away_only_when_its_holder_is_known_to_be_dead(
    lock: recover.Lock, facts: dict[str, Any], expected: bool
) -> None:
    assert expected is (recover.dead(lock, here(**facts)) is not None)


def test_one_living_holder_keeps_all_locks(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("nothing is cancelled"))

    assert recover.HELD == recover.unlock("prod", SAID, here())
    assert (
        "the stack prod is at work by mia@laptop (process 5) since 2026-01-31 11:30:00 UTC\n" == capsys.readouterr().out
    )


def test_words_that_name_no_holder_take_no_lock_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("nothing is cancelled"))

    assert recover.HELD == recover.unlock("prod", "the stack is currently locked by 1 lock(s)", here())


def test_what_a_dead_run_has_left_is_found_by_its_mark_and_its_own_line_is_left_alone(tmp_path: Path) -> None:
    me, parent = os.getpid(), os.getppid()
    for pid, stack, line in (
        (me, "prod", "python -m pulumi.x"), (parent, "prod", "timeout pulumi up"), (900001, "prod", "python -m pulumi.dynamic"),
        (900002, "test", "python -m pulumi.dynamic"), (900003, "prod", "ssh: [mux]"),
    ):  # fmt: skip
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "cmdline").write_text(line.replace(" ", "\0"))
        (tmp_path / str(pid) / "environ").write_text(f"HOME=/root\0{recover.MARK}={stack}\0")
        (tmp_path / str(pid) / "stat").write_text(f"{pid} (py (x) y) S {parent if pid == me else 1} 0")

    assert [900001] == recover.orphans("prod", tmp_path)


def test_pending_operations_are_named() -> None:
    operation = {"type": "creating", "resource": {"urn": f"{URN}SiteConfiguration::www.example.com"}}

    assert ["creating www.example.com"] == recover.pending(
        json.dumps({"deployment": {"pending_operations": [operation]}})
    )
    assert [] == recover.pending(json.dumps({"deployment": {"resources": []}}))
    assert [] == recover.pending(json.dumps({"deployment": None}))
