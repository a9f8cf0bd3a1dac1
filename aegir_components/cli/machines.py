"""The same question to several machines of a stack side by side; one that does not answer is an answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

from aegir_components.messages import around
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import HostError

from .ends import tell
from .live import PATIENCE
from .made import Server, Site

Found = TypeVar("Found")

AT_ONCE = 32
"""Machines that are asked at once."""


def of_sites(sites: Iterable[Site]) -> dict[str, Connection]:
    """Give the web servers that sites are on, by name."""
    return {name: conn for site in sites for name, conn in site.connections.items()}


def of_servers(servers: Mapping[str, Server]) -> dict[str, Connection]:
    """Give the connections of servers that have one."""
    return {name: conn for name, server in servers.items() if (conn := server.reached) is not None}


def ask(
    connections: Mapping[str, Connection], question: Callable[[str, Connection], Found]
) -> tuple[dict[str, Found], dict[str, str]]:
    """Ask all, and give what they answered and why others did not.

    Args:
        connections: the machines, by name.
        question: asks one.
    """

    def one(name: str) -> Found | HostError:
        try:
            # What is not there now is told, and not waited for.
            return question(name, replace(connections[name], patience=PATIENCE))
        except HostError as fault:
            return fault

    with ThreadPoolExecutor(max_workers=min(AT_ONCE, max(1, len(connections)))) as pool:
        answers = dict(zip(connections, pool.map(one, connections), strict=True))
    found = {name: answer for name, answer in answers.items() if not isinstance(answer, HostError)}
    return found, {name: answer.text for name, answer in answers.items() if isinstance(answer, HostError)}


def tell_faults(faults: Mapping[str, str]) -> None:
    """Say which machines did not answer; one that says the same as others comes with them."""
    for text in dict.fromkeys(faults.values()):
        names = ", ".join(name for name, said in faults.items() if said == text)
        tell(around(text, f"{names}: {text}"))
