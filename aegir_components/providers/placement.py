"""aegir:Placement: which web servers carry a platform; takes it off those that it leaves, when its sites have left them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pulumi

from aegir_components.inputs.members import connections
from aegir_components.inputs.platform import Code
from aegir_components.remote.parallel import each

from .lifecycle import AegirResource, Lifecycle, remaining
from .release import take_off


@dataclass(frozen=True, kw_only=True, slots=True)
class PlacementInputs(Code):
    """The web servers of a platform."""


class PlacementProvider(Lifecycle[PlacementInputs, PlacementInputs]):
    """Comes after the platform's sites, where ``Release`` comes before them: a member leaves in this order."""

    identity_keys = ("platform", "publish_path")

    def identity(self, want: PlacementInputs) -> str:
        """A platform is known by the path that it is published at."""
        return want.publish_path

    def observe(self, have: PlacementInputs) -> dict[str, Any]:
        """What is on the members is ``Release``'s to inspect."""
        del have
        return {}

    def converge(self, want: PlacementInputs, was: PlacementInputs | None) -> dict[str, Any]:
        """Take code, link and definition off each web server that the platform has left."""
        if had := remaining(was, self.process.abandoned):
            carry = connections(want.members)
            left = {name: member for name, member in had.members.items() if not member.connection.twin(carry)}
            _take_off(replace(had, members=left))
        return {}

    def remove(self, have: PlacementInputs) -> None:
        """``Release`` takes the platform off the web servers that carry it to the end."""


class Placement(AegirResource, module="aegir", name="Placement"):
    """The web servers of a platform."""

    def __init__(self, name: str, inputs: PlacementInputs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare them by the platform's name."""
        super().__init__(PlacementProvider(), name, inputs, opts)


def _take_off(have: PlacementInputs) -> None:
    what = f"removing the platform {have.platform}"
    each(connections(have.members), lambda conn: take_off(have, conn, what))


Provider = PlacementProvider
"""Its name in states."""
