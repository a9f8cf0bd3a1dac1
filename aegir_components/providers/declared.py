"""How machines and database servers are reached by what is declared now: what a removal goes by, in place of the state.

An edit may change an address, a port or a password, or an entry's name (which makes another password), and remove a site as
well. The engine removes with the inputs that the state has, when the former way leads nowhere any more.
"""

from __future__ import annotations

from typing import Any, TypeVar

from aegir_components.inputs.database import DatabaseLogin
from aegir_components.inputs.props import Props, names
from aegir_components.process import Declared
from aegir_components.remote.connection import Connection

State = dict[str, Any]
PropsT = TypeVar("PropsT", bound=Props)

_WAY = names(DatabaseLogin) - {"connection"}
"""Inputs that say how the hub logs in to a database server."""


def note_machine(declared: Declared, host: str, conn: Connection) -> None:
    """Remember how a declared machine is reached."""
    declared.machines[host] = conn


def note_database(declared: Declared, login: DatabaseLogin) -> None:
    """Remember how the hub logs in to a declared database server."""
    declared.databases[_machine(login.connection, login.address, login.port)] = login


def connection(declared: Declared, conn: Connection) -> Connection:
    """Give the declared connection to a machine, or the one that the state has where no such machine is declared."""
    return declared.machines.get(conn.host, conn)


def reached_now(declared: Declared, inputs: PropsT) -> PropsT:
    """Give recorded inputs with the ways as they are declared now."""
    return type(inputs).from_props(reached(declared, inputs.to_props()))


def reached(declared: Declared, have: State) -> State:
    """Give the inputs of a resource that goes, with the ways as they are declared now."""
    found: State = _with_connections(declared, have)
    if "hub_password" not in found or not isinstance(found.get("accounts"), dict):
        return _logged_in(declared, found)
    # A site's configuration has its database's inputs as a mapping, and the secrets beside it.
    accounts = _logged_in(declared, {**found["accounts"], "password": found["hub_password"]})
    password = accounts.pop("password")
    return {**found, "accounts": accounts, "hub_password": password}


def _logged_in(declared: Declared, props: State) -> State:
    if not {"connection", "address", "port", "user", "password"} <= props.keys():
        return props
    found = DatabaseLogin.from_props(props)
    way = declared.databases.get(_machine(found.connection, found.address, found.port))
    if way is None:
        return props
    now = {key: value for key, value in way.to_props().items() if key in _WAY}
    return {**{key: value for key, value in props.items() if key not in _WAY}, **now}


def _machine(conn: Connection, address: str, port: int) -> tuple[str, str, int]:
    # An external database has no machine that is logged in to.
    return ("none", address, port) if conn.kind == "none" else conn.place


def _with_connections(declared: Declared, value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: connection(declared, Connection.from_props(item)).to_props()
            if key == "connection" and isinstance(item, dict)
            else _with_connections(declared, item)
            for key, item in value.items()
        }
    return [_with_connections(declared, item) for item in value] if isinstance(value, list) else value
