"""Names: what a machine calls itself, and what it and the hub find under that name (the handbook, "The mechanics", 2)."""

from __future__ import annotations

from collections.abc import Mapping

from aegir_components.messages import numbered
from aegir_components.messages.printable import printable
from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions


def items(name: str, address: str, block: str, entries: Mapping[str, str] | None) -> list[str]:
    """List what is inspected, and in ``manage`` the marked block of ``/etc/hosts``.

    Args:
        name: the declared name of the machine.
        address: its IP address; empty where none is declared.
        block: whose block it is.
        entries: address to name, for ``manage``; ``None`` leaves ``/etc/hosts`` alone.
    """
    lines = [functions("names")]
    if entries is not None:
        lines.append(script.call("want_hosts_block", "/etc/hosts", block, script.encoded(hosts_text(entries))))
    return [*lines, script.call("names_facts", name, address)]


def removal_items(block: str) -> list[str]:
    """List what takes our block out of ``/etc/hosts``."""
    return [functions("names"), script.call("want_hosts_block", "/etc/hosts", block, "")]


def hosts_text(entries: Mapping[str, str]) -> str:
    """Render lines of ``/etc/hosts``: address, name, and the name's first label."""
    lines = []
    for address, name in sorted(entries.items()):
        short = name.split(".", 1)[0]
        lines.append(f"{address} {name} {short}" if short != name else f"{address} {name}")
    return "".join(f"{line}\n" for line in lines)


SAID = 1000
"""Characters that a machine may say of names, in a message."""


def faults(name: str, address: str, facts: Mapping[str, str], seen_from_hub: Mapping[str, str]) -> list[str]:
    """Say where names do not agree; every sentence says who sees what.

    Args:
        name: the declared name.
        address: the declared address; empty where none is declared, then only names are compared.
        facts: what the machine reported: ``hostname``, ``forward`` and ``reverse``.
        seen_from_hub: ``forward`` and ``reverse`` as the hub resolves them; empty for "not found".
    """
    found: list[str] = []
    facts = {key: printable(said, longest=SAID) for key, said in facts.items()}
    hostname = facts.get("hostname", "")
    if hostname not in {name, name.split(".", 1)[0]}:
        found.append(
            numbered(
                4551,
                f"/etc/hostname of the server says {hostname or 'nothing'}, not {name}: hostnamectl set-hostname {name}",
            )
        )
    for who, seen in (("the server", facts), ("the hub", seen_from_hub)):
        forward, reverse = seen.get("forward", "").split(), seen.get("reverse", "").split()
        if not forward:
            found.append(
                numbered(
                    4551, f"{who} does not resolve {name}: add it to your zone, or to /etc/hosts (dns: manage does)"
                )
            )
        elif address and address not in forward and not (who == "the server" and _own(forward)):
            found.append(numbered(4551, f"{who} resolves {name} to {', '.join(forward)}, not to {address}"))
        if address and name not in reverse:
            told = ", ".join(reverse) or "nothing"
            found.append(numbered(4551, f"{who} resolves {address} back to {told}, not to {name}"))
    return found


def _own(addresses: list[str]) -> bool:
    """Debian's installer maps a machine's own name to 127.0.1.1 in its own ``/etc/hosts``."""
    return all(address.startswith("127.") for address in addresses)
