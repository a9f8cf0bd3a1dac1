"""What earlier runs have begun and not ended well, told before a run begins; what nobody has any more is forgotten."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from aegir_components.hub.records import Records
from aegir_components.inputs.props import MissingInput
from aegir_components.messages import numbered

from .lifecycle import UNFINISHED, WORKED, AegirResource, Lifecycle
from .raw import machine_of, stack_of

NAMED: Final = ("machine", "names", "web_service", "database", "activation")
"""Modules of resources that an entry's name is the identity of."""
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
    records = Records(hub_root, UNFINISHED)
    if forget:
        _doubt_twins(records, stack, recorded)
        _doubt_unrecorded(records, hub_root, stack, recorded)
    for kind, what in left(hub_root, stack):
        there = _identities(kind, recorded)
        if what in there:
            known.append(f"{kind} {what}")
            continue
        lost.append(f"{kind} {what}")
        # A creation that is tried again ends by itself; one that was undone is nobody's.
        if forget:
            machine = (records.get(stack, kind, what) or {}).get("machine")
            records.drop(stack, kind, what)
            # Under its other name the machine is in the state: it has what the lost one wrote, such as another password.
            for twin in (name for name, have in there.items() if machine and machine == machine_of(have)):
                records.put({"machine": machine}, stack, kind, twin)
    if known:
        yield numbered(
            8530,
            f"an earlier run did not end well while it worked on {', '.join(known)}. What is declared of it is made "
            f"as declared by this run, also where nothing differs from the state",
        )
    if lost:
        yield numbered(
            8531,
            f"an earlier run did not end well while it made {', '.join(lost)}, which the state does not have. This run makes "
            f"what is declared of it. What is not declared any more may have left something on its machine",
        )


def _doubt_twins(records: Records, stack: str, recorded: Recorded) -> None:
    """Have a machine made as declared that the state has under two names: a run was killed while its entry got another one.

    What the new name has written there, such as the hub's other password, is not what the state has under the former name.
    The state may not even have what wrote it last: the engine was killed before it recorded that.
    """
    places: dict[str, dict[str, list[str]]] = {}
    for kind in NAMED:
        for what, have in _identities(kind, recorded).items():
            if stack_of(have) == stack and (machine := machine_of(have)):
                places.setdefault(repr(machine), {}).setdefault(kind, []).append(what)
    for kinds in places.values():
        if any(len(names) > 1 for names in kinds.values()):
            for kind, names in kinds.items():
                for what in names:
                    records.put({}, stack, kind, what)


def _doubt_unrecorded(records: Records, hub_root: str, stack: str, recorded: Recorded) -> None:
    """Have made as declared what was changed or removed, and what the state has as it was before.

    The engine was killed, and a provider came to the end of its work: it lives for a moment longer.
    """
    # By kind: each is looked up in the state once, also where a run was killed in the middle of hundreds of sites.
    changed: dict[str, dict[str, str]] = {}
    for record in Records(hub_root, WORKED).all():
        holder, kind, *rest = map(str, record["key"])
        if holder == stack and len(rest) == 1 and record.get("was"):
            changed.setdefault(kind, {})[rest[0]] = str(record["was"])
    for kind, was in changed.items():
        for provider, what, have in _of_kind(kind, recorded):
            if what in was and provider.mark(have) == was[what]:
                records.put({"machine": machine_of(have)}, stack, kind, what)


def left(hub_root: str, stack: str) -> list[tuple[str, str]]:
    """List what a stack's runs have begun and not ended well: the module of each provider, and what was worked on."""
    keys = [record["key"] for record in Records(hub_root, UNFINISHED).all()]
    return [(kind, what) for holder, kind, what in keys if holder == stack]


def _identities(kind: str, recorded: Recorded) -> dict[str, Mapping[str, Any]]:
    """Give the recorded resources whose provider is in a module, by identity."""
    return {what: have for _, what, have in _of_kind(kind, recorded)}


def _of_kind(kind: str, recorded: Recorded) -> Iterator[tuple[Lifecycle[Any, Any], str, Mapping[str, Any]]]:
    """List the recorded resources whose provider is in a module: the provider, the identity, and what is recorded."""
    try:
        module = importlib.import_module(f"{__package__}.{kind}")
    except ImportError:
        return
    classes = [thing for _, thing in inspect.getmembers(module, inspect.isclass) if thing.__module__ == module.__name__]
    providers = [thing() for thing in classes if issubclass(thing, Lifecycle)]
    types = [f"aegir:{thing.__name__}" for thing in classes if issubclass(thing, AegirResource)]
    for provider in providers:
        for have in (have for name in types for have in recorded(name).values()):
            try:
                yield provider, provider.identity_of(have), have
            except (KeyError, MissingInput):
                # Another class of the same module, or outputs of a former version.
                continue
