"""A web server or database machine that was taken over answers our scripts with whatever it likes."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pulumi
import pytest

from aegir_components.scripts import script
from tests.provider.test_contract import EXAMPLES, World, created, world

__all__ = ["world"]

SAID = {
    "nothing": "",
    "many digits": "9" * 5000,
    "a negative number": "-1",
    "no number": "nan",
    "without end": "1e999",
    "a place of the hub's": "../../../../../../etc/passwd",
    "an absolute place": "/etc/passwd",
    "a program": "$(touch /tmp/aegir-attack) `touch /tmp/aegir-attack`; touch /tmp/aegir-attack",
    "lines": "a\nb\n::fact x eA==\n",
    "what drives a terminal": "\x1b]0;title\x07\x1b[2J\x9b31m\r\x08",
    "text the other way round": "\u202eabc",
    "an option": "--help",
    "no text": "\udcff\ufffd\x00",
    "very much": "x" * 100_000,
    "JSON": '{"a": [1, 2]}',
}


class Hostile:
    """Stands between a machine's answer and whoever reads it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.says: str | None = None
        self.replaced = 0
        kept = script.parse

        def parse(stdout: str) -> script.Report:
            report = kept(stdout)
            if self.says is None:
                return report
            self.replaced += len(report.facts)
            lines = [f"::fact {name} {script.encoded(self.says)}" for name in report.facts if self._is_text()]
            lines.append(f"::drift {script.encoded(self.says)}" if self._is_text() else "")
            return kept("\n".join(lines))

        monkeypatch.setattr(script, "parse", parse)

    def _is_text(self) -> bool:
        try:
            (self.says or "").encode()
        except UnicodeEncodeError:
            return False
        return True


def ended(act: Callable[[], object]) -> str:
    """Call it, and say how it ended; empty for well."""
    try:
        act()
    except RuntimeError as fault:
        return str(fault)
    return ""


@pytest.fixture
def hostile(monkeypatch: pytest.MonkeyPatch) -> Hostile:
    return Hostile(monkeypatch)


@pytest.mark.parametrize("says", SAID.values(), ids=SAID)
@pytest.mark.parametrize("name", sorted(name for name in EXAMPLES if EXAMPLES[name].hosts))
def test_no_answer_ends_in_a_traceback_or_drives_the_terminal(
    name: str, says: str, world: World, hostile: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    for level in ("info", "warn", "error"):
        monkeypatch.setattr(pulumi.log, level, lambda text, *_given: told.append(text))
    driver = created(name, world)
    hostile.says = says
    for act in (driver.read, lambda: driver.update({**driver.inputs, **EXAMPLES[name].another}), driver.delete):
        if said := ended(act):
            # As lifecycle.py gives it to Pulumi: a text of ours names the machine first.
            assert re.match(r"(\w+, )*\w+: ", said), said[:300]
            told.append(said)
    told += [str(text) for text in driver.outs.get("drift") or ()]
    for text in told:
        assert not [character for character in text if not (character.isprintable() or character in "\n\t")], text[:300]
        assert len(text) < 20_000
    assert not Path("/tmp/aegir-attack").exists()
