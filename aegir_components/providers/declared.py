"""How machines and database servers are reached by what is declared now: what a removal goes by, in place of the state.

An edit may change an address, a port or a password, or an entry's name (which makes another password), and remove a site as
well. The engine removes with the inputs that the state has, when the former way leads nowhere any more.
"""

from __future__ import annotations

from typing import Any

from aegir_components.host.connection import Connection

State = dict[str, Any]

_machines: dict[str, State] = {}
"""Connections by the declared name: of this process, which has all resources of a run, since a provider has no data."""
_databases: dict[tuple[str, str, int], State] = {}
"""Ways to a database server, by its machine."""
_WAY = ("address", "port", "user", "password", "authority", "reach")
"""Inputs that say how the hub logs in to a database server."""


def note_machine(want: State) -> None:
    """Remember how a declared machine is reached."""
    if "connection" in want and "host" in want:
        _machines[str(want["host"])] = dict(want["connection"])


def note_database(want: State) -> None:
    """Remember how the hub logs in to a declared database server."""
    if {"connection", "address", "port", "user", "password"} <= want.keys():
        _databases[_machine(want)] = {key: want[key] for key in _WAY if key in want}


def forget() -> None:
    """Know nothing, as a new process does."""
    _machines.clear()
    _databases.clear()


def connection(conn: Connection) -> Connection:
    """Give the declared connection to a machine, or the one that the state has where no such machine is declared."""
    now = _machines.get(conn.host)
    return Connection.from_props(now) if now is not None else conn


def reached(have: State) -> State:
    """Give the inputs of a resource that goes, with the ways as they are declared now."""
    found: State = _with_connections(have)
    if "hub_password" not in found or not isinstance(found.get("accounts"), dict):
        return _logged_in(found)
    # A site's configuration has its database's inputs as a mapping, and the secrets beside it.
    accounts = _logged_in({**found["accounts"], "password": found["hub_password"]})
    password = accounts.pop("password")
    return {**found, "accounts": accounts, "hub_password": password}


def _logged_in(props: State) -> State:
    if not {"connection", "address", "port", "user", "password"} <= props.keys():
        return props
    way = _databases.get(_machine(props))
    if way is None:
        return props
    return {**{key: value for key, value in props.items() if key not in _WAY}, **way}


def _machine(props: State) -> tuple[str, str, int]:
    conn = Connection.from_props(props["connection"])
    # A database that somebody else runs has no machine that is logged in to.
    return ("none", str(props["address"]), int(props["port"])) if conn.kind == "none" else conn.place


def _with_connections(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: dict(_machines.get(str(item.get("host")), item))
            if key == "connection" and isinstance(item, dict)
            else _with_connections(item)
            for key, item in value.items()
        }
    return [_with_connections(item) for item in value] if isinstance(value, list) else value
