"""What `aegir history` lists of a site that has had other names."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from aegir_components.cli import audit, history, survey
from aegir_components.cli.made import Site
from aegir_components.cli.state import State
from aegir_components.hub import audited
from aegir_components.hub import records as hub_records
from tests.unit.made import outputs


def named(identity: str, name: str) -> Site:
    return Site(identity=identity, configuration=outputs({"name": name}))


OLD, NEW = named("old.example.com", "new.example.com"), named("other.example.com", "old.example.com")


def listed(root: Path, site: Site, *sites: Site) -> list[tuple[str, str]]:
    state = State(stack="prod", sites={each.name: each for each in sites})
    return [(event.what, event.on) for event in history.of_commands(audit.entries(root), state, site, "")]


def test_a_renamed_site_keeps_the_lines_of_its_former_names(tmp_path: Path) -> None:
    for name in ("old.example.com", "middle.example.com", "new.example.com"):
        with audit.noted(tmp_path, "prod", f"login of {name}", sites=[named("old.example.com", name)]):
            pass
    with audit.noted(tmp_path, "prod", "backup", sites=[named("other.example.com", "old.example.com"), OLD]):
        pass
    with audit.noted(tmp_path, "test", "login elsewhere", sites=[OLD]):
        pass

    commands = ["login of old.example.com", "login of middle.example.com", "login of new.example.com", "backup"]
    assert [(what, "new.example.com") for what in commands] == listed(tmp_path, OLD, OLD, NEW)
    assert [("backup", "old.example.com")] == listed(tmp_path, NEW, OLD, NEW), "who has the name now is another site"


@pytest.mark.parametrize(("sites", "count"), [((OLD,), 2), ((OLD, NEW), 1)])
def test_a_line_of_an_early_version_counts_by_the_first_name_unless_another_site_has_it(
    tmp_path: Path, sites: tuple[Site, ...], count: int
) -> None:
    for name in ("old.example.com", "new.example.com"):
        audited.write(tmp_path, audited.Entry(at=1, who="ann@hub", stack="prod", command="login", sites=(name,)))
    (path,) = (hub_records.place(str(tmp_path)) / "history").glob("*.jsonl")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    path.write_text("".join(f"{json.dumps({k: v for k, v in each.items() if k != 'identities'})}\n" for each in lines))

    assert count == len(listed(tmp_path, OLD, *sites))


def test_a_report_says_who_changed_a_site_last_under_whatever_name(tmp_path: Path) -> None:
    with audit.noted(tmp_path, "prod", "update", sites=[named("old.example.com", "middle.example.com")]):
        pass
    state = State(stack="prod", sites={each.name: each for each in (OLD, NEW)})
    stack: Any = SimpleNamespace(name="prod", engine=SimpleNamespace(last_run=lambda _name: {}))

    found = survey._changes(tmp_path, state, stack)

    assert {"new.example.com"} == set(found), "and not the one that has its first name now"
    assert f"{audit.who()}: update, " in found["new.example.com"]
