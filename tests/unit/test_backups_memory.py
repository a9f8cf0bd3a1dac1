"""How the programs of backups share the hub's memory."""

from __future__ import annotations

import threading
import time

import pytest

from aegir_components.backups import memory
from aegir_components.backups.memory import Memory


class Work:
    """Several threads that want memory, and the most that they had at once."""

    def __init__(self, room: Memory) -> None:
        self.room, self.used, self.most = room, 0, 0
        self.lock, self.order = threading.Lock(), list[int]()

    def do(self, megabytes: int) -> None:
        with self.room.of(megabytes):
            with self.lock:
                self.used += megabytes
                self.most = max(self.most, self.used)
                self.order.append(megabytes)
            time.sleep(0.01)
            with self.lock:
                self.used -= megabytes


def started(work: Work, wanted: list[int]) -> list[threading.Thread]:
    threads = [threading.Thread(target=work.do, args=(one,), daemon=True) for one in wanted]
    for thread in threads:
        thread.start()
    return threads


def test_threads_never_have_more_than_there_is() -> None:
    work = Work(Memory(195))

    for thread in started(work, [110, 45, 60, 80, 115, 60, 60, 45, 110, 115] * 3):
        thread.join(10)

    assert len(work.order) == 30
    assert 110 < work.most <= 195


def test_more_than_there_is_is_given_alone() -> None:
    work = Work(Memory(50))

    for thread in started(work, [80, 20]):
        thread.join(10)

    assert sorted(work.order) == [20, 80]


def test_a_large_one_is_not_passed_by_small_ones_for_ever() -> None:
    room = Memory(100)
    work = Work(room)
    with room.of(60):
        large = started(work, [70])
        while not room._waiting:
            time.sleep(0.001)
        small = started(work, [10, 10])
        time.sleep(0.02)
        assert not work.order
    for thread in [*large, *small]:
        thread.join(10)

    assert work.order[0] == 70


def test_who_fails_while_it_waits_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    room = Memory(100)

    def ended(_is_there: object) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(room._changed, "wait_for", ended)
        with pytest.raises(KeyboardInterrupt), room.of(60):
            pass

    with room.of(100):
        assert not room._waiting


def test_what_runs_together_stays_below_200_megabytes() -> None:
    large = 1 << 30
    assert memory.of_backup(large) == memory.of_backup(None) == 110
    # A backup beside a copy, a proof beside a copy, and three small ones; not a backup beside a proof.
    room = memory.HUB._all
    assert room < 200
    assert memory.of_backup(large) + memory.of_copying(large) <= room
    assert memory.of_reading(large) + memory.of_copying(large) <= room
    assert 3 * memory.of_backup(1) <= room
    assert memory.of_backup(large) + memory.of_reading(large) > room
