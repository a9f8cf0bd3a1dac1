"""Pulumi's engine, small: runs the program in this process over a state, with the providers themselves.

What it does as the real one: checks, diffs, replacements, the order of removals, a state that is kept after each step. What
it does not: steps side by side, secrets in the state. ``tests/random`` and ``tests/matrix`` make thousands of runs with it.
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, cast
from unittest import mock

import grpc  # type: ignore[import-untyped]
import pulumi
from pulumi.dynamic import CheckResult
from pulumi.runtime import mocks, resource, rpc
from pulumi.runtime.proto import resource_pb2, source_pb2

from aegir_components import process
from aegir_components.providers import lifecycle, raw
from aegir_components.pulumi_workarounds import failures
from aegir_components.recorded import READ

from . import registering
from .requests import DYNAMIC, Ended, Warnings, inputs_of, needs_of, provider_of, short
from .turns import InTurn
from .wire import finish, wire

Props = dict[str, Any]


class Killed(BaseException):
    """The process was killed: nothing that catches exceptions goes on."""


@dataclass(slots=True)
class Row:
    """A resource in the state."""

    kind: str
    provider: lifecycle.Lifecycle[Any, Any] | None
    """``None`` for a component."""
    id: str
    inputs: Props = field(repr=False)
    outputs: Props = field(repr=False)
    protected: bool
    needs: frozenset[str] = frozenset()
    """URNs of what it depends on."""


@dataclass(slots=True)
class Run:
    """What a command did."""

    ok: bool = True
    steps: list[str] = field(default_factory=list)
    """``create aegir:Machine web1``."""
    faults: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


class Engine(mocks.MockMonitor):
    """A stack: its state, and commands on it."""

    def __init__(self, state: dict[str, Row] | None = None, seed: int = 0, *, quick: bool = True) -> None:
        """Begin with a state, or with an empty one.

        Args:
            state: what is there already.
            seed: the same one gives the same order of steps that wait for nothing but their turn.
            quick: whether programs declare resources without the SDK's own way, which previews always take.
        """
        super().__init__(cast("mocks.Mocks", None))
        self.state: dict[str, Row] = {} if state is None else state
        self._quick = quick
        self._previews = False
        self._chance = random.Random(seed)  # noqa: S311 - no secret
        self._lock = threading.Lock()
        self._run = Run()
        self._seen: set[str] = set()
        self._without: set[str] = set()
        self._skipped: set[str] = set()
        self._goes_on = True
        self._program_ended = False
        self._killed: Killed | None = None
        self.works: int | None = None
        """Works of providers until the engine is killed, before it has recorded the last of them; ``None`` for never."""

    def up(
        self,
        program: Callable[[], Coroutine[Any, Any, object]],
        *,
        refresh: bool = False,
        go_on: bool = True,
        **config: Any,
    ) -> Run:
        """Do what ``pulumi up`` does.

        Args:
            program: declares the resources.
            refresh: inspect everything first.
            go_on: whether ``--continue-on-error`` is given, as ``tools/env`` has it.
            config: what the providers are configured with: ``forget``, ``replaced``.

        Raises:
            Killed: something on the way raised it; the state is what it was then.
        """
        self._run, self._seen, self._killed = Run(), set(), None
        self._without, self._skipped, self._goes_on, self._program_ended = set(), set(), go_on, False
        self._configure(config)
        try:
            if refresh:
                self._refresh()
            if self._run.ok:
                try:
                    self._declare(program)
                finally:
                    self._reorder()
            if self._run.ok or (go_on and self._program_ended):
                self._remove(lambda urn: urn not in self._seen)
        finally:
            process.begin()
        return self._run

    def preview(self, program: Callable[[], Coroutine[Any, Any, object]], **config: Any) -> Run:
        """Do what ``pulumi preview`` does: nothing, to anything."""
        kept, self._previews = self.state, True
        self.state = {urn: replace(row) for urn, row in kept.items()}
        try:
            return self.up(program, **config)
        finally:
            self.state, self._previews = kept, False

    def refresh(self) -> Run:
        """Do what ``pulumi refresh`` does."""
        self._run = Run()
        self._configure({})
        self._refresh()
        return self._run

    def destroy(self) -> Run:
        """Do what ``pulumi destroy`` does."""
        self._run = Run()
        self._configure({})
        self._remove(lambda _: True)
        return self._run

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - as gRPC calls it
        """Make a step for a resource that the program declares."""
        urn = self.make_urn(request.parent, request.type, request.name)
        if request.type == "pulumi:pulumi:Stack":
            return resource_pb2.RegisterResourceResponse(urn=urn)
        # One after the other: the real engine's steps are side by side, but each of them is told apart.
        with self._lock:
            if self._killed is not None or not (self._run.ok or self._goes_on):
                raise Ended(grpc.StatusCode.UNAVAILABLE)
            self._seen.add(urn)
            needs = needs_of(request)
            if needs & self._without:
                self._check_in_part(urn, request)
                self._without.add(urn)
                self._skipped.add(urn)
                return resource_pb2.RegisterResourceResponse(urn=urn, result=resource_pb2.Result.SKIP)
            try:
                row = self._step(urn, request)
            except Killed as killed:
                self._killed = killed
                raise Ended(grpc.StatusCode.UNAVAILABLE) from None
            except Exception as fault:  # noqa: BLE001 - whatever a provider raises ends the run
                self._fail(urn, fault)
                if not self._goes_on:
                    raise Ended(grpc.StatusCode.UNKNOWN) from None
                self._without.add(urn)
                return resource_pb2.RegisterResourceResponse(urn=urn, result=resource_pb2.Result.FAIL)
            row.needs = needs
        if isinstance(request, registering.Request):
            request.outputs = row.outputs
            return resource_pb2.RegisterResourceResponse(urn=urn, id=row.id)
        return resource_pb2.RegisterResourceResponse(
            urn=urn, id=row.id, object=finish(rpc.serialize_properties(row.outputs, {}))
        )

    def Invoke(self, request: Any) -> Any:  # noqa: N802 - as gRPC calls it
        """Answer the one function that the program calls: what the state has."""
        assert request.tok == READ, request.tok
        with self._lock:
            known = {urn: {"type": row.kind, "outputs": row.outputs} for urn, row in self.state.items()}
        answer = finish(rpc.serialize_properties({"outputs": known}, {}))
        return resource_pb2.ResourceInvokeResponse(**{"failures": None, "return": answer})

    def _read(self, name: str) -> Props:
        assert name == READ, name
        return {"outputs": {urn: {"type": row.kind, "outputs": wire(row.outputs)} for urn, row in self.state.items()}}

    def _configure(self, config: Props) -> None:
        """Begin as a new process does, which knows nothing of the last command."""
        failures.leave(self)
        lifecycle.configure(process.begin(), config)

    def _declare(self, program: Callable[[], Coroutine[Any, Any, object]]) -> None:
        logger = Warnings(self._run.warnings)
        mocks.set_mocks(
            self.mocks, project="aegir", stack="test", preview=self._previews, monitor=self, organization="organization"
        )
        pulumi.runtime.settings.SETTINGS.engine = logger

        loops: list[asyncio.AbstractEventLoop] = []

        @pulumi.runtime.test  # type: ignore[untyped-decorator]
        async def declare() -> None:
            loops.append(asyncio.get_running_loop())
            loops[0].set_default_executor(InTurn(self._chance))
            await program()

        try:
            # Pulumi reads the sources of the program for each resource's place in it, which no engine here shows.
            with mock.patch.object(resource, "_get_stack_trace", source_pb2.StackTrace), self._quickly():
                declare()
            self._program_ended = True
        except Exception as fault:  # noqa: BLE001 - whatever the program raises ends the run
            if self._killed is None and (self._run.ok or self._goes_on):
                self._run.ok = False
                self._run.faults.append(str(fault))
        finally:
            # The loop is the process's, and whoever comes next needs threads.
            for loop in loops:
                loop.set_default_executor(ThreadPoolExecutor())
        if self._killed is not None:
            raise self._killed

    def _quickly(self) -> AbstractContextManager[None]:
        return nullcontext() if self._previews or not self._quick else registering.instead(self._read)

    def _step(self, urn: str, request: Any) -> Row:
        inputs = inputs_of(request)
        kind = request.type.removeprefix(DYNAMIC)
        protected = bool(request.protect)
        if kind == request.type:
            return self._keep(urn, Row(request.type, None, "", {}, inputs, protected))
        had = self.state.get(urn)
        provider, result = self._checked(had, inputs)
        if result.failures:
            raise RuntimeError("; ".join(f"{each.property}: {each.reason}" for each in result.failures))
        news = wire(result.inputs)
        if self._previews:
            return self._previewed(urn, request.type, had, provider, news)
        if had is not None:
            difference = provider.diff(had.id, wire(had.outputs), news)
            if difference.replaces:
                return self._replace(urn, had, provider, news, protected, first=bool(difference.delete_before_replace))
            if not difference.changes:
                had.inputs, had.protected = news, protected
                return self._keep(urn, had)
            self._run.steps.append(f"update {short(urn)}")
            outputs = wire(provider.update(had.id, wire(had.outputs), news).outs)
            self._worked()
            return self._keep(urn, Row(request.type, provider, had.id, news, outputs, protected))
        return self._create(urn, request.type, provider, news, protected)

    @staticmethod
    def _checked(had: Row | None, inputs: Props) -> tuple[lifecycle.Lifecycle[Any, Any], CheckResult]:
        provider = provider_of(inputs["__provider"])
        return provider, provider.check(had.inputs if had else {}, raw.plain(wire(inputs)))

    def _check_in_part(self, urn: str, request: Any) -> None:
        """Check what will be skipped, as the real engine does, without what is not known; a problem there ends the run."""
        if request.type.startswith(DYNAMIC):
            try:
                self._checked(self.state.get(urn), inputs_of(request))
            except Exception as fault:  # noqa: BLE001 - whatever a provider raises
                self._goes_on = False
                self._fail(urn, fault)
                raise Ended(grpc.StatusCode.UNKNOWN) from None

    def _previewed(
        self, urn: str, kind: str, had: Row | None, provider: lifecycle.Lifecycle[Any, Any], news: Props
    ) -> Row:
        if had is not None and not provider.diff(had.id, wire(had.outputs), news).changes:
            return had
        self._run.steps.append(f"{'create' if had is None else 'update'} {short(urn)}")
        return Row(kind, provider, had.id if had else "", news, news, protected=False)

    def _create(
        self, urn: str, kind: str, provider: lifecycle.Lifecycle[Any, Any], news: Props, protected: bool
    ) -> Row:
        self._run.steps.append(f"create {short(urn)}")
        made = provider.create(news)
        self._worked()
        return self._keep(urn, Row(kind, provider, made.id, news, wire(made.outs), protected))

    def _worked(self) -> None:
        if self.works is None:
            return
        self.works -= 1
        if self.works < 0:
            self.works = None
            raise Killed

    def _keep(self, urn: str, row: Row) -> Row:
        """Put a resource last: the order of the state is that of what depends on what."""
        self.state.pop(urn, None)
        self.state[urn] = row
        return row

    def _reorder(self) -> None:
        """Order the state as a snapshot of the real engine: what this run has come to, and after that what it has not."""
        rows = sorted(self.state.items(), key=lambda item: item[0] not in self._seen)
        self.state.clear()
        self.state.update(rows)

    def _replace(
        self,
        urn: str,
        had: Row,
        provider: lifecycle.Lifecycle[Any, Any],
        news: Props,
        protected: bool,
        *,
        first: bool,
    ) -> Row:
        if had.protected:
            raise RuntimeError(f"{short(urn)} is protected")
        self._run.steps.append(f"replace {short(urn)}")
        if first:
            provider.delete(had.id, wire(had.outputs))
            self._worked()
            del self.state[urn]
            return self._create(urn, had.kind, provider, news, protected)
        row = self._create(urn, had.kind, provider, news, protected)
        # What was replaced goes at the end, as everything that is declared no more.
        self.state[f"{urn}#replaced"] = had
        return row

    def _remove(self, goes: Callable[[str], bool]) -> None:
        kept = self._needed_by(urn for urn in self._without if urn not in self._skipped)
        for urn in reversed([urn for urn in self.state if goes(urn) or urn.endswith("#replaced")]):
            row = self.state[urn]
            if urn in kept:
                # What could not be removed still needs it.
                kept |= row.needs
                continue
            if row.protected:
                self._fail(urn, RuntimeError("it is protected"))
                if not self._goes_on:
                    return
                kept |= row.needs
                continue
            try:
                if row.provider is not None:
                    self._run.steps.append(f"delete {short(urn)}")
                    if not self._previews:
                        row.provider.delete(row.id, wire(row.outputs))
                        self._worked()
            except Exception as fault:  # noqa: BLE001 - whatever a provider raises ends the run
                self._fail(urn, fault)
                if not self._goes_on:
                    return
                kept |= row.needs
                continue
            del self.state[urn]
            broken = [each for each, other in self.state.items() if urn in other.needs and other is not row]
            assert not broken, f"snapshot integrity failure: {broken} depend on {urn}"

    def _needed_by(self, urns: Iterable[str]) -> set[str]:
        """List all that resources depend on in the state, however far."""
        found: set[str] = set()
        left = list(urns)
        while left:
            row = self.state.get(left.pop())
            fresh = set(row.needs) - found if row else set()
            found |= fresh
            left += fresh
        return found

    def _refresh(self) -> None:
        for urn, row in list(self.state.items()):
            if row.provider is None:
                continue
            try:
                seen = row.provider.read(row.id, wire(row.outputs))
            except Exception as fault:  # noqa: BLE001 - whatever a provider raises ends the run
                self._fail(urn, fault)
                return
            if not seen.id:
                del self.state[urn]
                continue
            row.outputs = wire(seen.outs)
            row.inputs = wire(seen.inputs or row.inputs)

    def _fail(self, urn: str, fault: Exception) -> None:
        self._run.ok = False
        self._run.faults.append(f"{short(urn)}: {fault}")
