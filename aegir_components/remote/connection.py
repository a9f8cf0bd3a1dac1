"""How a machine is reached: plain data, shared by settings, components and providers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any, Literal, Self


@dataclass(frozen=True, kw_only=True, slots=True)
class Connection:
    """The administrative login of one machine (root, or a user with passwordless sudo)."""

    host: str
    """The declared name: what messages say, and what the pinned host key is filed under."""
    address: str
    """Name or address that ssh connects to."""
    kind: Literal["ssh", "local", "none"] = "ssh"
    """``local`` is the hub itself: the same scripts, without ssh. ``none`` runs nothing: somebody else's database."""
    port: int = 22
    user: str = "root"
    identity: str = ""
    """Private key file on the hub; empty leaves the choice to the agent and ssh's defaults."""
    host_key: str = ""
    """``ssh-ed25519 AAAA…``, or ``SHA256:…``, or empty (then ``known_hosts`` or ``trust`` decide)."""
    known_hosts: str = ""
    """A known_hosts file of the user's that holds the machine's key."""
    trust: Literal["pinned", "first-use"] = "pinned"
    hub_root: str = "/var/aegir"
    """Where the hub keeps the record of pinned keys."""
    patience: float = 30.0
    """Seconds to go on trying while the machine refuses connections, as it does while it boots."""
    jump: Connection | None = None
    """The machine that ssh goes through, its own host key pinned."""

    @property
    def key(self) -> str:
        """A short digest of all that makes a connection another one."""
        facts = {name: value for name, value in asdict(self).items() if name != "jump" or value}
        return hashlib.sha256(repr(sorted(facts.items())).encode()).hexdigest()[:20]

    @property
    def place(self) -> tuple[str, str, int]:
        """Say which machine it leads to, whatever that is called."""
        return self.kind, self.address, self.port

    def twin(self, others: Mapping[str, Self]) -> str:
        """Find the entry that is the same machine: of this name, or at this address; empty when there is none.

        Args:
            others: connections by name.
        """
        if self.host in others:
            return self.host
        return next((name for name, other in others.items() if other.place == self.place), "")

    def to_props(self) -> dict[str, Any]:
        """Give the plain mapping that travels as a resource input; defaults are left out."""
        defaults = {f.name: f.default for f in fields(self)}
        found = {name: value for name, value in asdict(self).items() if value != defaults.get(name)}
        return found if self.jump is None else {**found, "jump": self.jump.to_props()}

    @classmethod
    def from_props(cls, props: Mapping[str, Any]) -> Self:
        """Read back what ``to_props`` gave; Pulumi hands numbers over as floats."""
        known = {f.name: f.default is MISSING is f.default_factory for f in fields(cls)}
        # What has to be there is asked for, so that a mapping that names its place can say what it lacks.
        values = {name: props[name] for name, is_needed in known.items() if is_needed or name in props}
        if "port" in values:
            values["port"] = int(values["port"])
        if values.get("jump"):
            values["jump"] = cls.from_props(values["jump"])
        return cls(**values)

    @classmethod
    def of_members(cls, members: Mapping[str, Mapping[str, Any]]) -> dict[str, Self]:
        """Read the members of a resource's input, each with its ``connection``, in the order of their names."""
        return {name: cls.from_props(member["connection"]) for name, member in sorted(members.items())}
