"""The IP addresses of servers, which grants and shares need."""

from __future__ import annotations

import ipaddress
import socket

from . import settings


def address_of(server: settings.Server) -> str:
    """Give the IP address of a server, which a grant needs; a name is resolved on the hub.

    Raises:
        settings.SettingsError: the name does not resolve.
    """
    try:
        return str(ipaddress.ip_address(server.address))
    except ValueError:
        pass
    try:
        found = socket.getaddrinfo(server.address, None, type=socket.SOCK_STREAM)
        # Databases are reached over IPv4; a name that has both leads there.
        return str(next((one for one in found if one[0] == socket.AF_INET), found[0])[4][0])
    except OSError as fault:
        raise settings.SettingsError([_unresolved(server, fault.strerror or str(fault))]) from None


def _unresolved(server: settings.Server, why: str) -> str:
    return (
        f'aegir:servers["{server.name}"].address: the name "{server.address}" does not resolve on the hub ({why}); '
        f"write the server's IP address"
    )
