"""aegir:Placement: which web servers carry a platform; takes it off those that it leaves, when its sites have left them."""

from __future__ import annotations

from typing import Any

import pulumi

from aegir_components.host import script
from aegir_components.host.connection import Connection
from aegir_components.host.parallel import each
from aegir_components.inputs.untyped import Untyped

from .lifecycle import AegirResource, Lifecycle, State, forgotten
from .raw import without
from .release import removal_items


class Provider(Lifecycle[Untyped, Untyped]):
    """Comes after the platform's sites, where ``Release`` comes before them: a member leaves in this order."""

    identity_keys = ("platform", "publish_path")

    def identity(self, want: State) -> str:
        """A platform is known by the path that it is published at."""
        return str(want["publish_path"])

    def observe(self, want: State) -> State:
        """What is on the members is ``Release``'s to look at."""
        del want
        return {}

    def converge(self, want: State, _was: State) -> State:
        """Take code, link and definition off each web server that the platform has left."""
        was = without(want.get("was", {}), forgotten())
        if was is not None and "members" in was:
            carry = Connection.of_members(want["members"])
            gone = {name for name, conn in Connection.of_members(was["members"]).items() if not conn.twin(carry)}
            left = {name: member for name, member in was["members"].items() if name in gone}
            _take_off({**was, "members": left})
        return {}

    def remove(self, have: State) -> None:
        """``Release`` takes the platform off the web servers that carry it to the end."""


class Placement(AegirResource, module="aegir", name="Placement"):
    """The web servers of a platform."""

    def __init__(self, name: str, props: dict[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare them.

        Args:
            name: the platform's name.
            props: ``platform``, ``publish_path``, ``docroot``, ``members`` (name to ``connection`` and ``type``), ``holder``.
            opts: Pulumi's options.
        """
        super().__init__(Provider(), name, props, opts)


def _take_off(have: State) -> None:
    members = Connection.of_members(have["members"])
    each(
        members,
        lambda conn: script.execute(
            conn,
            "apply",
            removal_items(have, conn),
            what=f"removing the platform {have['platform']}",
            holder=have["holder"],
        ),
    )
