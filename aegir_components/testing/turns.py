"""Executors for doubles, whose work is nothing but dicts: without threads, and in an order that can be had again."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar
from unittest import mock

from aegir_components.remote import parallel
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import HostError

Value = TypeVar("Value")


class InPlace(ThreadPoolExecutor):
    """Does in the caller's thread what others give to a thread: a hundred of them start and end in a run, for dicts."""

    def submit(self, work: Callable[..., Value], /, *given: Any, **named: Any) -> Future[Value]:
        """Call a function, and give what became of it."""
        done: Future[Value] = Future()
        _call(done, partial(work, *given, **named))
        return done


class InTurn(ThreadPoolExecutor):
    """Does what an event loop gives to threads one after the other: of what waits at a time, any one is next."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self._chance = chance
        self._waiting: list[tuple[Future[Any], Callable[[], Any]]] = []

    def submit(self, work: Callable[..., Value], /, *given: Any, **named: Any) -> Future[Value]:
        """Have a function called soon."""
        done: Future[Value] = Future()
        self._waiting.append((done, partial(work, *given, **named)))
        asyncio.get_running_loop().call_soon(self._next)
        return done

    def _next(self) -> None:
        _call(*self._waiting.pop(self._chance.randrange(len(self._waiting))))


def in_threads(members: Mapping[str, Connection], work: Callable[[Connection], None]) -> dict[str, HostError | None]:
    """Stand in for ``parallel.attempt`` where the work on one machine waits for that on the others."""
    with mock.patch.object(parallel, "ThreadPoolExecutor", ThreadPoolExecutor):
        return parallel.attempt(members, work)


def _call(done: Future[Any], work: Callable[[], Any]) -> None:
    try:
        done.set_result(work())
    except BaseException as fault:  # noqa: BLE001 - it is for whoever asks for the result
        done.set_exception(fault)
