"""What a site may take of a machine, and of a database server, as declared at the site and at its servers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from aegir_components.messages import numbered

from . import names, php
from .reader import Node

PERCENT: Final = names.matching(
    r"[1-9][0-9]{0,4}%", 6, 'a share of one core in percent, such as "150%" for one and a half'
)
OF_WEB: Final = ("cpu", "memory", "tasks")
OF_DATABASE: Final = ("connections",)
LEAST_MEMORY: Final = 64
"""MB; with less PHP-FPM itself does not start."""
LEAST_TASKS: Final = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class ResourceLimits:
    """Limits of a site; 0 where nothing is declared."""

    cpu: int = 0
    """Percent of one core."""
    memory: int = 0
    """MB of all its processes together."""
    tasks: int = 0
    """Processes and threads at once."""
    connections: int = 0
    """Connections of one of its accounts to the database at once."""

    def over(self, other: ResourceLimits) -> ResourceLimits:
        """Give what is declared here, and what is declared in the other place beside it."""
        return ResourceLimits(
            cpu=self.cpu or other.cpu,
            memory=self.memory or other.memory,
            tasks=self.tasks or other.tasks,
            connections=self.connections or other.connections,
        )


def read_limits(node: Node) -> ResourceLimits:
    """Read ``limits`` of a site or of a server."""
    if not node.check_keys():
        return ResourceLimits()
    memory = php.megabytes(node.child("memory"))
    if 0 < memory < LEAST_MEMORY:
        node.child("memory").fault(numbered(1210, f"must be at least {LEAST_MEMORY}M: with less PHP does not start"))
    return ResourceLimits(
        cpu=int(node.child("cpu").text("0%", PERCENT).removesuffix("%")),
        memory=memory,
        tasks=node.child("tasks").number(0, LEAST_TASKS, 100_000),
        connections=node.child("connections").number(0, 2, 10_000),
    )


def check_site(node: Node, isolation: str, children: int) -> None:
    """Check the limits of a site.

    Args:
        node: its ``limits``.
        isolation: its kind.
        children: how many requests it may have at once; 0 where it does not say.
    """
    for key in OF_WEB:
        if node.child(key).given and isolation != "process":
            node.child(key).fault(
                numbered(
                    1211,
                    "is for sites with isolation: process; the pools of a server share one PHP-FPM, in which systemd "
                    "cannot tell a site from its neighbours. Write isolation: process at this site, or remove this key",
                )
            )
    for key, each in (("tasks", "a process"), ("connections", "a connection")):
        number = node.child(key).number(0, 0, 100_000) if node.child(key).given else 0
        if 0 < number < children:
            node.child(key).warn(
                numbered(1212, f"is less than php.children ({children}): each request needs {each} of its own")
            )


def check_server(node: Node, *, web: bool, database: bool) -> None:
    """Check that a server has the service that a limit is about."""
    for keys, there, service in ((OF_WEB, web, "web"), (OF_DATABASE, database, "database")):
        for key in keys:
            if node.child(key).given and not there:
                node.child(key).fault(
                    numbered(1016, f'is for servers with a {service} service ("{service}" in services)')
                )
