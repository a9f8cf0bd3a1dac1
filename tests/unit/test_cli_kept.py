"""What a status says of backups while nobody can read the stack file."""

from __future__ import annotations

from typing import Any, cast

import pytest

from aegir_components.cli import kept, rows
from aegir_components.cli.ends import Refusal
from aegir_components.cli.made import Site
from aegir_components.cli.stack import Stack
from aegir_components.cli.state import State
from aegir_components.messages import numbered
from tests.unit.made import outputs


class Unreadable:
    """A stack whose file has a fault."""

    def drawn(self, _state: State) -> None:
        raise Refusal(numbered(9012, "Pulumi.prod.yaml: config: must hold keys such as aegir:servers"))


@pytest.mark.parametrize("backups", [(), ("one",)])
def test_a_stack_file_with_a_fault_is_not_well_where_sites_have_backups(
    monkeypatch: pytest.MonkeyPatch, backups: tuple[str, ...]
) -> None:
    class Book:
        def __init__(self, **_given: str) -> None: ...

        def backups(self) -> tuple[str, ...]:
            return backups

    monkeypatch.setattr(kept, "Book", Book)
    state = State(stack="prod", sites={"www": Site(identity="www", configuration=outputs({"holder": "aegir/prod"}))})
    found, unread = kept.of_stack(cast("Stack", Unreadable()), state)
    assert found == {}
    assert bool(unread) is bool(backups)
    status = rows.status(state, None, rows.today(), found, [unread] if unread else [])
    hub: Any = status.hub
    assert bool(hub) is bool(backups)
    if backups:
        assert "nothing is said of backups, since the stack file cannot be read" in unread
        assert "must hold keys such as aegir:servers" in unread
        assert not status.well
