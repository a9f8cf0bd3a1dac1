"""The IP addresses of servers, which grants and shares need."""

from __future__ import annotations

import ipaddress
import socket
from typing import Final

import pulumi

from aegir_components import settings
from aegir_components.hub.records import Records
from aegir_components.messages import numbered, telling

KIND: Final = "addresses"
"""The hub's records of what the names of servers resolved to."""


def address_of(server: settings.Server, hub_root: str) -> str:
    """Give the IP address of a server, which a grant needs; a name is resolved on the hub.

    A name that does not resolve now has the address that it had in the last run: one server's name holds up no other one.

    Args:
        server: the server.
        hub_root: where the hub has its records.

    Raises:
        settings.SettingsError: the name does not resolve, and never has.
    """
    try:
        return str(ipaddress.ip_address(server.address))
    except ValueError:
        pass
    records, key = Records(hub_root, KIND), (server.name, server.address)
    known = str((records.get(*key) or {}).get("ip", ""))
    try:
        found = socket.getaddrinfo(server.address, None, type=socket.SOCK_STREAM)
    except OSError as fault:
        why = fault.strerror or str(fault)
        if not known:
            raise settings.SettingsError([_unresolved(server, why)]) from None
        said = numbered(
            2551,
            f'aegir:servers["{server.name}"].address: the name "{server.address}" does not resolve on '
            f"the hub ({why}). It is taken for {known}, as in the last run. Repair the name, or write the "
            "server's IP address",
        )
        telling.warn_once(said, (KIND, *key))
        return known
    # Databases are reached over IPv4; a name that has both leads there.
    address = str(next((one for one in found if one[0] == socket.AF_INET), found[0])[4][0])
    if address != known and not pulumi.runtime.is_dry_run():
        records.put({"ip": address}, *key)
    return address


def _unresolved(server: settings.Server, why: str) -> str:
    return numbered(
        2550,
        f'aegir:servers["{server.name}"].address: the name "{server.address}" does not resolve on the hub ({why}); '
        "write the server's IP address",
    )
