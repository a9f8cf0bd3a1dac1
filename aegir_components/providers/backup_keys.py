"""aegir:BackupKeys: the keys of the sites' backups, kept in Pulumi's state (encrypted there).

One resource a stack, however many sites it has. A key is made once and never changed: a backup can be read with no other.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pulumi
from pulumi.dynamic import DiffResult

from aegir_components.archives import encrypting
from aegir_components.hub import files
from aegir_components.inputs import key_owners
from aegir_components.inputs.props import Props

from .credentials import generate
from .lifecycle import AegirResource, Lifecycle

LENGTH: Final = 43
"""Characters of a key; 43 of 62 are 256 bits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BackupKeysInputs(Props):
    """Whose backups have keys."""

    hub_root: str
    """Where the keys stay when the stack is destroyed."""
    holder: str
    """``<project>/<stack>``."""
    sites: tuple[str, ...]
    """What the sites are known by."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BackupKeysState(BackupKeysInputs):
    """The keys as the state has them."""

    keys: str = field(default="{}", repr=False)
    """By what a site is known by; JSON."""


class BackupKeysProvider(Lifecycle[BackupKeysInputs, BackupKeysState]):
    """Makes a key for each site; keys of sites that were removed stay, for their backups stay as well."""

    secret_keys = ("keys",)

    def identity(self, want: BackupKeysInputs) -> str:
        """A stack has one set of keys."""
        return want.holder

    def diff(self, id_: str, olds: Any, news: Any) -> DiffResult:
        """Make the key for archives also where the state has keys from before there was one."""
        found = super().diff(id_, olds, news)
        found.changes = bool(found.changes) or not _of_archives(BackupKeysState.from_props(olds))
        return found

    def observe(self, have: BackupKeysState) -> dict[str, Any]:
        """The state is the only place that has them."""
        del have
        return {}

    def converge(self, want: BackupKeysInputs, was: BackupKeysState | None) -> dict[str, Any]:
        """Make the keys that are not there yet; those that a destroyed stack has left are taken over."""
        known = {**_left(want), **(json.loads(was.keys) if was else {})}
        for owner in (key_owners.HUB, *want.sites):
            known.setdefault(owner, generate(LENGTH))
        known.setdefault(key_owners.ARCHIVES, encrypting.new_key())
        # Last: nothing is encrypted with a key that the state is not about to have.
        encrypting.publish(want.hub_root, want.holder, known[key_owners.ARCHIVES])
        return {"keys": json.dumps(known, sort_keys=True)}

    def remove(self, have: BackupKeysState) -> None:
        """Leave the keys in a private file on the hub: without them the backups could not be read any more."""
        path = _file(have)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        known = {**_left(have), **json.loads(have.keys)}
        files.replace(path, json.dumps(known, sort_keys=True), mode=0o600, durable=True)


class BackupKeys(AegirResource, module="aegir", name="BackupKeys"):
    """The keys of a stack's backups."""

    keys: pulumi.Output[str]
    """By what a site is known by; JSON."""

    def __init__(self, name: str, inputs: BackupKeysInputs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare them by their name in the stack."""
        super().__init__(BackupKeysProvider(), name, inputs, opts)


def _file(inputs: BackupKeysInputs) -> Path:
    return encrypting.recipient_file(inputs.hub_root, inputs.holder).with_suffix(".json")


def _left(inputs: BackupKeysInputs) -> dict[str, str]:
    try:
        found: dict[str, str] = json.loads(_file(inputs).read_text())
    except (OSError, ValueError):
        return {}
    return found


def publish_again(hub_root: str, holder: str, have: BackupKeysState) -> None:
    """Write the public half of the key for archives where this hub does not have it: a new one, or a runner of a pipeline.

    Args:
        hub_root: of this hub.
        holder: ``<project>/<stack>``.
        have: the recorded keys.
    """
    key = _of_archives(have)
    if key and not encrypting.is_published(hub_root, holder, key):
        encrypting.publish(hub_root, holder, key)


def _of_archives(have: BackupKeysState) -> str:
    return str(json.loads(have.keys).get(key_owners.ARCHIVES, ""))


Provider = BackupKeysProvider
"""Its name in states."""
