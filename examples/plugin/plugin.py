"""A prototype: one plugin of Pulumi's that serves the program's resources and its farm to programs in any language.

Decision 26 says what it showed. Not for use: it has no tests on machines. ``aegir:index:Machine`` and the others run by the same
``lifecycle.py`` as the dynamic providers, without pickles. ``aegir:index:Farm`` declares what the stack file says.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import pkgutil
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pulumi
from pulumi.output import UNKNOWN, Unknown
from pulumi.provider.experimental import provider as served
from pulumi.provider.experimental import server
from pulumi.provider.experimental.property_value import Computed, PropertyValue

from aegir_components import providers
from aegir_components.farm import Farm
from aegir_components.messages import AegirError
from aegir_components.providers.lifecycle import AegirResource, Lifecycle

PACKAGE: Final = "aegir:index"
FARM: Final = f"{PACKAGE}:Farm"
VERSION: Final = "0.2.0"
AT_ONCE: Final = 64
"""Calls that are served at a time; asyncio's own pool has four threads more than the machine has cores."""

Values = Mapping[str, PropertyValue]
ANY: Final = {"$ref": "pulumi.json#/Any"}


def kinds() -> dict[str, Lifecycle[Any, Any]]:
    """Give each resource's provider, by the resource's type."""
    found: dict[str, Lifecycle[Any, Any]] = {}
    for info in pkgutil.iter_modules(providers.__path__, f"{providers.__name__}."):
        module = importlib.import_module(info.name)
        for name, each in vars(module).items():
            if isinstance(each, type) and issubclass(each, AegirResource) and hasattr(module, "Provider"):
                found[f"{PACKAGE}:{name}"] = module.Provider()
    return found


def schema(of: Mapping[str, Lifecycle[Any, Any]]) -> str:
    """Describe the package, as code generators and the YAML language want it; the types of values are left open."""
    described: dict[str, Any] = {
        kind: {
            "inputProperties": dict.fromkeys(each.inputs.__dataclass_fields__, ANY),
            "properties": dict.fromkeys(each.recorded.__dataclass_fields__, ANY),
        }
        for kind, each in of.items()
    }
    described[FARM] = {"isComponent": True}
    return json.dumps({"name": "aegir", "version": VERSION, "resources": described})


def plain(value: PropertyValue) -> Any:
    """Give a value as the dynamic providers get it."""
    match value.value:
        case Computed():
            return UNKNOWN
        case float() as number if number.is_integer():
            return int(number)
        case str() | bool() | float() | None as scalar:
            return scalar
        case Mapping() as mapping:
            return all_plain(mapping)
        case Sequence() as items:
            return [plain(item) for item in items]
    raise TypeError(f"an input of this kind is none of aegir's: {value.type}")


def all_plain(values: Values) -> dict[str, Any]:
    """Give a mapping as the dynamic providers get it."""
    return {key: plain(value) for key, value in values.items()}


def packed(value: Any, *, secret: bool = False) -> PropertyValue:
    """Give a value as the engine gets it."""
    if isinstance(value, Unknown):
        return PropertyValue.computed()
    if isinstance(value, Mapping):
        return PropertyValue({key: packed(each) for key, each in value.items()}, secret)
    if value is None or isinstance(value, str | bool):
        return PropertyValue(value, secret)
    if isinstance(value, int | float):
        return PropertyValue(float(value), secret)
    return PropertyValue([packed(each) for each in value], secret)


