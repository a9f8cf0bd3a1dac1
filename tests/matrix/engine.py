"""The real program and the real providers on fake machines, with a small stand-in for Pulumi's engine between them.

It does what the engine does with a stack: checks, compares, makes, changes, and at the end removes what is declared no more,
each with what the state has of it. Everything runs in this process, one resource at a time.
"""

from __future__ import annotations

import base64
import copy
import json
import logging
import pickle
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from unittest import mock

import pulumi

from aegir_components import estate, settings
from aegir_components.providers import activation, answering, declared, lifecycle, settling
from aegir_components.providers.lifecycle import Lifecycle
from aegir_components.recorded import READ
from aegir_components.settings.stack import load_values
from aegir_components.sources.naming import conventional_name
from aegir_components.testing import FakeFarm, opened
from tests.provider.test_contract import wire

Config = dict[str, Any]
DYNAMIC = "pulumi-python:dynamic/"
KEPT_BY_PROTECT = ("aegir:Credentials", "aegir:SiteDatabase", "aegir:SiteConfiguration")


class Stopped(Exception):
    """A command ended with an error."""


@dataclass(kw_only=True, slots=True)
class Resource:
    """What the state has of a resource."""

    kind: str
    name: str
    provider: Lifecycle
    id: str
    inputs: Config
    outputs: Config
    protected: bool = False


State = dict[str, Resource]


@dataclass(slots=True)
class Engine(pulumi.runtime.Mocks):
    """One command's work on a state.

    Args:
        state: what the former command left; changed in place as the work goes on.
        preview: whether nothing is done.
    """

    state: State
    preview: bool = False
    done: list[str] = field(default_factory=list)
    """What was made, changed, replaced and removed: ``update aegir:Machine web1``."""
    declared: list[str] = field(default_factory=list)
    failed: str = ""
    _turn: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[Config, list[tuple[str, str]] | None]:
        """Answer what the program asks of the state."""
        assert args.token == READ, f"the program calls {args.token}"
        with self._turn:
            state = list(self.state.values())
        outputs = {
            f"urn:pulumi:test::aegir::{each.kind}::{each.name}": {
                "type": f"{DYNAMIC}{each.kind}",
                "outputs": each.outputs,
            }
            for each in state
        }
        return {"outputs": outputs}, []

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, Config]:
        """Do what the engine does when a program registers a resource."""
        if not args.typ.startswith(DYNAMIC):
            return None, dict(args.inputs)
        with self._turn:
            if self.failed:
                # Whatever hangs on the one that failed is not begun; here nothing else is either.
                raise Stopped(self.failed)
            try:
                return self._register(args)
            except Exception as fault:
                self.failed = str(fault)
                raise

    def _register(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, Config]:
        kind, key = args.typ.removeprefix(DYNAMIC), f"{args.typ.removeprefix(DYNAMIC)} {args.name}"
        provider = cast("Lifecycle", pickle.loads(base64.b64decode(args.inputs["__provider"])))
        given = {name: plain(value) for name, value in args.inputs.items() if not name.startswith("__")}
        given = {name: value for name, value in given.items() if name not in provider.computed_keys}
        had = self.state.get(key)
        checked = provider.check(copy.deepcopy(had.inputs) if had else {}, wire(given))
        if checked.failures:
            raise Stopped("; ".join(f"{kind} {args.name}: {each.reason}" for each in checked.failures))
        inputs = wire(checked.inputs)
        self.declared.append(key)
        if self.preview:
            known = had.outputs if had and not provider.diff(had.id, wire(had.outputs), inputs).changes else inputs
            return (had.id if had else "", known)
        self.state[key] = made = self._made(kind, args.name, provider, had, inputs)
        return made.id, made.outputs

    def _made(self, kind: str, name: str, provider: Lifecycle, had: Resource | None, inputs: Config) -> Resource:
        if had is None:
            return self._created(kind, name, provider, inputs)
        difference = provider.diff(had.id, wire(had.outputs), wire(inputs))
        if not difference.changes:
            # Last: in the order of what depends on what.
            del self.state[f"{kind} {name}"]
            had.inputs = inputs
            return had
        if difference.replaces:
            if provider.delete_first:
                self._delete(had)
            made = self._created(kind, name, provider, inputs)
            if not provider.delete_first:
                self._delete(had, forget=False)
            return made
        outs = provider.update(had.id, wire(had.outputs), wire(inputs)).outs
        self.done.append(f"update {kind} {name}")
        self.state.pop(f"{kind} {name}")
        return Resource(kind=kind, name=name, provider=provider, id=had.id, inputs=inputs, outputs=wire(outs))

    def _created(self, kind: str, name: str, provider: Lifecycle, inputs: Config) -> Resource:
        result = provider.create(wire(inputs))
        self.done.append(f"create {kind} {name}")
        return Resource(
            kind=kind, name=name, provider=provider, id=result.id, inputs=inputs, outputs=wire(dict(result.outs or {}))
        )

    def _delete(self, had: Resource, *, forget: bool = True) -> None:
        had.provider.delete(had.id, wire(had.outputs))
        self.done.append(f"delete {had.kind} {had.name}")
        if forget:
            self.state.pop(f"{had.kind} {had.name}")

    def remove_the_rest(self) -> None:
        """Remove what is declared no more, what depends on others first.

        Raises:
            Stopped: something could not be removed, or is protected.
        """
        going = [resource for key, resource in reversed(self.state.items()) if key not in self.declared]
        if kept := [f"{each.kind} {each.name}" for each in going if each.protected]:
            raise Stopped(f"{', '.join(kept)} cannot be deleted because it is protected")
        for resource in [] if self.preview else going:
            try:
                self._delete(resource)
            except Exception as fault:
                raise Stopped(f"{resource.kind} {resource.name}: {fault}") from fault


