"""How many calls Pulumi's server for dynamic providers serves at a time, asked of the real one."""

from __future__ import annotations

import base64
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dill  # type: ignore[import-untyped]
import grpc  # type: ignore[import-untyped]
import pytest
from google.protobuf import struct_pb2  # type: ignore[import-untyped]
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from aegir_components.inputs.props import Props
from aegir_components.providers.lifecycle import Lifecycle
from aegir_components.pulumi_workarounds import calls

ROOT = Path(__file__).resolve().parents[2]
AT_ONCE = 12
ALL = threading.Barrier(AT_ONCE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Inputs(Props):
    name: str


class Together(Lifecycle[Inputs, Inputs]):
    """A resource that is there when so many are made at the same time."""

    def identity(self, want: Inputs) -> str:
        return want.name

    def converge(self, want: Inputs, was: Inputs | None) -> dict[str, Any]:
        ALL.wait(timeout=15)
        return {}


@pytest.fixture
def stub() -> Iterator[provider_pb2_grpc.ResourceProviderStub]:
    command = [sys.executable, "-u", "-m", "pulumi.dynamic", "127.0.0.1:0"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        with grpc.insecure_channel(f"127.0.0.1:{process.stdout.readline().strip()}") as channel:
            yield provider_pb2_grpc.ResourceProviderStub(channel)
    finally:
        process.kill()
        process.communicate(timeout=10)


def test_one_process_makes_more_than_four_resources_at_a_time(stub: provider_pb2_grpc.ResourceProviderStub) -> None:
    provider = base64.b64encode(dill.dumps(Together(), byref=True)).decode()

    def create(number: int) -> str:
        properties = struct_pb2.Struct()
        properties.update({"__provider": provider, "name": f"web{number}"})
        request = provider_pb2.CreateRequest(urn=f"urn:{number}", properties=properties)
        return str(stub.Create(request, timeout=20).id)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        made = list(pool.map(create, range(AT_ONCE)))

    assert [f"web{number}" for number in range(AT_ONCE)] == made


def test_a_pool_that_is_larger_already_stays_as_it_is() -> None:
    with ThreadPoolExecutor(3) as pool:
        assert pool.submit(calls.serve_more, 2).result()
        assert 3 == pool._max_workers


def test_a_thread_that_goes_on_with_a_queued_call_is_not_counted_as_idle() -> None:
    together = threading.Barrier(8)
    begin = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        waiting: list[Future[Any]] = [pool.submit(begin.wait), *(pool.submit(int) for _ in range(4))]
        begin.set()
        assert all(each.result() is not None for each in waiting)
        assert pool.submit(calls.serve_more, 8).result()
        # One thread for each, or the last ones wait for the first ones and these for the last ones.
        assert 8 == len([each.result() for each in [pool.submit(together.wait, 20) for _ in range(8)]])


def test_a_call_that_no_pool_runs_changes_nothing() -> None:
    found: list[bool] = []
    thread = threading.Thread(target=lambda: found.append(calls.serve_more()))
    thread.start()
    thread.join()

    assert [False] == found
