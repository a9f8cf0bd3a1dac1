"""aegir:ManagedDatabase: an external database, used with the credentials that they gave; no ssh at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi

from aegir_components.inputs.database import DatabaseLogin
from aegir_components.inputs.props import Known
from aegir_components.messages import numbered
from aegir_components.mysql import client, statements

from . import declared
from .lifecycle import AegirResource, Lifecycle


@dataclass(frozen=True, kw_only=True, slots=True)
class ManagedDatabaseInputs(DatabaseLogin):
    """An external database server, and the account there that they gave."""

    host: str
    """The declared name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ManagedDatabaseState(ManagedDatabaseInputs):
    """A database server as the state has it."""

    version: str = ""
    """What the server says of itself."""


class ManagedDatabaseProvider(Lifecycle[ManagedDatabaseInputs, ManagedDatabaseState]):
    """Logs in from the hub and looks whether the account may do what it has to."""

    identity_keys = ("host", "user")
    secret_keys = ("password",)

    def identity(self, want: ManagedDatabaseInputs) -> str:
        """An account on a server."""
        return f"{want.user}@{want.host}"

    def notice(self, want: Known[ManagedDatabaseInputs]) -> None:
        """What goes in the same run is dumped by the account as it is declared now."""
        if login := want.ask(lambda inputs: inputs.login, None):
            declared.note_database(self.process.declared, login)

    def observe(self, have: ManagedDatabaseState) -> dict[str, Any]:
        """Log in; what the account lacks is drift that only its owner can repair."""
        version, faults = _look(have)
        return {"drift": faults, "version": version}

    def converge(self, want: ManagedDatabaseInputs, was: ManagedDatabaseState | None) -> dict[str, Any]:
        """Log in, and refuse an account that cannot do the work."""
        del was
        version, faults = _look(want)
        if faults:
            raise client.DatabaseDenied(
                numbered(
                    8512,
                    f"{want.host}: the account {want.user} {'; '.join(faults)}. Let the owner of the database grant it, "
                    f"WITH GRANT OPTION",
                )
            )
        return {"version": version}

    def remove(self, have: ManagedDatabaseState) -> None:
        """This program has made nothing there."""


class ManagedDatabase(AegirResource, module="aegir", name="ManagedDatabase"):
    """An external database server."""

    version: pulumi.Output[str]
    """What the server says of itself."""

    def __init__(self, name: str, inputs: ManagedDatabaseInputs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare it by the server's name."""
        super().__init__(ManagedDatabaseProvider(), name, inputs, opts)


def _look(inputs: ManagedDatabaseInputs) -> tuple[str, list[str]]:
    with client.connect(inputs.endpoint(inputs.host, inputs.password)) as session:
        version = str(session.rows("SELECT VERSION()")[0][0])
        grants = [str(row[0]) for row in session.rows("SHOW GRANTS")]
    have = statements.parse_grants(grants).get("*.*", frozenset())
    if {"ALL PRIVILEGES", "GRANT OPTION"} <= have:
        return version, []
    wanted = statements.MANAGED_PRIVILEGES | {"GRANT OPTION"}
    return version, [numbered(5082, f"lacks {privilege}") for privilege in sorted(wanted - have)]


Provider = ManagedDatabaseProvider
"""Its name in states."""
