"""What belongs to a virtual machine of the lab, and what does not."""

from __future__ import annotations

from pathlib import Path

from lab import vms


def test_no_two_machines_have_one_name_or_tap() -> None:
    places = [vms.Place(lab, host, Path("/x") / lab) for lab in ("a", "a-b", "b") for host in ("one", "b-one", "two")]

    assert len(places) == len({place.name for place in places}) == len({place.tap for place in places})
    assert all(len(place.tap) <= 15 for place in places), "Linux takes no longer names"


def test_a_machine_that_was_not_made_to_the_end_is_not_taken_for_one(tmp_path: Path) -> None:
    place = vms.Place("lab", "one", tmp_path)
    assert ("absent", "") == (place.state(), place.digest())

    place.home.mkdir(parents=True)
    assert "created" == place.state()

    place.record.write_text('{"digest": "abc"}')
    assert ("exited", "abc") == (place.state(), place.digest())
    assert [place] == list(vms.places("lab", tmp_path))
