"""Provider processes: each serves four calls at a time, so a farm gets more than one.

Explicit ``pulumi-python`` providers are further processes of the same code; moving a resource from one to another replaces
nothing. Each costs a quarter of a second of a core and more to start: measured on two cores, a look at eight prepared machines
takes 2.5 s with one, 2.8 s with two and 3.5 s with four. But work that takes long goes on at four machines a process and no
more: so there is one for every four machines. The hub's cores do not count, or the state would differ from hub to hub.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pulumi

EACH = 4
"""Machines that one process serves: as many as its calls at a time."""
MOST = 8
"""Processes, at most."""


def count(machines: int) -> int:
    """Say how many processes serve so many machines; none beside the default one for a few."""
    return 0 if machines <= EACH else min(MOST, -(-machines // EACH))


class Pools:
    """The provider processes of a stack; a machine's resources are all in the same one."""

    def __init__(self, machines: Sequence[str], forget: Sequence[str]) -> None:
        """Make them.

        Args:
            machines: the names of all machines.
            forget: the names of machines that are given up, which an explicit provider is told by its own inputs.
        """
        # Explicit providers get their own inputs only and nothing of the stack's configuration.
        props = {"aegir:forget": json.dumps(sorted(forget))} if forget else {}
        # Machines that are given up count as before: what is dropped of them is dropped by its process, which has to stay.
        names = sorted({*machines, *forget})
        self._pools = [
            pulumi.ProviderResource("pulumi-python", f"pool{number}", props) for number in range(count(len(names)))
        ]
        self._index = {name: number for number, name in enumerate(names)}

    def of(self, name: str) -> Mapping[str, pulumi.ProviderResource] | None:
        """Give the provider for a machine, or for whatever else has this name; ``None`` is the default one."""
        if not self._pools:
            return None
        number = self._index.get(name, sum(name.encode()))
        return {"pulumi-python": self._pools[number % len(self._pools)]}
