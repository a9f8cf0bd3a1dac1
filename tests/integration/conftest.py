"""Hosts of the lab for the integration tests."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator
from pathlib import Path

import pytest

from demo import wordpress as demo_wordpress
from lab import EngineMissing, HostSpec, Lab, LabError, ReleaseMissing, state, usage
from lab.laboratory import say_to_stderr
from tests import codebases
from tests.integration import times
from tests.integration.farm import settings_kept
from tests.integration.ledger import HOSTS, ledger
from tests.warm.engine import warm

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
_FAILED = pytest.StashKey[bool]()


def pytest_configure(config: pytest.Config) -> None:
    """Name the marker, for runs that take their settings from elsewhere."""
    config.addinivalue_line("markers", "lab: needs hosts of the lab, so a container engine")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest. With --no-loadscope-reorder, xdist hands files out in this order.

    How long a file takes is in a table (times.py); of one that is not there yet, its mark tells.
    """
    known = times.read()
    seconds: dict[str, float] = {}
    heavy = set()
    for item in items:
        file = _file(item)
        if file not in seconds:
            marked = 300.0 if item.get_closest_marker("long") else 60.0
            # A file of fast tests has a few long ones, which are in no table.
            seconds[file] = known.get(file, marked if file.startswith("tests/integration/") else 10.0)
        if item.get_closest_marker("machines"):
            heavy.add(file)
    order = times.arranged(seconds, heavy, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))
    place = {file: number for number, file in enumerate(order)}
    items.sort(key=lambda item: place[_file(item)])


def _file(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]


def _claim_name(suffix: str) -> tuple[str, int]:
    """Choose a lab name that no living test run uses; that of a killed one is free again."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    for number in range(1, 100):
        parts = ("test", suffix, worker, str(number) if number > 1 else "")
        name = "-".join(part for part in parts if part)
        descriptor = state.claim(f"claim-{name}")
        if descriptor is not None:
            return name, descriptor
    raise RuntimeError(f"a hundred test runs use labs called test-{suffix}")


@pytest.fixture(scope="module")
def lab_factory() -> Iterator[LabFactory]:
    """Give a function that makes a lab `test-<suffix>` with these hosts; the end of the file's tests removes it.

    Where no container engine can be had, or no archive of a host's release is known, the test that asks is skipped and told why.
    """
    made: list[tuple[Lab, int]] = []

    def make(name_suffix: str, specs: Iterable[HostSpec] = ()) -> Lab:
        name, descriptor = _claim_name(name_suffix)
        lab = Lab(name)
        made.append((lab, descriptor))
        listed = list(specs)
        try:
            with ledger.spent(HOSTS):
                lab.down()  # what a killed run left
                if listed:
                    lab.up(listed)
        except (EngineMissing, ReleaseMissing) as missing:
            pytest.skip(str(missing))
        return lab

    yield make
    for lab, descriptor in made:
        with ledger.spent(HOSTS):
            ledger.row().in_hosts += usage.processor(lab.hosts().values())
            lab.down()
        state.release(f"claim-{lab.name}", descriptor)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep whether a test has failed for what is done after it."""
    report = yield
    if report.failed:
        item.stash[_FAILED] = True
    return report


@pytest.fixture(autouse=True, scope="module")
def processes_start(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let the processes of a file's commands be forked with their modules imported, unless it looks at them."""
    warm.allowed = request.node.get_closest_marker("cold") is None
    yield
    warm.allowed = False


@pytest.fixture(autouse=True)
def judged_by_itself(request: pytest.FixtureRequest) -> Iterator[None]:
    """Take the settings that a failed test leaves from its farm: the test that comes next is judged by itself."""
    with settings_kept(lambda: request.node.stash.get(_FAILED, False)):
        yield


@pytest.fixture(scope="session")
def wordpress() -> Path:
    """Give Debian's WordPress as a code base; without apt the test that asks is skipped and told why."""
    try:
        return demo_wordpress.code_base(say_to_stderr)
    except LabError as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def drupal7() -> Path:
    """Give Drupal 7 where the machine has it; `tests/codebases.py` says where it is looked for."""
    return codebases.ask("drupal7")


@pytest.fixture(scope="session")
def drupal10() -> Path:
    """Give Drupal 10 where the machine has it."""
    return codebases.ask("drupal10")
