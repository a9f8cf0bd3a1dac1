"""The program's side of declaring a resource, without the price of protocol buffers: in place of ``pulumi.runtime.resource``.

The SDK makes four futures and four tasks for each property of a resource, and sends all properties through protocol
buffers there and back. That takes two thirds of the time of a run over doubles. Here a property becomes an output when
somebody asks for it. What a resource depends on, how an unknown output is handed on, and how a failure ends the program
stay as in the SDK. ``tests/provider/test_registering.py`` compares both ways.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from inspect import isawaitable
from typing import Any, Final
from unittest import mock

import grpc  # type: ignore[import-untyped]
import pulumi
from pulumi import output
from pulumi.dynamic import dynamic
from pulumi.output import Unknown
from pulumi.runtime import _depends_on, resource, rpc, settings

from .wire import Special, plainly

_DONE: Final = "_aegir_done"
"""The future of what became of a resource, among its attributes."""
_PLAIN: Final = frozenset({str, bool, int, float, type(None)})


@dataclass(slots=True)
class Urns:
    """As ``RegisterResourceRequest.PropertyDependencies``."""

    urns: list[str]


@dataclass(slots=True)
class Request:
    """What the engine reads of ``RegisterResourceRequest``."""

    type: str
    name: str
    parent: str
    object: dict[str, Any]
    """The inputs; secrets are opened."""
    protect: bool
    dependencies: set[str]
    propertyDependencies: Mapping[str, Urns] = field(default_factory=dict)  # noqa: N815 - as gRPC calls it
    outputs: Mapping[str, Any] | None = None
    """The engine's answer."""


@dataclass(slots=True)
class Done:
    """What became of a resource."""

    urn: str
    id: str
    values: Mapping[str, Any]
    unknown: bool
    """Whether values that are not here are not known, as those of a resource that failed."""


@contextmanager
def instead(read: Callable[[str], Mapping[str, Any]]) -> Iterator[None]:
    """Let programs declare resources this way for a block of work.

    Args:
        read: answers the one function that programs call, by its name.
    """

    async def invoke(name: str, _given: Any) -> Mapping[str, Any]:
        return read(name)

    with ExitStack() as stack:
        for place, name, stand_in in (
            (pulumi.resource, "register_resource", register),
            (dynamic, "_serialize", _provider),
            (pulumi.runtime, "invoke_async", invoke),
            (rpc, "contains_unknowns", _contains_unknowns),
            (output, "contains_unknowns", _contains_unknowns),
        ):
            stack.enter_context(mock.patch.object(place, name, stand_in))
        stack.enter_context(mock.patch.object(pulumi.Resource, "__getattr__", _property, create=True))
        yield


def register(
    made: pulumi.Resource,
    kind: str,
    name: str,
    custom: bool,
    remote: bool,
    new_dependency: Any,
    props: Mapping[str, Any],
    opts: pulumi.ResourceOptions,
    typ: type | None = None,
    *given: Any,
) -> None:
    """Stand in for ``pulumi.runtime.resource.register_resource``."""
    if typ is not None:
        # Other packages' resources have types, by which names are translated.
        resource.register_resource(made, kind, name, custom, remote, new_dependency, props, opts, typ, *given)
        return
    done: asyncio.Future[Done] = asyncio.get_running_loop().create_future()
    made.__dict__[_DONE] = done
    made.__dict__["urn"] = _output(made, done, lambda it: it.urn)
    if custom:
        made.__dict__["id"] = _output(made, done, lambda it: it.id or None, knows=lambda it: bool(it.id))
    for key in props:
        if hasattr(type(made), key):
            made.__dict__[key] = _of(made, done, key)

    async def declare() -> None:
        try:
            done.set_result(await _registered(made, kind, name, props, opts))
        except Exception as fault:
            done.set_exception(fault)
            raise

    asyncio.ensure_future(settings._get_rpc_manager().do_rpc("register resource", declare)())  # noqa: RUF006, SLF001