def plain(value: Any) -> Any:
    """Take secrets out of their envelopes, however deep."""
    value = opened(value)
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


@dataclass(slots=True)
class Stack:
    """A stack file over fake machines, and the commands that operators type."""

    farm: FakeFarm
    config: Config
    state: State = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    """Warnings of the last command."""

    def preview(self) -> None:
        """Run ``pulumi preview``.

        Raises:
            Stopped: something is rejected.
        """
        self._run(Engine(copy.copy(self.state), preview=True))

    def up(self) -> list[str]:
        """Run ``pulumi up``, and say what it did.

        Raises:
            Stopped: it ended with an error; what was done until then is in the state.
        """
        return self._run(Engine(self.state))

    def refresh(self) -> dict[str, list[str]]:
        """Look at every resource, and give the deviations of those that have some."""
        with self._process():
            for resource in list(self.state.values()):
                try:
                    seen = resource.provider.read(resource.id, wire(resource.outputs))
                except Exception as fault:
                    raise Stopped(str(fault)) from fault
                if not seen.id:
                    del self.state[f"{resource.kind} {resource.name}"]
                    continue
                resource.outputs = wire(dict(seen.outs or {}))
                resource.inputs = wire(dict(seen.inputs or {}))
        return {key: list(each.outputs["drift"]) for key, each in self.state.items() if each.outputs.get("drift")}

    def destroy(self) -> list[str]:
        """Run ``pulumi destroy``.

        Raises:
            Stopped: something could not be removed.
        """
        engine = Engine(self.state)
        with self._process():
            engine.remove_the_rest()
        return engine.done

    def _run(self, engine: Engine) -> list[str]:
        with self._process():
            try:
                self._program(engine)
            except settings.SettingsError as fault:
                raise Stopped(str(fault)) from fault
            except Exception as fault:
                raise Stopped(engine.failed or str(fault)) from fault
            engine.remove_the_rest()
        if not engine.preview:
            sites = self.config.get("sites", {})
            protected = {site.get("formerly", name) for name, site in sites.items() if site.get("protect")}
            for resource in self.state.values():
                resource.protected = resource.kind in KEPT_BY_PROTECT and resource.name in protected
        return engine.done

    def _program(self, engine: Engine) -> None:
        pulumi.runtime.set_mocks(engine, project="aegir", stack="test", preview=engine.preview)
        read = self._settings()
        for key, names in (("_forgotten", read.forget), ("_replaced", read.replaced)):
            getattr(lifecycle, key).update(names)

        @pulumi.runtime.test  # type: ignore[untyped-decorator]
        async def program() -> None:
            await estate.build(read)

        program()

    def _settings(self) -> settings.Settings:
        config = copy.deepcopy(self.config)
        if not {"include", "rules"} & config.keys():
            return settings.load(config, is_secret, conventional_name)
        values = {
            f"aegir:{key}": value if isinstance(value, str) else json.dumps(value) for key, value in config.items()
        }
        return load_values(values, set(), Path(config["hub"]["root"]), "test", conventional_name)

    @contextmanager
    def _process(self) -> Iterator[None]:
        """Begin as a new process does, which knows nothing of the last command."""
        lifecycle._forgotten.clear()
        lifecycle._replaced.clear()
        activation.waiting.clear()
        declared.forget()
        settling._written.clear()
        self.told.clear()
        said = logging.Handler(logging.WARNING)
        said.emit = lambda record: self.told.append(record.getMessage())  # type: ignore[method-assign]
        root = logging.getLogger()
        root.addHandler(said)
        # The SDK tells of each output that nobody awaits after a failure.
        quiet = logging.getLogger("asyncio")
        level = quiet.level
        quiet.setLevel(logging.CRITICAL)
        try:
            with (
                mock.patch.object(answering, "AGAIN", 0.0),
                mock.patch.object(settling, "FRESH", 0.0),
                self.farm.installed(),
            ):
                yield
        finally:
            root.removeHandler(said)
            quiet.setLevel(level)


def is_secret(path: str) -> bool:
    """Take passwords for what a stack file encrypts."""
    return path.endswith("password")


__all__ = ["Engine", "Resource", "Stack", "State", "Stopped"]
