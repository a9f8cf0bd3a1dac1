"""Who interrupts a command for several sites reads which of them have ended, were at work, and were not begun."""

from __future__ import annotations

import re
import signal
import subprocess
import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest

from aegir_components.cli import backup, restore, update
from aegir_components.cli.progress import Progress
from aegir_components.rollout import waves
from aegir_components.rollout.update import Outcome
from aegir_components.settings.updating import Rollout

AT_ONCE = 2
NAMES = ["a", "b", "c", "d", "e"]


class Work:
    """Work on sites that Ctrl-C interrupts when the first ones are at work."""

    def __init__(self) -> None:
        self.all, self.begun = threading.Barrier(AT_ONCE, timeout=10), list[str]()

    def __call__(self, name: str) -> None:
        self.begun.append(name)
        if name in NAMES[:AT_ONCE]:
            self.all.wait()
        # The main thread waits for the first one; what it raises arrives there as Ctrl-C does.
        if name == "a":
            raise KeyboardInterrupt
        time.sleep(0.5)


def test_ctrl_c_in_a_restore_of_several_sites_tells_of_each(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    work = Work()
    monkeypatch.setattr(restore, "SIDE_BY_SIDE", AT_ONCE)
    monkeypatch.setattr(restore, "_done", lambda _unlocked, one: work(one.site.name))
    jobs: Any = [SimpleNamespace(site=SimpleNamespace(name=name)) for name in NAMES]
    unlocked: Any = None
    with pytest.raises(KeyboardInterrupt):
        restore._side_by_side(unlocked, jobs)
    assert_told(capsys, work)


def test_ctrl_c_in_a_backup_of_several_sites_tells_of_each(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    work = Work()
    monkeypatch.setattr(backup, "SIDE_BY_SIDE", AT_ONCE)
    with pytest.raises(KeyboardInterrupt):
        backup.side_by_side(NAMES, work)
    assert_told(capsys, work)


def test_ctrl_c_in_an_update_of_several_sites_tells_of_each(capsys: pytest.CaptureFixture[str]) -> None:
    work, progress = Work(), Progress(NAMES)

    def heavy(site: str) -> Outcome:
        work(site)
        return Outcome()

    made = waves.Work(
        heavy=heavy, light=lambda _sites: {}, is_light=lambda _site: False, name=str, goes=lambda _site: True,
        held=lambda _site, _why: None, done=lambda _done: None, at_once=lambda: AT_ONCE,
    )  # fmt: skip
    with pytest.raises(KeyboardInterrupt):
        waves.run(NAMES, Rollout(), update._noting(made, progress))
    after = assert_told(capsys, work)
    assert any(line.startswith("b: 0 updates, rehearsed in ") for line in after)


def assert_told(capsys: pytest.CaptureFixture[str], work: Work) -> list[str]:
    """See that each site is in one line, and those that were not begun are named; give the lines after that."""
    lines = [line.removeprefix("aegir: ") for line in capsys.readouterr().err.splitlines()]
    working, left, *after = lines
    assert working.startswith("at work when interrupted: a, b")
    assert left.startswith("not begun: ")
    assert left.endswith("d, e")
    assert NAMES == [name for line in (working, left) for name in line.partition(": ")[2].split(", ")]
    assert set(work.begun) == set(working.partition(": ")[2].split(", "))
    assert after.pop(0).startswith("waiting for what is at work. To end it at once press Ctrl-")
    assert {line.partition(":")[0] for line in after} <= set(work.begun), "how they have ended"
    return after


def test_ctrl_c_tells_each_site_what_became_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress(["a", "b", "c", "d"])
    progress.end("d")
    with progress.at_work("a"):
        pass

    def interrupted() -> None:
        with progress.told(), progress.at_work("b"):
            progress.interrupt()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    said = [
        "ended: a, d", "at work when interrupted: b", "not begun: c",
        "waiting for what is at work. To end it at once press Ctrl-\\; the same command then repairs the site",
    ]  # fmt: skip
    assert [f"aegir: {line}" for line in said] == capsys.readouterr().err.splitlines(), "it is told once"


def test_programs_of_a_site_at_work_do_not_hear_of_ctrl_c() -> None:
    """A terminal sends it to each process in the foreground."""
    progress, seen = Progress(["a"]), dict[str, int]()

    def blocked() -> int:
        said = subprocess.run(
            ["cat", "/proc/self/status"], capture_output=True, text=True, check=True, timeout=10
        ).stdout
        [mask] = re.findall(r"^SigBlk:\s*(\w+)$", said, re.MULTILINE)
        return int(mask, 16) >> (signal.SIGINT - 1) & 1

    def work() -> None:
        with progress.at_work("a"):
            seen["at work"] = blocked()
        seen["after"] = blocked()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(20)
    with progress.at_work("a"):
        seen["main thread"] = blocked()
    assert {"at work": 1, "after": 0, "main thread": 0} == seen


def test_what_ends_by_itself_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress(["a"])
    with progress.told(), progress.at_work("a"):
        pass
    assert not capsys.readouterr().err
