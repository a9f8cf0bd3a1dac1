"""What earlier runs have begun and not ended well, told before a run begins; what nobody has any more is forgotten."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from aegir_components.hub_records import Records

from .lifecycle import UNFINISHED, AegirResource, Lifecycle

Recorded = Callable[[str], Mapping[str, Mapping[str, Any]]]
"""Gives the recorded outputs of all resources of a type, such as ``aegir:Machine``, by name."""


def told(hub_root: str, stack: str, recorded: Recorded, *, forget: bool) -> Iterator[str]:
    """Say what an earlier run of a stack has left, in at most two sentences.

    Args:
        hub_root: where the hub has its records.
        stack: ``<project>/<stack>``.
        recorded: the state.
        forget: whether what the state does not have is forgotten after it was told; a preview changes nothing.
    """
    known, lost = [], []
    for kind, what in left(hub_root, stack):
        if what in _identities(kind, recorded):
            known.append(f"{kind} {what}")
            continue
        lost.append(f"{kind} {what}")
        # A creation that is tried again ends by itself; one that was taken back is nobody's.
        if forget:
            Records(hub_root, UNFINISHED).drop(stack, kind, what)
    if known:
        yield (
            f"an earlier run did not end well while it worked on {', '.join(known)}: what is declared of it is made as declared "
            f"by this run, also where nothing differs from the state"
        )
    if lost:
        yield (
            f"an earlier run did not end well while it made {', '.join(lost)}, which the state does not have: this run makes "
            f"what is declared of it; what is not declared any more may have left something on its machine"
        )


def left(hub_root: str, stack: str) -> list[tuple[str, str]]:
    """List what a stack's runs have begun and not ended well: the module of each provider, and what was worked on."""
    keys = [record["key"] for record in Records(hub_root, UNFINISHED).all()]
    return [(kind, what) for holder, kind, what in keys if holder == stack]


def _identities(kind: str, recorded: Recorded) -> set[str]:
    """Give the identities of the recorded resources whose provider is in a module."""
    try:
        module = importlib.import_module(f"{__package__}.{kind}")
    except ImportError:
        return set()
    classes = [thing for _, thing in inspect.getmembers(module, inspect.isclass) if thing.__module__ == module.__name__]
    providers = [thing() for thing in classes if issubclass(thing, Lifecycle)]
    types = [f"aegir:{thing.__name__}" for thing in classes if issubclass(thing, AegirResource)]
    found = set()
    for provider in providers:
        for have in (have for name in types for have in recorded(name).values()):
            try:
                found.add(provider.identity(dict(have)))
            except KeyError:
                # Another class of the same module, or outputs of a former version.
                continue
    return found
