"""The hub's key pair while it changes: the new one beside the one in use, and the former one until no machine needs it.

Each step is a rename, so that a killed run leaves a state that the next run knows. ``<key>.new`` exists until the
switch, and ``<key>.former`` from the switch until the end.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from aegir_components.messages import numbered
from aegir_components.remote.errors import HostError

from . import files, locks
from .environment import without_pulumis

HUB = "hub"


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A private key on the hub, and what lies beside it."""

    identity: Path

    @property
    def new(self) -> Path:
        """The one that is to take its place."""
        return self.identity.with_name(f"{self.identity.name}.new")

    @property
    def former(self) -> Path:
        """The one whose place it took."""
        return self.identity.with_name(f"{self.identity.name}.former")

    @property
    def is_switched(self) -> bool:
        """Whether the hub logs in with the new one already, and a machine may still have the former one."""
        return self.former.exists() and not self.new.exists()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep others from changing it at the same time.

        Raises:
            HostError: somebody else does.
        """
        with ExitStack() as stack:
            try:
                stack.enter_context(locks.held(self.identity.with_name(f"{self.identity.name}.lock"), wait=0))
            except locks.HeldError:
                raise HostError(
                    HUB, numbered(4400, f"another run changes {self.identity} now; wait for its end")
                ) from None
            yield

    def make_new(self) -> None:
        """Make the new one, if that has not been done.

        Raises:
            HostError: it cannot be made.
        """
        if self.new.exists():
            return
        making = self.identity.with_name(f".{self.identity.name}.making")
        for path in (making, _public(making)):
            path.unlink(missing_ok=True)
        _keygen("-q", "-t", "ed25519", "-N", "", "-C", "aegir hub", "-f", str(making))
        _public(making).unlink()
        making.rename(self.new)

    def switch(self) -> None:
        """Put the new one in place, and keep the one that was there as the former one."""
        with files.replacing(self.former) as beside:
            os.link(self.identity, beside)
        self.new.rename(self.identity)
        self.write_public()

    def write_public(self) -> None:
        """Write the public key beside the private one."""
        files.replace(_public(self.identity), f"{public_of(self.identity)} aegir hub\n")

    def forget_former(self) -> None:
        """Remove the former one."""
        self.former.unlink(missing_ok=True)


def public_of(path: Path) -> str:
    """Give the type and the key of a private key's public one.

    Raises:
        HostError: it cannot be read.
    """
    return " ".join(_keygen("-y", "-P", "", "-f", str(path)).split()[:2])


def _public(path: Path) -> Path:
    return path.with_name(f"{path.name}.pub")


def _keygen(*words: str) -> str:
    done = subprocess.run(
        ["ssh-keygen", *words], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=30, check=False,
        env=without_pulumis(),
    )  # fmt: skip
    if done.returncode:
        raise HostError(HUB, numbered(4401, f"ssh-keygen {words[-1]}: {' '.join(done.stderr.split())[-200:]}"))
    return done.stdout
