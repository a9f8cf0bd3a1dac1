"""aegir:Credentials: generated secrets, kept in Pulumi's state (encrypted there) and nowhere else."""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi

from aegir_components.hub import numeric_ids
from aegir_components.inputs.props import Props, left_out

from .lifecycle import AegirResource, Lifecycle

ALPHABET = string.ascii_letters + string.digits
LENGTHS = {"administrator": 24, "database": 24, "salt": 64}
"""Characters of each; 24 of 62 are 142 bits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CredentialsInputs(Props):
    """Whose secrets are generated."""

    owner: str
    """A server or a site."""
    numbers: str = left_out("")
    """The hub's list of numbers that are handed out; empty for an owner that gets none."""
    version: int = left_out(1)
    """Of the database's password; another number than before makes another one."""
    given_salt: str = left_out("", secret=True)
    """What a site that came from elsewhere has derived its own keys from; empty for a generated one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CredentialsState(CredentialsInputs):
    """Generated secrets as the state has them."""

    administrator: str = field(default="", repr=False)
    """The administrator's password, of a database server or of a site."""
    database: str = field(default="", repr=False)
    """The password of a site's database account."""
    salt: str = field(default="", repr=False)
    """What a site derives its own keys from."""
    number: int | None = None
    """The number of a site's Linux account, on every machine; nothing for a server."""
    turn: int = 0
    """Which of its two accounts (``layout.account_names``) a site's database is used by: 0 or 1."""


class CredentialsProvider(Lifecycle[CredentialsInputs, CredentialsState]):
    """Generates once; an update keeps what was generated, but for a database's password of another version."""

    secret_keys = (*LENGTHS, "given_salt")
    once_keys = ("given_salt",)
    identity_keys = ("owner",)

    def identity(self, want: CredentialsInputs) -> str:
        """Credentials belong to a server or a site."""
        return want.owner

    def observe(self, have: CredentialsState) -> dict[str, Any]:
        """The state is the only place that has them."""
        del have
        return {}

    def converge(self, want: CredentialsInputs, was: CredentialsState | None) -> dict[str, Any]:
        """Make what is not there yet."""
        before = was or CredentialsState(owner=want.owner, salt=want.given_salt)
        made: dict[str, Any] = {
            "administrator": before.administrator or generate(LENGTHS["administrator"]),
            "database": before.database or generate(LENGTHS["database"]),
            "salt": before.salt or generate(LENGTHS["salt"]),
            "turn": before.turn,
        }
        if was and was.version != want.version:
            # With another account, so that what still has the former password goes on working until all have the new one.
            made |= {"database": generate(LENGTHS["database"]), "turn": 1 - before.turn}
        if want.numbers:
            made["number"] = numeric_ids.hand_out(Path(want.numbers), want.owner, before.number)
        return made

    def remove(self, have: CredentialsState) -> None:
        """Nothing is on any machine."""


class Credentials(AegirResource, module="aegir", name="Credentials"):
    """Generated secrets of a server or a site."""

    administrator: pulumi.Output[str]
    """The administrator's password, of a database server or of a site."""
    database: pulumi.Output[str]
    """The password of a site's database account."""
    salt: pulumi.Output[str]
    """What a site derives its own keys from."""

    number: pulumi.Output[int]
    """The number of a site's Linux account, on every machine; nothing for a server."""
    turn: pulumi.Output[int]
    """Which of its two accounts (``layout.account_names``) a site's database is used by: 0 or 1."""

    def __init__(self, name: str, inputs: CredentialsInputs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare them by their name in the stack."""
        super().__init__(CredentialsProvider(), name, inputs, opts)


def generate(length: int) -> str:
    """Make a random word of letters and digits, which needs no quoting anywhere."""
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


Provider = CredentialsProvider
"""Its name in states."""
