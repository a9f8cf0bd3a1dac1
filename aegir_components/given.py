"""The settings that a program declares, with the values of its outputs as far as they are known."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import pulumi

from .settings.added import Added
from .settings.paths import PREFIX, below, canonical
from .unknowns import Unknowns

PATIENCE: Final = 20.0
"""Seconds after which a run says what it waits for."""


@dataclass(slots=True)
class Given:
    """What a program declares, and what its values come from."""

    config: dict[str, Any] = field(default_factory=dict, repr=False)
    secrets: set[str] = field(default_factory=set)
    unknowns: Unknowns = field(default_factory=Unknowns)
    sources: dict[str, set[pulumi.Resource]] = field(default_factory=dict)
    """By the path of a component, or empty for the farm's own: the resources that its values come from."""

    def added(self) -> Added:
        """Give the settings."""
        return Added(config=self.config, secrets=frozenset(self.secrets))

    def behind(self, key: str, name: str) -> list[pulumi.Resource]:
        """List the resources that a component's values come from, and the farm's own; it is removed before they are."""
        found = self.sources.get(place(key, name), set()) | self.sources.get("", set())
        return sorted(found, key=lambda resource: (resource.pulumi_resource_type, resource.pulumi_resource_name))


def place(key: str, name: str) -> str:
    """Write the path of a component, such as ``aegir:servers["web1"]``."""
    return below(f"{PREFIX}{key}", name)


async def gather(own: Mapping[str, Any], components: Mapping[str, Mapping[str, Any]]) -> Given:
    """Wait for the values of all outputs in settings.

    An ``up`` waits until the resources that they come from are made. A preview does not know the values of new resources.

    Args:
        own: the farm's own settings, with outputs in them.
        components: those of its components: kind, then name.
    """
    found = Given()
    found.config.update(await _settled(own, "", PREFIX.rstrip(":"), "", found))
    for key, entries in components.items():
        found.config[key] = {
            name: await _settled(value, place(key, name), place(key, name), "", found)
            for name, value in entries.items()
        }
    return found


async def _settled(value: Any, owner: str, path: str, key: str, into: Given) -> Any:
    """Give a value with outputs replaced by what they hold.

    Args:
        value: the value.
        owner: the path of the component that it belongs to; empty for the farm's own.
        path: its own path.
        key: its last key.
        into: takes what its outputs say.
    """
    if isinstance(value, Mapping):
        return {
            name: await _settled(inner, owner, _below(path, name), str(name), into) for name, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [await _settled(inner, owner, f"{path}[{index}]", key, into) for index, inner in enumerate(value)]
    if asyncio.iscoroutine(value) or isinstance(value, asyncio.Future):
        value = pulumi.Output.from_input(value)
    if not isinstance(value, pulumi.Output):
        return value
    with_notice = asyncio.ensure_future(_notice(path))
    try:
        into.sources.setdefault(owner, set()).update(await value.resources())
        known, secret = await value.is_known(), await value.is_secret()
        plain = await value.future() if known else into.unknowns.stand_in(value, key)
    finally:
        with_notice.cancel()
    if secret:
        into.secrets.update(canonical(each) for each in _paths(plain, path))
    return plain


def _below(path: str, name: Any) -> str:
    return f"{PREFIX}{name}" if path == PREFIX.rstrip(":") else below(path, name)


def _paths(value: Any, path: str) -> Iterator[str]:
    """List the paths of a value and of all in it."""
    yield path
    inner = value.items() if isinstance(value, Mapping) else ()
    for name, each in inner:
        yield from _paths(each, below(path, name))


async def _notice(path: str) -> None:
    await asyncio.sleep(PATIENCE)
    pulumi.log.info(
        f"{path}: waits for the resource that the value comes from. The farm is declared when all of its values are known"
    )