async def _registered(
    made: pulumi.Resource, kind: str, name: str, props: Mapping[str, Any], opts: pulumi.ResourceOptions
) -> Done:
    needs = await _needed(made, opts)
    used: set[pulumi.Resource] = set()
    inputs = {key: come for key, value in props.items() if (come := await _resolved(value, used)) is not None}
    above = opts.parent or settings.get_root_resource()
    parent = await above.urn.future() if above is not None and kind != "pulumi:pulumi:Stack" else ""
    needs |= (await rpc._expand_dependencies(used, made)).keys()  # noqa: SLF001
    request = Request(kind, name, parent or "", inputs, bool(opts.protect), needs)
    monitor: Any = settings.get_monitor()

    def call() -> Any:
        try:
            return monitor.RegisterResource(request)
        except grpc.RpcError as fault:
            settings.handle_grpc_error(fault)

    answer = await asyncio.get_running_loop().run_in_executor(None, call)
    values = {**inputs, **(request.outputs or {})}
    return Done(answer.urn, answer.id, values, bool(answer.unknown))


async def _needed(made: pulumi.Resource, opts: pulumi.ResourceOptions) -> set[str]:
    """Return the URNs of what ``depends_on`` names; only what is no resource itself goes the SDK's way, through outputs."""
    if opts.depends_on is None:
        return set()
    named: Any = opts._depends_on_list()  # noqa: SLF001
    if not (isinstance(named, list) and all(isinstance(each, pulumi.Resource) for each in named)):
        return await _depends_on._resolve_depends_on_urns(named, from_resource=made)  # noqa: SLF001
    return set(await rpc._expand_dependencies(dict.fromkeys(named), made))  # noqa: SLF001


async def _resolved(value: Any, used: set[pulumi.Resource]) -> Any:
    """Wait for all that a value is made of, and note the resources that it comes from."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    try:
        return plainly(value)
    except Special:
        pass
    if isinstance(value, pulumi.Output):
        data = await value._data  # noqa: SLF001
        used |= data.resources
        return await _resolved(data.value, used) if data.is_known else rpc.UNKNOWN
    if isinstance(value, Mapping):
        found = {key: await _resolved(item, used) for key, item in value.items()}
        return {key: item for key, item in found.items() if item is not None}
    if isinstance(value, list | tuple):
        return [await _resolved(item, used) for item in value]
    if isinstance(value, Unknown):
        return rpc.UNKNOWN
    if isawaitable(value):
        return await _resolved(await value, used)
    assert isinstance(value, str), f"an input of the type {kind.__name__}"
    return str(value)


def _property(made: pulumi.Resource, key: str) -> Any:
    """Make an output of a property when somebody asks for it."""
    done = made.__dict__.get(_DONE)
    if done is None or key.startswith("_"):
        raise AttributeError(f"{type(made).__name__!r} has no attribute {key!r}")
    found = made.__dict__[key] = _of(made, done, key)
    return found


def _of(made: pulumi.Resource, done: asyncio.Future[Done], key: str) -> pulumi.Output[Any]:
    return _output(
        made, done, lambda it: _copied(it.values.get(key)), knows=lambda it: key in it.values or not it.unknown
    )


_thorough = rpc.contains_unknowns


def _contains_unknowns(value: Any) -> bool:
    kind = type(value)
    if kind in _PLAIN:
        return False
    if kind is dict:
        return any(map(_contains_unknowns, value.values()))
    return any(map(_contains_unknowns, value)) if kind is list else _thorough(value)


def _copied(value: Any) -> Any:
    return plainly(value) if type(value) in {dict, list} else value


def _output(
    made: pulumi.Resource,
    done: Awaitable[Done],
    what: Callable[[Done], Any],
    knows: Callable[[Done], bool] = lambda _: True,
) -> pulumi.Output[Any]:
    async def data() -> Any:
        it = await done
        return output._OutputData(resources={made}, value=what(it), is_known=knows(it), is_secret=False)  # noqa: SLF001

    return pulumi.Output._from_data(data())  # noqa: SLF001


_providers: dict[type[Any], str] = {}


def _provider(
    _secrets: bool,
    write: Callable[[Any], str],
    provider: Any,
) -> tuple[str, bool]:
    """Stand in for ``pulumi.runtime._serialization._serialize``: our providers have no data of their own."""
    kind = type(provider)
    if kind not in _providers:
        _providers[kind] = write(provider)
    return _providers[kind], False
