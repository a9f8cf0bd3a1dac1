"""aegir:DatabaseAuthority: the farm's own certificate authority for its database servers, kept in Pulumi's state.

It is in the state, and not on one hub's disk alone. Another hub that made another CA would give a database a
certificate that the web servers do not know. Every site would then be down until all web servers have the new CA.
"""

from __future__ import annotations

import pulumi

from aegir_components.mysql import tls

from .lifecycle import AegirResource, Lifecycle, State, Untyped


class Provider(Lifecycle[Untyped, Untyped]):
    """Made once, or taken over from the hub's files; an update keeps it."""

    secret_keys = ("key",)
    computed_keys = ("certificate", "key")
    # Not its holder: a stack that gets another name keeps its authority.

    def identity(self, want: State) -> str:
        """A stack has one."""
        return str(want["holder"])

    def observe(self, want: State) -> State:
        """The state is the only place that has to have it."""
        del want
        return {}

    def converge(self, want: State, _was: State) -> State:
        """Keep what there is; else take the hub's own, which is made when it is not there."""
        before = want.get("was", {})
        if before.get("certificate") and before.get("key"):
            return {"certificate": before["certificate"], "key": before["key"]}
        made = tls.authority(str(want["hub_root"]))
        return {"certificate": made.certificate, "key": made.key}

    def remove(self, have: State) -> None:
        """Nothing is on any machine; the hub's files may be another stack's as well."""


class DatabaseAuthority(AegirResource, module="aegir", name="DatabaseAuthority"):
    """A certificate authority for database servers."""

    certificate: pulumi.Output[str]
    """Its certificate, in PEM."""
    key: pulumi.Output[str]
    """Its private key, in PEM."""

    def __init__(self, name: str, hub_root: str, holder: str, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare it.

        Args:
            name: its name in the stack.
            hub_root: where earlier versions kept it, and a hub's stacks share it.
            holder: ``<project>/<stack>``.
            opts: Pulumi's options.
        """
        super().__init__(Provider(), name, {"hub_root": hub_root, "holder": holder}, opts)
