"""aegir:Credentials: generated secrets, kept in Pulumi's state (encrypted there) and nowhere else."""

from __future__ import annotations

import secrets
import string
from pathlib import Path
from typing import Any

import pulumi

from aegir_components import numeric_ids

from .lifecycle import AegirResource, Lifecycle, State, Untyped

ALPHABET = string.ascii_letters + string.digits
LENGTHS = {"administrator": 24, "database": 24, "salt": 64}
"""Characters of each; 24 of 62 are 142 bits."""


class Provider(Lifecycle[Untyped, Untyped]):
    """Generates once; an update keeps what was generated, but for a database's password of another version."""

    secret_keys = (*LENGTHS, "given_salt")
    computed_keys = (*LENGTHS, "number", "turn")
    once_keys = ("given_salt",)
    identity_keys = ("owner",)

    def identity(self, want: State) -> str:
        """Credentials belong to a server or a site."""
        return str(want["owner"])

    def observe(self, want: State) -> State:
        """The state is the only place that has them."""
        del want
        return {}

    def converge(self, want: State, _was: State) -> State:
        """Make what is not there yet."""
        before = want.get("was", {})
        made: State = {name: before.get(name) or generate(length) for name, length in LENGTHS.items()}
        if not before and want.get("given_salt"):
            made["salt"] = want["given_salt"]
        made["turn"] = int(before.get("turn") or 0)
        if before and int(before.get("version") or 1) != int(want.get("version") or 1):
            # With another account, so that what still has the former password goes on working until all have the new one.
            made |= {"database": generate(LENGTHS["database"]), "turn": 1 - made["turn"]}
        if want.get("numbers"):
            known = before.get("number")
            owner = str(want["owner"])
            made["number"] = numeric_ids.hand_out(Path(want["numbers"]), owner, None if known is None else int(known))
        return made

    def remove(self, have: State) -> None:
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

    def __init__(
        self,
        name: str,
        owner: str,
        opts: pulumi.ResourceOptions | None = None,
        *,
        numbers: str | None = None,
        version: int = 1,
        salt: pulumi.Input[str] | None = None,
    ) -> None:
        """Declare them for ``owner``.

        Args:
            name: the resource's name.
            owner: a server or a site.
            opts: Pulumi's options.
            numbers: the hub's list of numbers that are handed out.
            version: of the database's password; another number than before makes another one.
            salt: what a site that came from elsewhere has derived its own keys from; ``None`` for a generated one.
        """
        props: dict[str, Any] = {
            "owner": owner,
            "numbers": numbers,
            "version": None if version == 1 else version,
            "given_salt": salt,
        }
        super().__init__(Provider(), name, props, opts)


def generate(length: int) -> str:
    """Make a random word of letters and digits, which needs no quoting anywhere."""
    return "".join(secrets.choice(ALPHABET) for _ in range(length))
