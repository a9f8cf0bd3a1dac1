"""MySQL or MariaDB as a machine's service: the handbook's section 1.6, as items.

The server listens on the network, and the hub gets an administrator's account of its own that works from the hub's
address only.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from aegir_components.mysql import statements
from aegir_components.mysql.tls import Issued
from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions


@dataclass(frozen=True, kw_only=True, slots=True)
class Tls:
    """What a database server's certificate has to be."""

    authority: str
    """The PEM of the hub's authority."""
    names: tuple[str, ...]
    """Names and addresses that the server is reached by."""


ACCOUNTS = "/var/lib/aegir/database-accounts"
"""Which stack each hub's account is of, on the server's own machine."""
TLS_DIRECTORY = "/etc/mysql/aegir-tls"


def configuration(port: int, *, tls: bool) -> str:
    """Render our file in the server's configuration directory."""
    lines = [
        "# Written by aegir: web servers and the hub connect over the network.",
        "[mysqld]",
        "bind-address = 0.0.0.0",
    ]
    if port != 3306:
        lines.append(f"port = {port}")
    if tls:
        names = {"ssl_ca": "ca.crt", "ssl_cert": "server.crt", "ssl_key": "server.key"}
        lines += [f"{option} = {TLS_DIRECTORY}/{name}" for option, name in names.items()]
    return "\n".join(lines) + "\n"


def items(port: int, tls: Tls | None = None, issued: Issued | None = None, *, holder: str) -> list[str]:
    """List what a database server has, its administrator's account left out.

    Args:
        port: where it listens.
        holder: the stack, which may share the server with others.
        tls: what its certificate has to be; ``None`` leaves TLS as the distribution ships it.
        issued: a new certificate for it.
    """
    return [
        functions("mysql"),
        script.same_service("database", holder, f"on port {port}"),
        *([script.call("want_own_authority", TLS_DIRECTORY, holder)] if tls else []),
        "mysql_server",
        *(_certificate(tls, issued) if tls else []),
        script.call("want_mysql_file", TLS_DIRECTORY, holder, *_texts(port, tls)),
        'want_service "$(mysql_unit)"',
        script.call("want_mysql_listening", str(port)),
        *([script.call("want_mysql_tls", TLS_DIRECTORY)] if tls else []),
        "fact version \"$(mysql_root -e 'SELECT VERSION()' 2>/dev/null)\"",
    ]


def _texts(port: int, tls: Tls | None) -> tuple[str, str]:
    """Give our file as this stack wants it, and as it is where another one demands TLS of the server."""
    return tuple(script.encoded(configuration(port, tls=certified)) for certified in (bool(tls), True))  # type: ignore[return-value]


def _certificate(tls: Tls, issued: Issued | None) -> list[str]:
    place = TLS_DIRECTORY
    lines = [
        script.directory(place, group="mysql", mode=0o750),
        script.file(f"{place}/ca.crt", tls.authority, group="mysql", mode=0o640),
    ]
    if issued is not None:
        lines += [
            script.file(f"{place}/server.key", issued.key, owner="mysql", group="mysql", mode=0o400),
            script.file(f"{place}/server.crt", issued.certificate, owner="mysql", group="mysql", mode=0o440),
            script.call("mysql_take_certificate", place),
        ]
    return [*lines, script.call("want_mysql_certificate", place, *tls.names)]


def administrator_items(
    name: str, hub_address: str, password: str, *, tls: bool, rights: Iterable[str] = ()
) -> list[str]:
    """List what makes the hub's account, to run after ``items`` in apply mode."""
    sql = "\n".join(statements.administrator(name, hub_address, password, tls=tls, rights=rights))
    return [script.call("mysql_statements", script.encoded(sql), "made")]


def account_removal(name: str, hub_address: str) -> list[str]:
    """List what takes an account of a hub's away, and nothing else."""
    record = f"{ACCOUNTS}/{name}@{hub_address}"
    return [functions("mysql"), _drop(name, hub_address), script.call("rm", "-f", record)]


def own_account(name: str, hub_address: str, holder: str) -> str:
    """Item: the hub's account is this stack's own; two stacks with one account would take its password from each other."""
    return script.call("want_own_account", f"{name}@{hub_address}", holder)


def administrator_removal(name: str, hub_address: str, holder: str) -> list[str]:
    """List what takes the hub's account away, and with the last stack our files; the server and its databases stay."""
    sql = script.encoded(_dropping(name, hub_address))
    return [functions("mysql"), script.call("leave_database", f"{name}@{hub_address}", holder, sql, TLS_DIRECTORY)]


def _drop(name: str, hub_address: str) -> str:
    sql = _dropping(name, hub_address)
    return script.call("mysql_statements", script.encoded(sql), "removed")


def _dropping(name: str, hub_address: str) -> str:
    return f"{statements.PREAMBLE};\nDROP USER IF EXISTS {statements.account(name, hub_address)};\n"


def administrator_facts(name: str, hub_address: str) -> list[str]:
    """List what reports the account's rights as the fact ``grants``; empty when there is no such account."""
    sql = statements.show_grants(name, hub_address)
    return [f'fact grants "$(printf %s {script.encoded(sql)} | base64 -d | mysql_root 2>/dev/null)"']
