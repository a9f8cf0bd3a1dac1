"""Pulumi's tracing is loaded only where a command is traced.

``pulumi.runtime._instrumentation`` imports OpenTelemetry, an eighth of the time of ``import pulumi``, and uses it where the
engine sets ``TRACEPARENT``. Elsewhere this module takes its place.

Upstream: not reported; superfluous when that module imports OpenTelemetry where it uses it.
Versions: pulumi 3.259.0, by the module's checksum; any other one is loaded as it is.
Switch: AEGIR_PULUMI_PLAIN_START=1
Test: tests/unit/test_pulumi_workarounds.py
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any, Final

NAME: Final = "pulumi.runtime._instrumentation"
KNOWN: Final = "1036d98f8960b957bf782d81559be33f3cc24afd1340dde0209680cad450b54f"
"""SHA-256 of the module in pulumi 3.259.0."""

_root_context = None
_tracer_provider = None


def finders(environment: Mapping[str, str]) -> list[Finder]:
    """List the finder of the module's stand-in, where nothing is traced."""
    return [] if environment.get("TRACEPARENT") else [Finder()]


def wrap_with_context(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Let a function run in another thread with the OpenTelemetry context of this one, as the original does.

    Where nobody has imported OpenTelemetry there is no context.
    """
    context = sys.modules.get("opentelemetry.context")
    if context is None:
        return fn
    here = context.get_current()

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        token = context.attach(here)
        try:
            return fn(*args, **kwargs)
        finally:
            context.detach(token)

    return wrapper


async def shutdown_tracing() -> None:
    """Nothing is traced."""


class Finder:
    """Finds this file in place of the module whose content is known."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find the stand-in; leave all other modules, and another version of this one, to the finders that follow."""
        if fullname != NAME:
            return None
        # The operator's command line has this finder too, and most of its commands do without Pulumi.
        import hashlib  # noqa: PLC0415

        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.origin is None or hashlib.sha256(Path(spec.origin).read_bytes()).hexdigest() != KNOWN:
            return None
        found = ModuleSpec(fullname, SourceFileLoader(fullname, __file__), origin=__file__)
        found.has_location = True
        return found
