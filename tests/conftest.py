"""What every run of the tests tells at its end: figures, code bases, and where the time went.

In this file and not beside the tests on hosts, because the controller of several workers loads no other one.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from aegir_components import process
from aegir_components.hub import records as hub_records
from tests import codebases
from tests.attacks import actors
from tests.deadline import REASON, Deadline, left_out
from tests.integration import times
from tests.integration.ledger import ledger

DEADLINE = Deadline.of_environment()


@pytest.fixture(autouse=True)
def _process_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let each test begin as a process does, and write no records into the hub root of the machine that it runs on."""
    process.begin()
    place = hub_records.place

    def own(root: str) -> Path:
        return place(root) if root != hub_records.DEFAULT_ROOT else tmp_path_factory.getbasetemp() / "records"

    # A patch of its own: the test's monkeypatch has to be undone before the fixtures that it patches over.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hub_records, "place", own)
        yield


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the name of a table of seconds."""
    parser.addoption("--times", metavar="FILE", help="enter the seconds of each file of tests on hosts into this table")


def pytest_sessionstart() -> None:
    """Begin to enter how long tests sleep."""
    ledger.watch_sleep()


FIRST = (
    "tests/provider/test_failures.py",
    "tests/unit/test_release_shell.py",
    "tests/provider/test_contract.py",
    "tests/provider/test_registering.py",
    "tests/attacks/test_facts.py",
    "tests/unit/test_structure.py",
    "tests/unit/test_sources_builds.py",
    "tests/unit/test_prelude.py",
    "tests/provider/test_answering_pairs.py",
    "tests/provider/test_release_stream.py",
    "tests/unit/test_pulumi_workarounds.py",
    "tests/provider/test_check_stack_advice.py",
    "tests/unit/test_settings_schema.py",
    "tests/provider/test_matrix.py",
    "tests/provider/test_half_made.py",
    "tests/unit/test_estate.py",
)
"""The files of fast tests that take more than a second or two, the longest first; those on hosts have times.json."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, so that no worker is left alone with one; xdist itself counts tests."""
    place = {file: number for number, file in enumerate(FIRST)}
    items.sort(key=lambda item: place.get(item.nodeid.partition("::")[0], len(FIRST)))


def pytest_collection_finish() -> None:
    """Leave what was imported and collected out of the garbage collector's walks: it lives until the end."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Tell the controller of a fast test by one message, where xdist sends six, which take longer than most tests.

    Setting up and tearing down is told only if it failed or was skipped: --durations does not list it.
    """
    if "PYTEST_XDIST_WORKER" not in os.environ or any(map(item.get_closest_marker, ("lab", "slow"))):
        return None
    for report in runtestprotocol(item, log=False, nextitem=nextitem):
        if report.when == "call" or not report.passed:
            item.ihook.pytest_runtest_logreport(report=report)
    return True


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Say whose time is spent from now on, and begin no file on hosts when the time is over."""
    file = item.nodeid.partition("::")[0]
    ledger.begin(file)
    if any(map(item.get_closest_marker, ("lab", "slow"))) and DEADLINE.leaves_out(file):
        pytest.skip(REASON)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Enter the length of a test; in the process that ran it, which adds what else it knows."""
    if "PYTEST_XDIST_WORKER" in os.environ or not hasattr(report, "node"):
        ledger.row().total += report.duration
        ledger.row().tests += report.when == "setup"


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand the ledger of a worker to the controller."""
    ledger.begin()
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["ledger"] = ledger.packed()
        return
    table: str | None = session.config.getoption("times")
    # A run of some tests of a file says nothing of its length.
    some = session.config.getoption("keyword") or any("::" in word for word in session.config.args)
    if table and not some:
        times.enter(Path(table), {file: asdict(row) for file, row in ledger.rows.items() if row.hosts or row.pulumi})


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take a worker's ledger."""
    ledger.add(getattr(node, "workeroutput", {}).get("ledger", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures that tests have measured, and where their time went."""
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, [])]
    figures = [pair for report in reports if report.when == "call" for pair in report.user_properties]
    if figures:
        terminalreporter.section("figures")
        for name, value in figures:
            terminalreporter.line(f"{name}: {value}")
    nodes = {kind: [each.nodeid for each in terminalreporter.stats.get(kind, [])] for kind in ("passed", "failed")}
    attacks = actors.counted(nodes["passed"], nodes["failed"])
    if attacks:
        terminalreporter.section("attacks")
        for line in attacks:
            terminalreporter.line(line)
    account = codebases.Account()
    for report in terminalreporter.stats.get("skipped", []):
        account.skip(str(report.longrepr[2]))
    on_hosts = any(row.hosts or row.pulumi for row in ledger.rows.values())
    if on_hosts or account.skipped:
        terminalreporter.line(account.line(codebases.present()))
    if late := left_out((each.nodeid, str(each.longrepr[2])) for each in terminalreporter.stats.get("skipped", [])):
        terminalreporter.line(late)
    if on_hosts:
        terminalreporter.section("seconds of each file")
        for line in ledger.table():
            terminalreporter.line(line)
