"""Commands on the same sites know of each other, and a run of Pulumi's knows of them."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aegir_components.cli import site_lock
from aegir_components.cli.ends import Refusal
from aegir_components.cli.stack import Stack
from aegir_components.hub import at_work
from aegir_components.hub.at_work import Claim, ClaimedError

STACK = "aegir/prod"
UPDATE = Claim(stack=STACK, command="update", sites={"a": "a.example.com", "b": "b.example.com"}, alone=True)
RUN = Claim(stack=STACK, command="run drush", sites={"a": "a.example.com", "c": "c.example.com"})
OTHER = replace(UPDATE, sites={"d": "d.example.com"})


def kept_away(root: Path, first: Claim, second: Claim) -> str:
    """Begin a command while another is at work, and give what it is told."""
    with at_work.claimed(root, first) as why:
        assert not why
        try:
            with at_work.claimed(root, second):
                return ""
        except ClaimedError as busy:
            return str(busy)


@pytest.mark.parametrize(
    ("first", "second", "meets"),
    [
        (UPDATE, RUN, True),
        (RUN, UPDATE, True),
        (UPDATE, UPDATE, True),
        (RUN, RUN, False),
        (UPDATE, OTHER, False),
        (UPDATE, replace(RUN, stack="aegir/test"), False),
        (UPDATE, Claim(stack=STACK, command="prune"), True),
        (RUN, Claim(stack=STACK, command="prune"), False),
        (Claim(stack=STACK, command="keys rotate", alone=True), RUN, True),
    ],
)
def test_what_has_a_site_for_itself_keeps_others_away(
    tmp_path: Path, first: Claim, second: Claim, *, meets: bool
) -> None:
    assert meets is bool(kept_away(tmp_path, first, second))
    assert [] == at_work.at_work(tmp_path)


def test_who_is_kept_away_reads_who_works_since_when_and_what_to_type(tmp_path: Path) -> None:
    said = kept_away(tmp_path, replace(UPDATE, who="ann@hub", process=4711), RUN)
    assert re.search(
        r"ann@hub runs aegir update on a\.example\.com \(process 4711, since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\)", said
    )
    assert "b.example.com" not in said
    assert "run the same command again; ps -p 4711 shows whether it still works" in said


def test_the_lock_ends_with_its_process(tmp_path: Path) -> None:
    program = (
        "import os, pathlib, sys\nfrom aegir_components.hub.at_work import Claim, claimed\n"
        "with claimed(pathlib.Path(sys.argv[1]), Claim(stack='aegir/prod', command='restore', alone=True)):\n"
        "    print('begun', flush=True)\n    sys.stdin.read()\n    os._exit(1)\n"
    )
    words = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert "begun\n" == running.stdout.readline()
        [found] = at_work.at_work(tmp_path)
        assert ("restore", running.pid) == (found.command, found.process)
        with pytest.raises(ClaimedError, match="all sites of prod"):
            at_work.refuse(tmp_path, RUN)
        running.kill()
    at_work.refuse(tmp_path, RUN)
    assert [] == list(tmp_path.rglob("*.json")), "what a killed command left is removed"


def test_a_hub_that_cannot_be_written_to_does_not_keep_a_command_from_its_work(tmp_path: Path) -> None:
    (tmp_path / "records").write_text("")
    with at_work.claimed(tmp_path, UPDATE) as why:
        assert "other commands do not know of this one" in why


@pytest.mark.parametrize(
    ("claim", "stack", "said"),
    [
        (UPDATE, STACK, "runs aegir update on a.example.com, b.example.com (process "),
        (RUN, STACK, ""),
        (UPDATE, "aegir/test", ""),
        (replace(UPDATE, sites={f"s{n}": f"s{n}.example.com" for n in range(8)}), STACK, "s4.example.com and 3 more ("),
    ],
    ids=["update", "run", "another stack", "many"],
)
def test_a_run_is_told_in_one_line_what_is_at_work(tmp_path: Path, claim: Claim, stack: str, said: str) -> None:
    assert [] == list(at_work.warnings(str(tmp_path), stack))
    with at_work.claimed(tmp_path, claim), at_work.claimed(tmp_path, OTHER):
        found = [line.replace("on d.example.com", "") for line in at_work.warnings(str(tmp_path), stack)]
    if stack != STACK:
        assert [] == found
        return
    [line] = found
    assert said in line
    assert ("a.example.com" in line) == (claim is UPDATE)


def waited(root: Path, claim: Claim, sites: list[str], seconds: float = 0.0) -> tuple[dict[str, str], list[str]]:
    """Let a run wait while a command is at work: the sites that are not free, and what was said meanwhile."""
    said: list[str] = []
    with at_work.claimed(root, claim):
        return at_work.wait_for(str(root), STACK, sites, said.append, seconds=seconds), said


@pytest.mark.parametrize(
    ("claim", "busy"),
    [
        (UPDATE, ["a"]),
        (RUN, []),
        (OTHER, []),
        (replace(UPDATE, stack="aegir/test"), []),
        (Claim(stack=STACK, command="keys rotate", alone=True), ["", "a", "c"]),
        (Claim(stack=STACK, command="prune"), []),
    ],
    ids=lambda given: getattr(given, "command", None),
)
def test_a_run_does_not_change_what_a_command_has_for_itself(tmp_path: Path, claim: Claim, busy: list[str]) -> None:
    found, _ = waited(tmp_path, claim, ["", "a", "c"])
    assert busy == sorted(found)
    for why in found.values():
        assert re.search(
            rf"\S+ runs aegir {claim.command} on .* \(process {claim.process}, since .*had not ended after 0 s", why
        )
        assert f"Run pulumi up again when it has ended; ps -p {claim.process} shows whether it still works" in why
        assert "b.example.com" not in why


def test_a_run_waits_for_the_end_of_a_command_and_says_so_once(tmp_path: Path) -> None:
    said: list[str] = []
    end = threading.Event()
    begun = threading.Event()

    def command() -> None:
        with at_work.claimed(tmp_path, UPDATE):
            begun.set()
            end.wait(10)

    working = threading.Thread(target=command)
    working.start()
    assert begun.wait(10)
    threading.Timer(1.2, end.set).start()
    assert {} == at_work.wait_for(str(tmp_path), STACK, ["a"], said.append, seconds=10)
    working.join(10)
    [line] = said
    assert re.match(r"waiting up to 10 s: \S+ runs aegir update on a\.example\.com \(process ", line)


def test_a_killed_command_is_not_waited_for(tmp_path: Path) -> None:
    with at_work.claimed(tmp_path, UPDATE):
        [path] = tmp_path.rglob("*.json")
        left = path.read_text()
    path.write_text(left)
    assert {} == at_work.wait_for(str(tmp_path), STACK, ["a"], lambda _text: None, seconds=10)


def test_a_command_that_works_alone_ends_when_a_run_has_begun_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run sees the command, or the command sees the run, whichever begins first."""
    seen: list[int] = []

    def refuse(_stack: Stack) -> None:
        seen.append(len(at_work.at_work(tmp_path)))
        raise Refusal("nothing was done: prod is locked by ann@hub")

    monkeypatch.setattr(site_lock, "refuse_locked", refuse)
    monkeypatch.setattr(site_lock, "holder_of", lambda _stack: STACK)
    stack: Any = None
    with pytest.raises(Refusal, match="locked by ann"), site_lock.held(tmp_path, stack, "update", [], alone=True):
        pass
    assert ([1], []) == (seen, at_work.at_work(tmp_path))
    with site_lock.held(tmp_path, stack, "run true", []):
        assert [1] == seen
