"""The hub's records: whole or not there, and turns in which nobody waits in a circle."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from aegir_components.hub.records import Records, hub_root, turn


def test_a_record_is_read_back_with_its_key_and_time_until_it_is_dropped(tmp_path: Path) -> None:
    records = Records(str(tmp_path), "content")
    assert records.get("a/b", "site") is None
    records.put({"number": 3}, "a/b", "site")
    records.put({"number": 4}, "a/b", "other")
    found = records.get("a/b", "site")
    assert found is not None
    assert (3, ["a/b", "site"]) == (found["number"], found["key"])
    assert abs(found["at"] - time.time()) < 60
    assert ["other", "site"] == [record["key"][1] for record in records.all()]
    records.drop("a/b", "site")
    records.drop("a/b", "site")
    assert records.get("a/b", "site") is None


def test_a_record_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    records = Records(str(tmp_path), "answers")
    records.put({}, "x")
    (file,) = (tmp_path / "records" / "answers").glob("*.json")
    for text in ("", "{", "[]", '{"key": 1}'):
        file.write_text(text)
        assert records.get("x") is None
        assert [] == list(records.all())


def test_the_hub_root_is_that_of_the_machine_that_a_resource_is_on() -> None:
    assert hub_root({"site": "x"}) is None
    assert hub_root({"connection": {"host": "a"}}) == "/var/aegir"
    assert hub_root({"members": {"a": {"connection": {"hub_root": "/srv/hub"}}}}) == "/srv/hub"


def test_two_that_need_the_same_machines_come_one_after_the_other(tmp_path: Path) -> None:
    """Each takes them in the other's order, as two platforms on one cluster would."""
    inside, most, done = 0, [], []
    guard = threading.Lock()

    def work(*machines: str) -> None:
        nonlocal inside
        for _ in range(20):
            with turn(str(tmp_path), machines):
                with guard:
                    inside += 1
                    most.append(inside)
                time.sleep(0.001)
                with guard:
                    inside -= 1
        done.append(machines)

    both = [
        threading.Thread(target=work, args=names, daemon=True) for names in (("a", "b"), ("b", "a"), ("b", "c", "a"))
    ]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join(timeout=20)
    assert len(done) == 3
    assert max(most) == 1


def test_one_machine_alone_waits_for_nobody_and_needs_no_place(tmp_path: Path) -> None:
    with turn(str(tmp_path), ["a"]), turn(str(tmp_path), ["a"]):
        assert [] == list(tmp_path.iterdir())
