"""What several stacks have in common, in a file of its own (``aegir:include``), below what the stack file says itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from aegir_components.messages import numbered

from .paths import PREFIX, below, canonical, secure_paths
from .reader import MISSING, SettingsError
from .wording import quoted, shortened

KEY: Final = "include"
OWN: Final = ("environment", "environment_formerly", "forget", "replaced", "confirm_removals", KEY)
"""Keys that each stack says for itself: what it is, and what concerns its own state."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Included:
    """A stack's configuration, whole."""

    config: Mapping[str, Any]
    """The ``aegir:`` keys without that prefix, as :func:`load` takes them."""
    name: str = ""
    """The file that was included, as the stack file names it."""
    paths: frozenset[str] = field(default_factory=frozenset)
    """The paths of what only that file says."""

    def origin(self, path: str) -> str:
        """Name the file that a value is from where that is not the stack file."""
        return self.name if canonical(path) in self.paths else ""


def include(config: Mapping[str, Any], directory: Path) -> Included:
    """Put what a stack file includes below what it says itself.

    Mappings are merged key by key, however deep; everything else in the stack file takes the place of what is included.

    Args:
        config: The ``aegir:`` keys of the stack file without that prefix.
        directory: The folder of the stack files, which a relative path starts from.

    Raises:
        SettingsError: the file cannot be read, or holds what it must not.
    """
    if KEY not in config:
        return Included(config=config)
    own = {key: value for key, value in config.items() if key != KEY}
    name = config[KEY]
    if not isinstance(name, str) or not name.isprintable():
        raise SettingsError([numbered(1060, f"{PREFIX}{KEY}: must be the path of a file, such as farm.yaml")])
    shared = _read(directory / name, name)
    return Included(config=_merged(shared, own), name=name, paths=frozenset(_only(shared, own)))


def _read(path: Path, name: str) -> dict[str, Any]:
    """Read the ``aegir:`` keys of a file to be included, without that prefix."""
    where = f"{PREFIX}{KEY}: {quoted(name)}"
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        why = fault.strerror if isinstance(fault, OSError) else "it is no text in UTF-8"
        raise SettingsError(
            [numbered(1060, f"{where} cannot be read ({why}); a path starts from {path.parent}")]
        ) from None
    except yaml.YAMLError as fault:
        mark = getattr(fault, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark else ""
        raise SettingsError([numbered(1061, f"{where} is no YAML: {line}{getattr(fault, 'problem', fault)}")]) from None
    config = document.get("config") if isinstance(document, Mapping) else None
    if not isinstance(config, Mapping) or set(document) != {"config"}:
        raise SettingsError(
            [numbered(1061, f'{where} must hold "config:" with the shared keys below it, and nothing else')]
        )
    faults = [
        numbered(1062, f"{where}: unknown key {quoted(str(key))}; all keys begin with {PREFIX}")
        for key in config
        if not str(key).startswith(PREFIX)
    ]
    shared = {str(key).removeprefix(PREFIX): value for key, value in config.items()}
    faults += [
        numbered(1062, f"{where}: {PREFIX}{key} belongs in each stack's own file") for key in OWN if key in shared
    ]
    for key, value in shared.items():
        faults += [
            numbered(
                1063,
                f"{where}: {shortened(at)} is a secret, which only the stack that it was made for can read; set it in "
                "each stack's own file",
            )
            for at in secure_paths(value, f"{PREFIX}{key}")
        ]
    if faults:
        raise SettingsError(faults)
    return shared


def _merged(shared: Any, own: Any) -> Any:
    if not isinstance(shared, Mapping) or not isinstance(own, Mapping):
        return own
    return {**shared, **{key: _merged(shared[key], value) if key in shared else value for key, value in own.items()}}


def _only(shared: Mapping[str, Any], own: Mapping[str, Any]) -> Iterator[str]:
    """List the paths of what the first says and the second does not."""
    for key, value in shared.items():
        yield from _absent(value, own.get(key, MISSING), f"{PREFIX}{key}")


def _absent(shared: Any, own: Any, path: str) -> Iterator[str]:
    if own is MISSING:
        yield canonical(path)
    elif not isinstance(shared, Mapping) or not isinstance(own, Mapping):
        return
    if isinstance(shared, Mapping):
        for key, value in shared.items():
            beside = own.get(key, MISSING) if isinstance(own, Mapping) else MISSING
            yield from _absent(value, beside, below(path, key))
    elif isinstance(shared, list):
        for index, value in enumerate(shared):
            yield from _absent(value, MISSING, f"{path}[{index}]")
