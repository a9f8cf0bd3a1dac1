"""What of a site an edit carries elsewhere, and what may be there already. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from aegir_components.inputs.database import DatabaseServer
from aegir_components.inputs.site import ServedSite
from aegir_components.remote.connection import Connection

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


def change(had: ServedSite | None, want: ServedSite) -> Change:
    """Compare where a site is with where it is to be.

    Args:
        had: the inputs of its ``SiteConfiguration`` that are recorded; ``None`` for a new site.
        want: the new ones.
    """
    if had is None or not had.members:
        return Change(files=False, database=False)
    elsewhere = bool(had.accounts and want.accounts and is_other_server(had.accounts.machine, want.accounts.machine))
    return Change(files=leaves_all(had.connections, want.connections), database=elsewhere)


def leaves_all(before: Mapping[str, Connection], now: Mapping[str, Connection]) -> bool:
    """Return whether a site leaves all of its web servers for others."""
    return bool(before and now) and not any(conn.twin(now) for conn in before.values())


def is_elsewhere(before: Mapping[str, Connection], now: Mapping[str, Connection]) -> bool:
    """Return whether a site gets or loses any web server."""
    return len(before) != len(now) or not all(conn.twin(now) for conn in before.values())


def is_other_server(one: DatabaseServer, other: DatabaseServer) -> bool:
    """Return whether two are different database servers: a server may get another name, or another address."""
    moved = (one.address, one.port) != (other.address, other.port)
    return moved and one.server != other.server


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
