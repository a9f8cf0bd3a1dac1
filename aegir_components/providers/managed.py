"""aegir:ManagedDatabase: a database that somebody else runs, used with the credentials that they gave; no ssh at all."""

from __future__ import annotations

from typing import Any

import pulumi

from aegir_components.mysql import client, statements

from . import declared
from .database import endpoint
from .lifecycle import AegirResource, Lifecycle, State, Untyped


class Provider(Lifecycle[Untyped, Untyped]):
    """Logs in from the hub and looks whether the account may do what it has to."""

    identity_keys = ("host", "user")
    secret_keys = ("password",)
    computed_keys = ("version",)

    def identity(self, want: State) -> str:
        """An account on a server."""
        return f"{want['user']}@{want['host']}"

    def notice(self, want: State) -> None:
        """What goes in the same run is dumped by the account as it is declared now."""
        declared.note_database(want.ask(dict, None))

    def observe(self, want: State) -> State:
        """Log in; what the account lacks is drift that only its owner can repair."""
        version, faults = _look(want)
        return {"drift": faults, "version": version}

    def converge(self, want: State, _was: State) -> State:
        """Log in, and refuse an account that cannot do the work."""
        version, faults = _look(want)
        if faults:
            raise client.DatabaseDenied(
                f"{want['host']}: the account {want['user']} {'; '.join(faults)}. Let the owner of the database grant it, "
                f"WITH GRANT OPTION"
            )
        return {"version": version}

    def remove(self, have: State) -> None:
        """Nothing of ours is there."""


class ManagedDatabase(AegirResource, module="aegir", name="ManagedDatabase"):
    """A database server that somebody else runs."""

    version: pulumi.Output[str]
    """What the server says of itself."""

    def __init__(self, name: str, props: dict[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare it.

        Args:
            name: the server's name.
            props: ``host``, ``address``, ``port``, ``user``, ``password`` (secret), ``authority``.
            opts: Pulumi's options.
        """
        super().__init__(Provider(), name, props, opts)


def _look(want: State) -> tuple[str, list[str]]:
    with client.connect(endpoint(want, str(want["host"]))) as session:
        version = str(session.rows("SELECT VERSION()")[0][0])
        grants = [str(row[0]) for row in session.rows("SHOW GRANTS")]
    have = statements.parse_grants(grants).get("*.*", frozenset())
    if {"ALL PRIVILEGES", "GRANT OPTION"} <= have:
        return version, []
    wanted = statements.MANAGED_PRIVILEGES | {"GRANT OPTION"}
    return version, [f"lacks {privilege}" for privilege in sorted(wanted - have)]
