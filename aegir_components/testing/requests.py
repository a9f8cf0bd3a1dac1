"""What the small engine reads of a program's requests, and what it hears from the program."""

from __future__ import annotations

import base64
import functools
import pickle
from collections.abc import Mapping
from typing import Any, Final, cast

import grpc  # type: ignore[import-untyped]
from pulumi.runtime import mocks, rpc

from aegir_components.providers import lifecycle

from . import registering
from .mocks import opened

DYNAMIC: Final = "pulumi-python:dynamic/"
WARNING: Final = 2
"""As pulumi's engine_pb2 has it."""


class Warnings(mocks.MockEngine):
    """Keeps what the program tells the person at the terminal."""

    def __init__(self, kept: list[str]) -> None:
        super().__init__(None)
        self.kept = kept

    def Log(self, request: Any) -> None:  # noqa: N802 - as gRPC calls it
        """Keep a warning."""
        if request.severity == WARNING:
            self.kept.append(request.message)


@functools.cache
def provider_of(text: str) -> lifecycle.Lifecycle[Any, Any]:
    """Read the provider that a dynamic resource has among its inputs."""
    return cast("lifecycle.Lifecycle[Any, Any]", pickle.loads(base64.b64decode(text)))  # noqa: S301 - our own


def inputs_of(request: Any) -> dict[str, Any]:
    """Give a resource's inputs, without the envelopes of secrets."""
    if isinstance(request, registering.Request):
        return request.object
    return {key: _opened(value) for key, value in rpc.deserialize_properties(request.object).items()}


def needs_of(request: Any) -> frozenset[str]:
    """List what a resource depends on: declared, by its inputs, and its parent."""
    by_inputs = (urn for each in request.propertyDependencies.values() for urn in each.urns)
    return frozenset(filter(None, (*request.dependencies, *by_inputs, request.parent)))


def short(urn: str) -> str:
    """Give the type and the name in a URN."""
    return " ".join(urn.rpartition("$")[2].split("::")[-2:]).replace(DYNAMIC, "")


def _opened(value: Any) -> Any:
    """Take secrets out of their envelopes, however deep."""
    value = opened(value)
    if isinstance(value, Mapping):
        return {key: _opened(item) for key, item in value.items()}
    return [_opened(item) for item in value] if isinstance(value, list) else value


class Ended(grpc.RpcError):  # type: ignore[misc]
    """The engine says no more to the program."""

    def __init__(self, status: grpc.StatusCode) -> None:
        super().__init__("the engine ended the run")
        self._status = status

    def code(self) -> grpc.StatusCode:
        """As gRPC asks for it."""
        return self._status

    def details(self) -> str:
        """As gRPC asks for it."""
        return "the engine ended the run"
