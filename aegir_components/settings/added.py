"""Settings that a Pulumi program declares itself, with or without a stack file that declares others."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from aegir_components.messages import numbered

from .paths import KINDS, PREFIX, below, canonical
from .reader import IsSecret, SettingsError

EACH_RUN: Final = ("environment_formerly", "forget", "replaced", "confirm_removals")
"""Keys that are for one run. The stack's configuration has them, for a program too: providers and commands read them there."""
HIDDEN: Final = "what nobody has decrypted"
"""Stands in the place of a secret, for what needs none."""
_SECRETS: Final = (".password", ".secret_key", ".hash_salt")
_KEPT: Final = re.compile(
    r"""(?x) .*\.(?:password|secret_key|access_key|hash_salt)
    | aegir:sites(?:\.[\w-]+|\["[^"]*"\])\.(?:settings|config)(?:[.\[].*)?
    | aegir:platforms(?:\.[\w-]+|\["[^"]*"\])\.source(?:[.\[].*)?"""
)
"""What a secret is kept as one of: everything else is in the state, and in previews, as it is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Added:
    """What a program declares, as the mapping of a stack file."""

    config: Mapping[str, Any] = dataclasses.field(repr=False)
    """The ``aegir:`` keys without that prefix."""
    secrets: frozenset[str] = frozenset()
    """Canonical paths of the values that came as secret outputs."""

    def merged(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Put the settings beside those of a stack file.

        Raises:
            SettingsError: both declare the same thing, or a secret would not stay one.
        """
        found = dict(config)
        faults = [
            numbered(
                2708,
                f"{path}: is a secret, and nothing keeps this setting secret in the state. Write "
                "pulumi.Output.unsecret(...) around a value that may be seen",
            )
            for path in sorted(self.secrets)
            if not _KEPT.fullmatch(path)
        ]
        for key, value in self.config.items():
            before, path, twice = config.get(key), f"{PREFIX}{key}", list[str]()
            if before is None:
                found[key] = value
            elif key not in KINDS:
                twice = [path]
            elif not isinstance(before, Mapping):
                faults.append(numbered(2709, f"{path}: must be a mapping by name where a program adds to it"))
            else:
                found[key] = {**before, **value}
                twice = [below(path, name) for name in sorted(before.keys() & value.keys())]
            faults += [
                numbered(2710, f"{each}: the stack file and the program declare it; keep one of both") for each in twice
            ]
        if faults:
            raise SettingsError(faults)
        return found

    @classmethod
    def read(cls, text: str) -> Self:
        """Read what ``text`` has given."""
        found = json.loads(text)
        return cls(config=found["config"], secrets=frozenset(found["secrets"]))

    def text(self) -> str:
        """Give it as text, the same for the same settings."""
        return json.dumps({"config": self.config, "secrets": sorted(self.secrets)}, sort_keys=True)

    def hidden(self) -> Added:
        """Give it without the values of secrets."""
        config = {key: self._hidden(value, f"{PREFIX}{key}") for key, value in self.config.items()}
        return dataclasses.replace(self, config=config)

    def _hidden(self, value: Any, path: str) -> Any:
        plain = canonical(path)
        if plain in self.secrets or plain.endswith(_SECRETS):
            return HIDDEN
        if isinstance(value, Mapping):
            return {name: self._hidden(inner, below(path, name)) for name, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self._hidden(inner, f"{path}[{index}]") for index, inner in enumerate(value)]
        return value

    def secrecy(self, others: IsSecret) -> IsSecret:
        """Make the function that tells secrets from other values.

        Args:
            others: tells it of the stack file's values.
        """
        ours = {canonical(f"{PREFIX}{key}") for key in self.config if key not in KINDS}
        ours |= {canonical(below(f"{PREFIX}{key}", name)) for key in KINDS for name in self.config.get(key, ())}

        def is_secret(path: str) -> bool | None:
            plain = canonical(path)
            if not _is_below(plain, ours):
                return others(path)
            if _is_below(plain, self.secrets):
                return True
            # A program may have it from anywhere; whoever reads a message is not told.
            return None if plain.endswith(_SECRETS) else False

        return is_secret


def _is_below(path: str, places: set[str] | frozenset[str]) -> bool:
    return any(path == place or path.startswith((f"{place}.", f"{place}[")) for place in places)
