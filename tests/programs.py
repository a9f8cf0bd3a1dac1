"""Pulumi programs run by the SDK over mocks, from their first line to their last, as `pulumi up` runs them."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import runpy
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
from google.protobuf import json_format  # type: ignore[import-untyped]
from pulumi.runtime import mocks
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.settings import ROOT, SETTINGS

from aegir_components.testing import RecordingMocks

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB"
ADDRESSES = {"web1": "10.0.1.1", "web2": "10.0.1.2", "db1": "10.0.1.3"}
"""What a cloud provider gives its machines."""
LONGEST = 60
"""Seconds after which a program hangs."""


@dataclass(slots=True)
class Answers(RecordingMocks):
    """Resources of a cloud provider get an address and a host key; a preview does not know them."""

    preview: bool = False

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        """Answer with what the resource is."""
        identity, outputs = RecordingMocks.new_resource(self, args)
        if args.typ == "your-cloud:index:Machine" and not self.preview:
            outputs = {**outputs, "address": ADDRESSES[args.name], "host_key": KEY}
        return identity, outputs


class Monitor(mocks.MockMonitor):
    """Keeps of each resource what it depends on, and which of its inputs are not known."""

    def __init__(self, answers: RecordingMocks, fails: str = "") -> None:
        """Begin with no resources.

        Args:
            answers: what resources are answered with.
            fails: the name of a resource that cannot be made.
        """
        self.fails = fails
        self._without: set[str] = set()
        super().__init__(answers)
        self.needs: dict[str, set[str]] = {}
        self.rows: dict[str, dict[str, Any]] = {}

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - as gRPC calls it
        """Note what it depends on, and everything that the engine compares with a state."""
        self.rows[self.make_urn(request.parent, request.type, request.name)] = {
            "inputs": json_format.MessageToDict(request.object),
            "needs": sorted(request.dependencies),
            "protect": request.protect,
        }
        self.needs[f"{request.type.rpartition(':')[2]} {request.name}"] = {
            " ".join(each.split("::")[-2:]).rpartition(":")[2] for each in request.dependencies
        }
        urn = self.make_urn(request.parent, request.type, request.name)
        if request.name == self.fails or self._without & set(request.dependencies) or request.parent in self._without:
            # As the engine with --continue-on-error.
            self._without.add(urn)
            how = resource_pb2.Result.FAIL if request.name == self.fails else resource_pb2.Result.SKIP
            return resource_pb2.RegisterResourceResponse(urn=urn, result=how)
        return super().RegisterResource(request)  # type: ignore[no-untyped-call]


@dataclass(slots=True)
class Ran:
    """What a program declared."""

    mocks: Answers
    needs: dict[str, set[str]] = field(default_factory=dict)
    """By type and name, `Machine web1`: what a resource depends on, in the same way."""
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By URN: inputs as the engine gets them, what it depends on, and whether it is protected."""


def run(
    program: Callable[[], object] | Path,
    *,
    config: Mapping[str, str] | None = None,
    preview: bool = False,
    computed: Mapping[str, dict[str, Any]] | None = None,
    before: Mapping[str, dict[str, Any]] | None = None,
    project: str = "other",
    secrets: Collection[str] = (),
    fails: str = "",
) -> Ran:
    """Run a program to its end.

    Args:
        program: a function, or the file of a program.
        config: the stack's configuration.
        preview: whether it is a preview.
        computed: outputs that resources have besides their inputs, by type.
        before: the state of a former run.
        project: the name of the Pulumi project.
        secrets: the keys of the configuration that hold a secret.
        fails: the name of a resource that cannot be made, and whose dependents are skipped.
    """
    return contextvars.copy_context().run(
        _run,
        program,
        dict(config or {}),
        list(secrets),
        preview,
        dict(computed or {}),
        dict(before or {}),
        project,
        fails,
    )


def _run(
    program: Any,
    config: dict[str, str],
    secrets: list[str],
    preview: bool,
    computed: Any,
    before: Any,
    project: str,
    fails: str,
) -> Ran:
    answers = Answers(computed=computed, before=before, preview=preview)
    monitor = Monitor(answers, fails)
    ran = Ran(answers, monitor.needs, monitor.rows)
    # As the language host does: a program that fails leaves futures that nobody waits for.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        pulumi.runtime.set_mocks(answers, project=project, stack="test", preview=preview, monitor=monitor)
        SETTINGS.outputs.clear()
        pulumi.runtime.set_all_config(config, secrets)
        ROOT.set(None)
        body = program if callable(program) else (lambda: _script(program))
        loop.run_until_complete(asyncio.wait_for(pulumi.runtime.run_in_stack(body), LONGEST))
    finally:
        pulumi.runtime.set_all_config({})
        loop.close()
        asyncio.set_event_loop(asyncio.new_event_loop())
    return ran


def _script(path: Path) -> None:
    sys.path.insert(0, str(path.parent))
    try:
        runpy.run_path(str(path), run_name="__main__")
    finally:
        sys.path.remove(str(path.parent))
