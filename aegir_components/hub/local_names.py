"""How the hub resolves names."""

from __future__ import annotations

import socket


def forward(name: str) -> str:
    """Give the addresses of a name, separated by spaces; empty when it does not resolve."""
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except OSError:
        return ""
    return " ".join(sorted({str(entry[4][0]) for entry in found}))


def reverse(address: str) -> str:
    """Give the names of an address, separated by spaces; empty when there is none."""
    try:
        name, aliases, _ = socket.gethostbyaddr(address)
    except OSError:
        return ""
    return " ".join([name, *aliases])
