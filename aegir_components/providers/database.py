"""aegir:DatabaseService: a machine's MySQL or MariaDB, on the network, with an administrator's account for the hub."""

from __future__ import annotations

from typing import Any

import pulumi

from aegir_components.host import script
from aegir_components.host.connection import Connection
from aegir_components.mysql import client, statements, tls
from aegir_components.services import functions, mysql

from . import declared, entries
from .lifecycle import AegirResource, Lifecycle, State, Untyped
from .machine import PREPARE_TIMEOUT


class Provider(Lifecycle[Untyped, Untyped]):
    """The server, the address it listens on, and the hub's account; proven by a login from the hub."""

    identity_keys = ("host", "user")
    # Not the hub's address: replacing it takes our configuration away, and the server would start anew without need.
    secret_keys = ("password", "authority_key")
    computed_keys = ("version",)

    def identity(self, want: State) -> str:
        """A machine has one database service, and the hub one account on it."""
        return f"{want['user']}/{want['host']}"

    def problems(self, want: State) -> dict[str, str]:
        """A password for an account with this much power has a length."""
        want = want.ask(dict, None)
        if len(str(want.get("password", "x" * 8))) < 8:
            return {"password": "must have at least 8 characters"}
        return {}

    def notice(self, want: State) -> None:
        """What goes in the same run is dumped by the account as it is declared now."""
        declared.note_database(want.ask(dict, None))

    def observe(self, want: State) -> State:
        """Look at the machine, at the account's rights, and whether the hub can log in with it."""
        user, hub = str(want["user"]), str(want["hub_address"])
        lines = [
            "debian_only",
            *mysql.items(int(want["port"]), _tls(want), holder=str(want["holder"])),
            *mysql.administrator_facts(user, hub),
        ]
        lines.append(mysql.own_account(user, hub, str(want["holder"])))
        report = script.execute(_connection(want), "check", lines, what="looking at the database")
        drift = list(report.drift)
        grants = report.facts.get("grants", "").splitlines()
        drift += [f"account {user}@{hub}: {fault}" for fault in statements.administrator_faults(grants, _rights(want))]
        if not drift:
            try:
                _log_in(want)
            except client.DatabaseError as fault:
                drift.append(f"account {user}@{hub}: {fault}")
        return {"drift": drift, "version": report.facts.get("version", "")}

    def converge(self, want: State, _was: State) -> State:
        """Install, configure, make the account, and log in with it from the hub.

        Raises:
            DatabaseDenied: the hub does not come from the address that is declared as its own.
        """
        account = mysql.administrator_items(
            str(want["user"]), str(want["hub_address"]), str(want["password"]), tls=bool(want.get("authority")),
            rights=_rights(want),
        )  # fmt: skip
        own = mysql.own_account(str(want["user"]), str(want["hub_address"]), str(want["holder"]))
        made = mysql.items(int(want["port"]), _tls(want), self._certificate(want), holder=str(want["holder"]))
        lines = ["debian_only", functions("mysql"), own, *made, *account]
        report = script.execute(
            _connection(want),
            "apply",
            lines,
            what="preparing the database server",
            holder=want["holder"],
            timeout=PREPARE_TIMEOUT,
        )
        _log_in(want)
        former = want.get("was", {}).get("hub_address")
        if former and former != want["hub_address"]:
            _prove_address(want)
            # Of another hub, which this one has taken the farm over from; only now that the new account is proven.
            gone = mysql.account_removal(str(want["user"]), str(former))
            script.execute(
                _connection(want), "apply", gone, what="removing a former hub's account", holder=want["holder"]
            )
        return {"version": report.facts.get("version", "")}

    def _certificate(self, want: State) -> tls.Issued | None:
        """Issue a certificate where the machine has none that will do; its key stays there and is in no state."""
        wanted = _tls(want)
        if wanted is None:
            return None
        lines = ["debian_only", *mysql.items(int(want["port"]), wanted, holder=str(want["holder"]))]
        seen = script.execute(_connection(want), "check", lines, what="looking at the database's certificate").facts
        by = tls.Issued(certificate=want["authority"], key=want["authority_key"])
        return tls.issue(by, list(wanted.names)) if "certificate" in seen else None

    def remove(self, have: State) -> None:
        """Take the hub's account and our file away; the server and every database on it stay."""
        if entries.other(have, "database"):
            return
        gone = mysql.administrator_removal(str(have["user"]), str(have["hub_address"]), str(have["holder"]))
        lines = [*entries.guard(have), *gone]
        script.execute(_connection(have), "apply", lines, what="leaving the database server", holder=have["holder"])


class DatabaseService(AegirResource, module="aegir", name="DatabaseService"):
    """A machine's database server."""

    version: pulumi.Output[str]
    """What the server says of itself, such as ``10.11.6-MariaDB``."""

    def __init__(self, name: str, props: dict[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare it.

        Args:
            name: the server's name.
            props: ``host``, ``connection``, ``address``, ``port``, ``user``, ``password`` (secret), ``hub_address``,
                ``authority`` and ``authority_key`` (secret; the CA's PEM, where TLS is required), ``names`` (for its
                certificate), ``reach``, ``rights`` (that sites have besides what every site has), ``holder``.
            opts: Pulumi's options.
        """
        super().__init__(Provider(), name, props, opts)


def endpoint(props: State, server: str) -> client.Endpoint:
    """Read a database server and the hub's account from a resource's inputs."""
    machine = Connection.from_props(props["connection"]) if props.get("connection") else None
    return client.Endpoint(
        server=server,
        address=str(props["address"]),
        port=int(props["port"]),
        user=str(props["user"]),
        password=str(props["password"]),
        authority=str(props.get("authority", "")),
        tunnel=Connection.from_props(props["connection"]) if props.get("reach") == "ssh" else None,
        machine=machine if machine is not None and machine.kind != "none" else None,
    )


def _log_in(props: State) -> None:
    with client.connect(endpoint(props, str(props["host"]))) as session:
        session.rows("SELECT 1")


def _prove_address(want: State) -> None:
    """See that the hub is let in by the account of its declared address, and not by the former one, which is about to go."""
    with client.connect(endpoint(want, str(want["host"]))) as session:
        came = str(session.rows("SELECT CURRENT_USER()")[0][0]).rpartition("@")[2]
    if came != want["hub_address"]:
        raise client.DatabaseDenied(
            f"{want['host']}: the hub comes from {came}, and aegir:hub.address says {want['hub_address']}. The former account "
            f"stays. Write the address that the database server sees"
        )


def _connection(props: State) -> Connection:
    return Connection.from_props(props["connection"])


def _rights(props: State) -> tuple[str, ...]:
    """Give what sites have, and had until now: one of them may go in this run, after a proof of its dump."""
    had = props.get("was", {}).get("rights") or ()
    return tuple(sorted({*(props.get("rights") or ()), *had}))


def _tls(props: State) -> mysql.Tls | None:
    if not props.get("authority"):
        return None
    return mysql.Tls(authority=props["authority"], names=tuple(props["names"]))
