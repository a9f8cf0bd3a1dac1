"""Warnings that say the same of many machines, said once with the names of all of them."""

from __future__ import annotations

import threading

import pulumi


class Warned:
    """What is to be warned of, gathered while machines are worked on side by side."""

    def __init__(self) -> None:
        self._hosts: dict[str, list[str]] = {}
        self._guard = threading.Lock()

    def say(self, host: str, text: str) -> None:
        """Take a warning about a machine."""
        with self._guard:
            self._hosts.setdefault(text, []).append(host)

    def tell(self) -> None:
        """Give the warnings, each text once, and forget them."""
        with self._guard:
            found, self._hosts = self._hosts, {}
        for text, hosts in found.items():
            pulumi.log.warn(f"{', '.join(sorted(hosts))}: {text}")
