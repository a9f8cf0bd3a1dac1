"""Who interrupts a command for several sites reads which of them have ended, were at work, and were not begun."""

from __future__ import annotations

import pytest

from aegir_components.cli.progress import Progress


def test_ctrl_c_tells_each_site_what_became_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress(["a", "b", "c", "d"])
    progress.end("d")
    with progress.at_work("a"):
        pass
    with pytest.raises(KeyboardInterrupt), progress.told(), progress.at_work("b"):
        progress.interrupt()
        raise KeyboardInterrupt
    said = ["ended: a, d", "at work when interrupted: b", "not begun: c"]
    assert [f"aegir: {line}" for line in said] == capsys.readouterr().err.splitlines(), "it is told once"


def test_what_ends_by_itself_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress(["a"])
    with progress.told(), progress.at_work("a"):
        pass
    assert not capsys.readouterr().err
