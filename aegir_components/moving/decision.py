"""What of a site an edit carries elsewhere, and what may be there already. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from aegir_components.host.connection import Connection

Props = Mapping[str, Any]
Verdict = Literal["carry", "adopt", "nothing", "both", "half", "missing"]


@dataclass(frozen=True, slots=True)
class Change:
    """What an edit carries."""

    files: bool
    """Whether no web server of before is one of the new ones, so that the files have to come."""
    database: bool
    """Whether the database gets another server."""

    def __bool__(self) -> bool:
        return self.files or self.database


def change(had: Props, want: Props) -> Change:
    """Compare where a site is with where it is to be.

    Args:
        had: the inputs of its ``SiteConfiguration`` that are recorded; empty for a new site.
        want: the new ones.
    """
    if not had.get("members"):
        return Change(files=False, database=False)
    before, now = (props.get("accounts") for props in (had, want))
    elsewhere = before is not None and now is not None and is_other_server(before, now)
    return Change(files=leaves_all(had, want), database=elsewhere)


def leaves_all(had: Props, want: Props) -> bool:
    """Return whether a site leaves all of its web servers for others."""
    before, now = (Connection.of_members(props.get("members") or {}) for props in (had, want))
    return bool(before and now) and not any(conn.twin(now) for conn in before.values())


def is_elsewhere(had: Props, want: Props) -> bool:
    """Return whether a site gets or loses any web server."""
    before, now = (Connection.of_members(props.get("members") or {}) for props in (had, want))
    return len(before) != len(now) or not all(conn.twin(now) for conn in before.values())


def server_of(props: Props) -> dict[str, Any]:
    """Say which database server is meant: by its declared name, its address and its port."""
    return {"server": str(props.get("server") or ""), "address": str(props["address"]), "port": int(props["port"])}


def is_other_server(one: Props, other: Props) -> bool:
    """Return whether two are different database servers: a server may get another name, or another address."""
    before, now = server_of(one), server_of(other)
    moved = (before["address"], before["port"]) != (now["address"], now["port"])
    return moved and before["server"] != now["server"]


def of_database(*, there: bool, tables: int, arrived: int, marked: bool) -> Verdict:
    """Decide what is done with a database that gets another server.

    Args:
        there: whether it is on the former server.
        tables: how many it has there.
        arrived: how many there are on the new server.
        marked: whether those were loaded by a run that did not come to its end, so that nobody has used them.

    Returns:
        ``carry`` it; ``adopt`` what is on the new server; ``nothing`` is to be carried. The others are errors: ``both``
        have content, only ``half`` of a copy is left, or it is ``missing``.
    """
    if tables:
        return "both" if arrived and not marked else "carry"
    if arrived:
        return "half" if marked else "adopt"
    return "nothing" if there else "missing"
