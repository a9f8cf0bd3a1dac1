"""aegir:DatabaseAuthority: the farm's own certificate authority for its database servers, kept in Pulumi's state.

It is in the state, and not on one hub's disk alone. Another hub that made another CA would give a database a
certificate that the web servers do not know. Every site would then be down until all web servers have the new CA.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

import pulumi

from aegir_components.inputs.props import Props
from aegir_components.mysql import tls

from .lifecycle import AegirResource, Lifecycle


@dataclass(frozen=True, kw_only=True, slots=True)
class DatabaseAuthorityInputs(Props):
    """What a certificate authority for database servers is made from."""

    hub_root: str
    """Where earlier versions kept it, and a hub's stacks share it."""
    holder: str
    """``<project>/<stack>``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DatabaseAuthorityState(DatabaseAuthorityInputs):
    """A certificate authority as the state has it."""

    certificate: str = ""
    """In PEM."""
    key: str = field(default="", repr=False)
    """Its private key, in PEM."""


class DatabaseAuthorityProvider(Lifecycle[DatabaseAuthorityInputs, DatabaseAuthorityState]):
    """Made once, or taken over from the hub's files; an update keeps it."""

    secret_keys = ("key",)
    # Not its owner: a stack that gets another name keeps its authority.

    def identity(self, want: DatabaseAuthorityInputs) -> str:
        """A stack has one."""
        return want.holder

    def observe(self, have: DatabaseAuthorityState) -> dict[str, Any]:
        """The state is the only place that has to have it."""
        del have
        return {}

    def converge(self, want: DatabaseAuthorityInputs, was: DatabaseAuthorityState | None) -> dict[str, Any]:
        """Keep what there is; else take the hub's own, which is made when it is not there."""
        if was and was.certificate and was.key:
            return {"certificate": was.certificate, "key": was.key}
        made = tls.authority(want.hub_root)
        return {"certificate": made.certificate, "key": made.key}

    def remove(self, have: DatabaseAuthorityState) -> None:
        """Nothing is on any machine; the hub's files may be another stack's as well."""


class DatabaseAuthority(AegirResource, module="aegir", name="DatabaseAuthority"):
    """A certificate authority for database servers."""

    certificate: pulumi.Output[str]
    """Its certificate, in PEM."""
    key: pulumi.Output[str]
    """Its private key, in PEM."""

    def __init__(self, name: str, inputs: DatabaseAuthorityInputs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare it by its name in the stack."""
        super().__init__(DatabaseAuthorityProvider(), name, inputs, opts)

    @classmethod
    def of(cls, hub_root: str, holder: str) -> Self:
        """Declare the one of a stack.

        Args:
            hub_root: of the hub.
            holder: ``<project>/<stack>``.
        """
        return cls("databases", DatabaseAuthorityInputs(hub_root=hub_root, holder=holder))


Provider = DatabaseAuthorityProvider
"""Its name in states."""
