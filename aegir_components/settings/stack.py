"""Where Pulumi keeps a stack's configuration, and which of it is secret."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from aegir_components.messages import numbered

from . import model
from .included import KEY, Included, include
from .loading import load
from .paths import PREFIX, canonical, secure_paths
from .platforms import NameOf, no_name
from .reader import IsSecret, SettingsError
from .rules import broken

if TYPE_CHECKING:
    from .added import Added


def load_values(
    values: Mapping[str, Any],
    secret_keys: set[str],
    project: Path,
    stack: str,
    name_of: NameOf = no_name,
    added: Added | None = None,
) -> model.Settings:
    """Read the settings from a stack's configuration, whoever has got it from Pulumi; the team's own rules are asked as well.

    Args:
        values: all configuration by key, as Pulumi hands it over: decrypted, and what is no text as JSON.
        secret_keys: the keys that hold a secret somewhere.
        project: the project's directory, with the stack file, which says what of it is secret, and with what that includes.
        stack: the stack's name.
        name_of: Gives a platform of a list its conventional name, from its server and its source.
        added: what a program declares beside the stack file.

    Raises:
        SettingsError: Something is wrong; the error lists all of it.
    """
    ours = {key: value for key, value in values.items() if key.startswith(PREFIX)}
    config = {key.removeprefix(PREFIX): decoded(value) for key, value in ours.items()}
    secret = secret_keys & set(ours)
    # The project file and the stack file are read where the answer depends on them: YAML's library costs a command 15 ms.
    whole = include(config, directory_of(project)) if KEY in config else Included(config=config)
    is_secret = secrecy(secret, find_stack_file(project, stack) if secret else None, whole)
    found: Mapping[str, Any] = whole.config
    if added is not None:
        found, is_secret = added.merged(found), added.secrecy(is_secret)
    declared = load(found, is_secret, name_of, whole.origin)
    if declared.rules and (faults := broken(declared, Path(declared.rules))):
        raise SettingsError(faults, declared)
    return dataclasses.replace(declared, warnings=(*declared.warnings, *_misnamed(stack, declared.environment)))


def _misnamed(stack: str, environment: str) -> list[str]:
    """Warn of a stack that is called after another environment than it is: by a forgotten key, or another's file."""
    name = stack.rpartition("/")[2]
    if name not in model.ENVIRONMENTS or name == environment:
        return []
    return [
        numbered(
            1071,
            f"aegir:environment: is {environment}, and the stack is called {name}; correct it before an up records it, "
            "or rename the stack",
        )
    ]


def decoded(value: Any) -> Any:
    """Turn a configuration value, which Pulumi hands over as text, into what the stack file says."""
    if value == "":
        # This is how the engine hands over a key with nothing after it.
        return None
    if not isinstance(value, str) or not value.lstrip().startswith(("{", "[")):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def directory_of(project: Path) -> Path:
    """Name the folder that a project has its stack files in."""
    for name in ("Pulumi.yaml", "Pulumi.yml"):
        declared = _yaml(project / name)
        if isinstance(declared, Mapping):
            place = declared.get("stackConfigDir") or declared.get("config")
            return project / place if isinstance(place, str) else project
    return project


def find_stack_file(project: Path, stack: str) -> Path | None:
    """Find the stack file as the engine does; ``None`` if it is elsewhere (``--config-file``)."""
    directory = directory_of(project)
    for suffix in ("yaml", "yml"):
        path = directory / f"Pulumi.{stack.rpartition('/')[2]}.{suffix}"
        if path.is_file():
            return path
    return None


def secrecy(secret_keys: set[str], stack_file: Path | None, whole: Included | None = None) -> IsSecret:
    """Make the function that tells secrets from other values.

    Pulumi tells a program only which top-level keys hold a secret somewhere; where exactly, the stack file
    says. One that disagrees with Pulumi about a key is not the one in use, and is not asked about that key.
    What is included holds none.
    """
    declared = _yaml(stack_file) if stack_file else None
    config = declared.get("config") if isinstance(declared, Mapping) else None
    exact: dict[str, set[str]] = {}
    if isinstance(config, Mapping):
        for key, value in config.items():
            if isinstance(key, str) and key.startswith(PREFIX):
                paths = set(secure_paths(value, key))
                if bool(paths) == (key in secret_keys):
                    exact[key] = paths

    def is_secret(path: str) -> bool | None:
        if whole and whole.origin(path):
            return False
        plain = canonical(path)
        top = re.split(r"[.\[]", plain, maxsplit=1)[0]
        if top in exact:
            return any(plain == at or plain.startswith((f"{at}.", f"{at}[")) for at in exact[top])
        return None if top in secret_keys else False

    return is_secret


def _yaml(path: Path) -> Any:
    # Ten times as fast as the loader in Python. A wheel of PyYAML has it, and a build without libyaml has not.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 - both are safe loaders
    except (OSError, ValueError, yaml.YAMLError):
        return None
