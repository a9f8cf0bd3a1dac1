"""aegir:BackupKeys: the keys of the sites' backups, kept in Pulumi's state (encrypted there).

One resource a stack, however many sites it has. A key is made once and never changed: a backup can be read with no other.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pulumi
from pulumi.dynamic import DiffResult

from aegir_components import encrypting

from .credentials import generate
from .lifecycle import AegirResource, Lifecycle, State, Untyped

LENGTH: Final = 43
"""Characters of a key; 43 of 62 are 256 bits."""
HUB: Final = ":hub"
"""Whose key is the hub's own; no site is called like this."""
ARCHIVES: Final = ":archives"
"""The private key, in age's format, of the archives that a removal leaves on the hub."""


class Provider(Lifecycle[Untyped, Untyped]):
    """Makes a key for each site; keys of sites that were removed stay, for their backups stay as well."""

    secret_keys = ("keys",)
    computed_keys = ("keys",)

    def identity(self, want: State) -> str:
        """A stack has one set of keys."""
        return str(want["holder"])

    def diff(self, id_: str, olds: Any, news: Any) -> DiffResult:
        """Make the key for archives also where the state has keys from before there was one."""
        found = super().diff(id_, olds, news)
        found.changes = bool(found.changes) or not _of_archives(olds)
        return found

    def observe(self, want: State) -> State:
        """The state is the only place that has them."""
        del want
        return {}

    def converge(self, want: State, _was: State) -> State:
        """Make the keys that are not there yet; those that a destroyed stack has left are taken over."""
        known = {**_left(want), **json.loads(str(want.get("was", {}).get("keys") or "{}"))}
        for owner in (HUB, *want["sites"]):
            known.setdefault(str(owner), generate(LENGTH))
        known.setdefault(ARCHIVES, encrypting.new_key())
        # Last: nothing is encrypted with a key that the state is not about to have.
        encrypting.publish(str(want["hub_root"]), str(want["holder"]), known[ARCHIVES])
        return {"keys": json.dumps(known, sort_keys=True)}

    def remove(self, have: State) -> None:
        """Leave the keys in a private file on the hub: without them the backups could not be read any more."""
        path = _file(have)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        known = {**_left(have), **json.loads(str(have.get("keys") or "{}"))}
        fresh = path.with_suffix(f".{os.getpid()}")
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps(known, sort_keys=True))
        fresh.replace(path)


class BackupKeys(AegirResource, module="aegir", name="BackupKeys"):
    """The keys of a stack's backups."""

    keys: pulumi.Output[str]
    """By what a site is known by; JSON."""

    def __init__(
        self, name: str, hub_root: str, holder: str, sites: list[str], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Declare them.

        Args:
            name: its name in the stack.
            hub_root: where the keys stay when the stack is destroyed.
            holder: ``<project>/<stack>``.
            sites: what the sites are known by.
            opts: Pulumi's options.
        """
        props: dict[str, Any] = {"hub_root": hub_root, "holder": holder, "sites": sites}
        super().__init__(Provider(), name, props, opts)


def _file(props: State) -> Path:
    return encrypting.recipient_file(str(props["hub_root"]), str(props["holder"])).with_suffix(".json")


def _left(props: State) -> dict[str, str]:
    try:
        found: dict[str, str] = json.loads(_file(props).read_text())
    except (OSError, ValueError):
        return {}
    return found


def publish_again(hub_root: str, holder: str, have: Mapping[str, Any]) -> None:
    """Write the public half of the key for archives where this hub does not have it: a new one, or a runner of a pipeline.

    Args:
        hub_root: of this hub.
        holder: ``<project>/<stack>``.
        have: the recorded keys.
    """
    key = _of_archives(have)
    if key and not encrypting.is_published(hub_root, holder, key):
        encrypting.publish(hub_root, holder, key)


def _of_archives(have: Mapping[str, Any]) -> str:
    return str(json.loads(str(have.get("keys") or "{}")).get(ARCHIVES, ""))