class Aegir(served.Provider):
    """Serves the resources by their lifecycles, each call in a thread, and the farm as a component."""

    def __init__(self) -> None:
        """Find the resources."""
        self._kinds = kinds()

    async def get_schema(self, request: served.GetSchemaRequest) -> served.GetSchemaResponse:
        """Describe the package."""
        del request
        return served.GetSchemaResponse(schema(self._kinds))

    async def check_config(self, request: served.CheckRequest) -> served.CheckResponse:
        """Take what is configured; the stack's own settings are read by the farm."""
        return served.CheckResponse(request.new_inputs)

    async def diff_config(self, request: served.DiffRequest) -> served.DiffResponse:
        """No setting of the plugin is a reason to make a resource anew."""
        del request
        return served.DiffResponse(changes=False)

    async def configure(self, request: served.ConfigureRequest) -> served.ConfigureResponse:
        """Say what the plugin can do, secrets among it: the engine need not guess them back by their names."""
        del request
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(AT_ONCE))
        return served.ConfigureResponse(
            accept_secrets=True, supports_preview=True, accept_outputs=True, accept_resources=True
        )

    async def check(self, request: served.CheckRequest) -> served.CheckResponse:
        """Reject what cannot be right."""
        kind = self._kinds[request.type]
        done = await asyncio.to_thread(kind.check, all_plain(request.old_inputs), all_plain(request.new_inputs))
        failures = [served.CheckFailure(each.property, each.reason) for each in done.failures]
        return served.CheckResponse(self._packed(kind, done.inputs), failures)

    async def diff(self, request: served.DiffRequest) -> served.DiffResponse:
        """Compare."""
        kind = self._kinds[request.type]
        olds, news = all_plain(request.old_state), all_plain(request.new_inputs)
        done = await asyncio.to_thread(kind.diff, request.resource_id, olds, news)
        return served.DiffResponse(done.changes, done.replaces, None, bool(done.delete_before_replace))

    async def create(self, request: served.CreateRequest) -> served.CreateResponse:
        """Make it; in a preview say which outputs are not known yet."""
        kind = self._kinds[request.type]
        if request.preview:
            return served.CreateResponse("", {**request.properties, **_unknown(kind)})
        done = await asyncio.to_thread(kind.create, all_plain(request.properties))
        return served.CreateResponse(done.id, self._packed(kind, done.outs))

    async def update(self, request: served.UpdateRequest) -> served.UpdateResponse:
        """Bring it to its new inputs; in a preview say which outputs are not known yet."""
        kind = self._kinds[request.type]
        if request.preview:
            return served.UpdateResponse({**request.news, **_unknown(kind)})
        olds, news = all_plain(request.olds), all_plain(request.news)
        done = await asyncio.to_thread(kind.update, request.resource_id, olds, news)
        return served.UpdateResponse(self._packed(kind, done.outs))

    async def read(self, request: served.ReadRequest) -> served.ReadResponse:
        """Look at it for a refresh; an import has no inputs that say where to look.

        Raises:
            ValueError: it is an import.
        """
        if not request.properties:
            raise ValueError(
                f"{request.name}: a declared resource adopts what is there; `pulumi import` cannot know it"
            )
        kind = self._kinds[request.type]
        done = await asyncio.to_thread(kind.read, request.resource_id, all_plain(request.properties))
        return served.ReadResponse(done.id, self._packed(kind, done.outs), self._packed(kind, done.inputs))

    async def delete(self, request: served.DeleteRequest) -> None:
        """Take it away."""
        await asyncio.to_thread(self._kinds[request.type].delete, request.resource_id, all_plain(request.properties))

    async def construct(self, request: served.ConstructRequest) -> served.ConstructResponse:
        """Declare the stack file's farm.

        Raises:
            pulumi.InputPropertyError: a setting is wrong.
        """
        component = pulumi.ComponentResource(FARM, request.name, {}, request.options)
        try:
            await Farm().declare()
        except AegirError as fault:
            raise pulumi.InputPropertyError("", str(fault)) from None
        return served.ConstructResponse(await component.urn.future() or "", {}, {})

    @staticmethod
    def _packed(kind: Lifecycle[Any, Any], values: Mapping[str, Any] | None) -> dict[str, PropertyValue]:
        return {key: packed(value, secret=key in kind.secret_keys) for key, value in (values or {}).items()}


def _unknown(kind: Lifecycle[Any, Any]) -> dict[str, PropertyValue]:
    return {key: PropertyValue.computed() for key in kind.computed_keys}


if __name__ == "__main__":
    server.main(sys.argv[1:], VERSION, Aegir())
