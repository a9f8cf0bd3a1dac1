"""Commands that change content or machines leave a line in the journals of the machines, however they end."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from aegir_components import cli
from aegir_components.cli import audit, journal
from aegir_components.cli.made import Site
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import HostUnreachable
from aegir_components.scripts import script
from tests.parsed import parsed
from tests.unit.made import members, outputs

COMMANDS = ("backup", "backups", "disk", "keys", "promote", "restore", "rewrite", "sync", "update")
"""Modules of the commands that leave no such line on their way, as `run` and `close` do."""


def site(name: str, *servers: str) -> Site:
    return Site(identity=name, installation=outputs({"name": name, "members": members(*servers)}))


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Give the line that each machine gets; `gone` does not answer."""
    found: dict[str, str] = {}

    def execute(conn: Connection, _mode: str, lines: list[str], **_options: Any) -> None:
        if conn.host == "gone":
            raise HostUnreachable("gone", "no answer")
        found[conn.host] = lines[-1]

    monkeypatch.setattr(script, "execute", execute)
    return found


def test_each_web_server_reads_who_did_what_on_its_sites_how_and_how_long(
    tmp_path: Path, written: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    sites = [site("a.org", "web1", "web2"), site("b.org", "web2", "gone"), Site(identity="never.came.up")]
    with audit.noted(tmp_path, "prod", "update", journal=journal.of_sites(sites)) as noting:
        noting.result("1 failed")
    assert f"{audit.who()}: aegir update on a.org: 1 failed after 0 s" in written["web1"]
    assert "aegir update on a.org, b.org: 1 failed" in written["web2"]
    assert "aegir: gone: the journal has no line of this command: no answer" in capsys.readouterr().err


def test_who_interrupts_a_command_leaves_a_line_too(tmp_path: Path, written: dict[str, str]) -> None:
    on = journal.of_machines({"web1": Connection(host="web1", address="x")})
    with pytest.raises(KeyboardInterrupt), audit.noted(tmp_path, "prod", "prune", journal=on):
        raise KeyboardInterrupt
    assert "aegir prune: interrupted after 0 s" in written["web1"]


def test_a_line_names_some_of_many_sites() -> None:
    entry = audit.Entry(at=1, who="ann@hub", stack="prod", command="backup (due)", seconds=61.4)
    said = journal.text(entry, [f"s{number}" for number in range(12)])
    assert said == "ann@hub: aegir backup (due) on s0, s1, s10, s11, s2, s3, s4, s5, s6, s7 and 2 more: done after 61 s"


@pytest.mark.parametrize("module", COMMANDS)
def test_what_changes_content_or_machines_writes_into_the_journal(module: str) -> None:
    tree = parsed(Path(str(cli.__file__)).with_name(f"{module}.py"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "audit.noted"]
    assert calls
    for call in calls:
        assert "journal" in {keyword.arg for keyword in call.keywords}, f"line {call.lineno}"
