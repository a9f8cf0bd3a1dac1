"""The pins of packages: each has the hashes of its files, and an update says what changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from tools import pins
from tools.paths import REQUIREMENTS
from tools.pins import Pin

FILE = """\
# Why this file.

# makes things
Thing[more]==1.0 \\
    --hash=sha256:aa \\
    --hash=sha256:bb

# What those need in turn.
other_thing==2.0 ; python_version < "3.13" \\
    --hash=sha256:cc
"""


@pytest.mark.parametrize("path", REQUIREMENTS, ids=lambda path: path.name)
def test_every_pin_of_the_checkout_has_hashes_and_each_that_is_asked_for_a_reason(path: object) -> None:
    assert hasattr(path, "read_text")
    text = path.read_text()
    file = pins.read(text)

    assert file.text() == text
    assert len(file.asked) >= 10
    assert all(pin.reason for pin in file.asked)
    assert all(each.startswith("sha256:") for pin in file.pins().values() for each in pin.hashes)
    assert all(pin.hashes for pin in file.pins().values())


def test_a_file_is_read_and_written_as_it_was() -> None:
    file = pins.read(FILE)

    assert FILE == file.text()
    assert ("Thing", "[more]", "makes things", ("sha256:aa", "sha256:bb")) == (
        file.asked[0].name, file.asked[0].extras, file.asked[0].reason, file.asked[0].hashes
    )  # fmt: skip
    assert ("other-thing", 'python_version < "3.13"') == (file.needed[0].key, file.needed[0].marker)


def test_an_update_takes_the_newest_of_what_is_asked_for_and_says_what_changed() -> None:
    asked: list[list[str]] = []

    def resolve(wanted: Sequence[str], constraints: Sequence[str]) -> Mapping[str, Pin]:
        asked.append([*wanted, *constraints])
        found = [Pin(name="thing", version="1.1", hashes=("x",)), Pin(name="third", version="3.0", hashes=("y",))]
        return {pin.key: pin for pin in found}

    before = [pins.read(FILE)]
    after = pins.update(before, resolve)

    assert [["Thing[more]"]] == asked
    assert "# makes things\nThing[more]==1.1 \\\n    --hash=x" in after[0].text()
    assert ["other_thing: not needed any more, was 2.0", "Thing: 1.0 -> 1.1", "third: new, 3.0"] == pins.changes(
        before, after
    )


def test_hashes_alone_are_asked_for_with_the_versions_that_are_there() -> None:
    asked: list[list[str]] = []

    def resolve(wanted: Sequence[str], constraints: Sequence[str]) -> Mapping[str, Pin]:
        asked.append([*wanted, "|", *constraints])
        return pins.read(FILE).pins()

    file = pins.read(FILE)
    after = pins.update([file, file], resolve, keep=True)

    assert [] == pins.changes([file], after)
    assert ["Thing[more]==1.0", "other_thing==2.0", "|"] == asked[0]
    assert ["Thing==1.0", "other_thing==2.0"] == asked[1][-2:]
