"""aegir:DatabaseService: a machine's MySQL or MariaDB, on the network, with an administrator's account for the hub."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi

from aegir_components.inputs.database import DatabaseLogin
from aegir_components.inputs.props import Known, left_out
from aegir_components.messages import around, numbered
from aegir_components.mysql import client, statements, tls
from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions
from aegir_components.services import mysql

from . import declared, entries
from .lifecycle import AegirResource, Lifecycle
from .machine import PREPARE_TIMEOUT


@dataclass(frozen=True, kw_only=True, slots=True)
class DatabaseServiceInputs(DatabaseLogin):
    """A machine's database server."""

    host: str
    """The declared name of the machine."""
    holder: str
    """``<project>/<stack>``."""
    hub_address: str
    """From where the hub's account logs in."""
    authority_key: str = left_out("", secret=True)
    """The private key of the CA, in PEM, where TLS is required."""
    names: tuple[str, ...] = left_out(())
    """For its certificate."""
    rights: tuple[str, ...] = left_out(())
    """What sites have besides what every site has."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DatabaseServiceState(DatabaseServiceInputs):
    """A database server as the state has it."""

    version: str = ""
    """What the server says of itself, such as ``10.11.6-MariaDB``."""


class DatabaseServiceProvider(Lifecycle[DatabaseServiceInputs, DatabaseServiceState]):
    """The server, the address it listens on, and the hub's account; proven by a login from the hub."""

    identity_keys = ("host", "user")
    # Not the hub's address: replacing it takes our configuration away, and the server would restart without need.
    secret_keys = ("password", "authority_key")

    def identity(self, want: DatabaseServiceInputs) -> str:
        """A machine has one database service, and the hub one account on it."""
        return f"{want.user}/{want.host}"

    def problems(self, want: Known[DatabaseServiceInputs]) -> dict[str, str]:
        """A password for an account with this much power has a length."""
        if want.ask(lambda inputs: len(inputs.password) < 8, False):
            return {"password": "must have at least 8 characters"}
        return {}

    def notice(self, want: Known[DatabaseServiceInputs]) -> None:
        """What goes in the same run is dumped by the account as it is declared now."""
        if login := want.ask(lambda inputs: inputs.login, None):
            declared.note_database(self.process.declared, login)

    def observe(self, have: DatabaseServiceState) -> dict[str, Any]:
        """Inspect the machine and the account's rights, and whether the hub can log in with it."""
        user, hub = have.user, have.hub_address
        lines = [
            "debian_only",
            *mysql.items(have.port, _tls(have), holder=have.holder),
            *mysql.administrator_facts(user, hub),
            mysql.own_account(user, hub, have.holder),
        ]
        report = script.execute(have.connection, "check", lines, what="inspecting the database")
        drift: list[str] = [*report.drift]
        grants = report.facts.get("grants", "").splitlines()
        lacks = statements.administrator_faults(grants, have.rights)
        drift += [around(fault, f"account {user}@{hub}: {fault}") for fault in lacks]
        if not drift:
            try:
                _log_in(have)
            except client.DatabaseError as fault:
                drift.append(around(fault, f"account {user}@{hub}: {fault}"))
        return {"drift": drift, "version": report.facts.get("version", "")}

    def converge(self, want: DatabaseServiceInputs, was: DatabaseServiceState | None) -> dict[str, Any]:
        """Install, configure, make the account, and log in with it from the hub.

        Raises:
            DatabaseDenied: the hub does not come from the address that is declared as its own.
        """
        # Also what sites had until now: one of them may go in this run, after a proof of its dump.
        rights = tuple(sorted({*want.rights, *(was.rights if was else ())}))
        account = mysql.administrator_items(
            want.user, want.hub_address, want.password, tls=bool(want.authority), rights=rights
        )
        own = mysql.own_account(want.user, want.hub_address, want.holder)
        made = mysql.items(want.port, _tls(want), self._certificate(want), holder=want.holder)
        lines = ["debian_only", functions("mysql"), own, *made, *account]
        report = script.execute(
            want.connection,
            "apply",
            lines,
            what="preparing the database server",
            holder=want.holder,
            timeout=PREPARE_TIMEOUT,
        )
        _log_in(want)
        if was and was.hub_address != want.hub_address:
            _prove_address(want)
            # Of another hub, which this one has taken the farm over from; only now that the new account is proven.
            gone = mysql.account_removal(want.user, was.hub_address)
            script.execute(want.connection, "apply", gone, what="removing a former hub's account", holder=want.holder)
        return {"version": report.facts.get("version", "")}

    def _certificate(self, want: DatabaseServiceInputs) -> tls.Issued | None:
        """Issue a certificate where the machine has none that will do; its key stays there and is in no state."""
        wanted = _tls(want)
        if wanted is None:
            return None
        lines = ["debian_only", *mysql.items(want.port, wanted, holder=want.holder)]
        seen = script.execute(want.connection, "check", lines, what="inspecting the database's certificate").facts
        by = tls.Issued(certificate=want.authority, key=want.authority_key)
        return tls.issue(by, list(wanted.names)) if "certificate" in seen else None

    def remove(self, have: DatabaseServiceState) -> None:
        """Take the hub's account and our file away; the server and every database on it stay."""
        if entries.other(have.holder, have.connection, "database"):
            return
        gone = mysql.administrator_removal(have.user, have.hub_address, have.holder)
        lines = [*entries.guard(have.holder, have.connection), *gone]
        script.execute(have.connection, "apply", lines, what="leaving the database server", holder=have.holder)


class DatabaseService(AegirResource, module="aegir", name="DatabaseService"):
    """A machine's database server."""

    version: pulumi.Output[str]
    """What the server says of itself, such as ``10.11.6-MariaDB``."""

    def __init__(self, name: str, inputs: DatabaseServiceInputs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare it by the server's name."""
        super().__init__(DatabaseServiceProvider(), name, inputs, opts)


def _log_in(inputs: DatabaseServiceInputs) -> None:
    with client.connect(inputs.endpoint(inputs.host, inputs.password)) as session:
        session.rows("SELECT 1")


def _prove_address(want: DatabaseServiceInputs) -> None:
    """See that the hub is let in by the account of its declared address, and not by the former one, which is about to go."""
    with client.connect(want.endpoint(want.host, want.password)) as session:
        came = str(session.rows("SELECT CURRENT_USER()")[0][0]).rpartition("@")[2]
    if came != want.hub_address:
        raise client.DatabaseDenied(
            numbered(
                8506,
                f"{want.host}: the hub comes from {came}, and aegir:hub.address says {want.hub_address}. The former account "
                f"stays. Write the address that the database server sees",
            )
        )


def _tls(inputs: DatabaseServiceInputs) -> mysql.Tls | None:
    return mysql.Tls(authority=inputs.authority, names=inputs.names) if inputs.authority else None


Provider = DatabaseServiceProvider
"""Its name in states."""
