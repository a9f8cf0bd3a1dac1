"""Where the time of the tests on hosts goes, file by file: making hosts, `pulumi` commands, waiting, and the test's own work.

The tests' own tools enter what they do (`spent`); `conftest.py` adds the length of each test and prints the table at the end.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import SupportsIndex

from tests.warm.engine import warm

HOSTS, PULUMI, WAITING = "hosts", "pulumi", "waiting"
_sleep = time.sleep


@dataclass(slots=True)
class Row:
    """What the tests of one file took."""

    tests: int = 0
    """Tests that ran, skipped ones included."""
    total: float = 0.0
    """Seconds, setting up and tearing down included."""
    hosts: float = 0.0
    """Seconds for making, restoring and removing hosts."""
    pulumi: float = 0.0
    """Seconds for commands of Pulumi's."""
    waiting: float = 0.0
    """Seconds that the test itself slept, outside of the others."""
    commands: int = 0
    """Commands of Pulumi's."""
    processor: float = 0.0
    """Seconds of processor that they took on the hub, with all their processes that ended in order."""
    besides: float = 0.0
    """Seconds of processor that the tests took beside that: themselves, and their own commands."""
    in_hosts: float = 0.0
    """Seconds of processor that hosts took which stood until the end."""

    @property
    def own(self) -> float:
        """Seconds for everything else: commands in hosts, pages, comparisons."""
        return max(0.0, self.total - self.hosts - self.pulumi - self.waiting)


@dataclass(slots=True)
class Ledger:
    """The rows of one process of pytest."""

    rows: dict[str, Row] = field(default_factory=dict)
    file: str = ""
    """The file whose test is running."""
    busy: bool = False
    """Whether what is done now is entered already, so that nothing in it is entered twice."""
    _mark: float = 0.0

    def row(self) -> Row:
        """Give the row of the file whose test is running."""
        return self.rows.setdefault(self.file, Row())

    def begin(self, file: str = "") -> None:
        """Say whose time is spent from now on, and enter the processor time of the file before."""
        if file != self.file:
            used = _own() + _children()
            if self.file:
                self.row().besides += used - self._mark
            self.file, self._mark = file, used

    @contextmanager
    def spent(self, kind: str) -> Iterator[None]:
        """Enter the time of what is done in the block."""
        if self.busy:
            yield
            return
        row, begun, before = self.row(), time.monotonic(), _children()
        self.busy = True
        try:
            yield
        finally:
            self.busy = False
            setattr(row, kind, getattr(row, kind) + time.monotonic() - begun)
            if kind == PULUMI:
                row.commands += 1
                row.processor += (used := _children() - before)
                row.besides -= used

    def watch_sleep(self) -> None:
        """Enter every `time.sleep` of this process from now on."""

        def sleep(seconds: float | SupportsIndex) -> None:
            with self.spent(WAITING):
                _sleep(seconds)

        time.sleep = sleep

    def packed(self) -> dict[str, dict[str, float]]:
        """Give the rows as plain data, for the way from a worker to its controller."""
        return {file: asdict(row) for file, row in self.rows.items()}

    def add(self, packed: Mapping[str, Mapping[str, float]]) -> None:
        """Add the rows of another process."""
        for file, given in packed.items():
            row = self.rows.setdefault(file, Row())
            for name, value in given.items():
                setattr(row, name, getattr(row, name) + value)

    def table(self) -> list[str]:
        """Give the table, the longest file first, with a line for all."""
        whole = Row()
        rows = sorted(self.rows.items(), key=lambda pair: -pair[1].total)
        lines = [f"{'file':<28} {'tests':>5} {'total':>7} {'hosts':>7} {'pulumi':>7} {'waiting':>7} {'own':>7}"
                 f" {'commands':>8} {'processor':>9} {'besides':>7} {'in hosts':>8}"]  # fmt: skip
        for _, row in rows:
            for name, value in asdict(row).items():
                setattr(whole, name, getattr(whole, name) + value)
        for file, row in [*rows, ("all", whole)]:
            name = file.rpartition("/")[2]
            lines.append(f"{name:<28} {row.tests:>5} {row.total:>7.0f} {row.hosts:>7.0f} {row.pulumi:>7.0f}"
                         f" {row.waiting:>7.0f} {row.own:>7.0f} {row.commands:>8} {row.processor:>9.0f}"
                         f" {row.besides:>7.0f} {row.in_hosts:>8.0f}")  # fmt: skip
        return lines


def _own() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime + warm.processor()


ledger = Ledger()
"""The ledger of this process."""
