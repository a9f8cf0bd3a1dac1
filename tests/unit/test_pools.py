"""Provider processes: how many, and which machine belongs to which."""

from __future__ import annotations

import json

import pulumi
import pytest

from aegir_components.components import pools
from aegir_components.testing import RecordingMocks


def made(machines: list[str], forget: list[str] | None = None) -> tuple[pools.Pools, RecordingMocks]:
    mocks = RecordingMocks()
    pulumi.runtime.set_mocks(mocks, project="aegir", stack="test")
    found: list[pools.Pools] = []

    @pulumi.runtime.test  # type: ignore[untyped-decorator]
    def program() -> None:
        found.append(pools.Pools(machines, forget or []))

    program()
    return found[0], mocks


@pytest.mark.parametrize(
    ("machines", "processes"), [(0, 0), (1, 0), (4, 0), (5, 2), (8, 2), (9, 3), (28, 7), (29, 8), (100, 8)]
)
def test_a_small_farm_does_with_one_process_and_a_large_one_has_eight_at_most(machines: int, processes: int) -> None:
    assert processes == pools.count(machines)


def test_a_small_farm_declares_no_provider() -> None:
    small, mocks = made(["web1", "db1"])

    assert small.of("web1") is None
    assert small.of("a platform") is None
    assert [] == mocks.resources


def test_machines_are_spread_over_the_processes_and_each_belongs_to_the_same_one_always() -> None:
    names = [f"web{number}" for number in range(8)]
    first, mocks = made(names)
    second, _ = made(list(reversed(names)))

    owners = [provider(first, name) for name in names]

    assert owners == [provider(second, name) for name in names], "the order of declaration does not count"
    assert 2 == len(set(owners))
    assert {4} == {owners.count(owner) for owner in owners}
    assert 2 == len([each for each in mocks.resources if "pulumi-python" in each.type])


def test_what_is_no_machine_has_a_process_that_does_not_change() -> None:
    names = [f"web{number}" for number in range(8)]
    first, _ = made(names)
    second, _ = made(names)

    assert [provider(first, f"site{number}.example") for number in range(9)] == [
        provider(second, f"site{number}.example") for number in range(9)
    ]
    assert 1 < len({provider(first, f"site{number}.example") for number in range(9)})


def test_a_machine_that_is_given_up_keeps_the_process_that_drops_it() -> None:
    names = [f"web{number}" for number in range(5)]
    before, _ = made(names)
    after, mocks = made(names[:-1], [names[-1]])

    assert [provider(before, name) for name in names] == [provider(after, name) for name in names]
    assert 2 == len(mocks.resources)


def test_every_process_is_told_which_machines_are_given_up() -> None:
    _, mocks = made([f"web{number}" for number in range(7)], ["web9", "db9"])

    told = [each.inputs for each in mocks.resources]

    assert 3 == len(told)
    for inputs in told:
        assert ["db9", "web9"] == json.loads(inputs["aegir:forget"])


def provider(made_pools: pools.Pools, name: str) -> str:
    found = made_pools.of(name)
    assert found is not None
    (only,) = found.values()
    return only._name
