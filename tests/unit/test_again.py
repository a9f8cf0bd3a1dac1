"""Which files of tests are run once more after a failure."""

from __future__ import annotations

import json
from pathlib import Path

from tests import again


def test_files_that_failed_are_named_once(tmp_path: Path) -> None:
    record = tmp_path / "lastfailed"
    record.write_text(
        json.dumps({"tests/b.py::test_x[1]": True, "tests/b.py::test_y": True, "tests/a.py::C::test": True})
    )
    assert ["tests/a.py", "tests/b.py"] == again.failed(record)


def test_without_a_record_there_is_nothing_to_run_again(tmp_path: Path) -> None:
    assert [] == again.failed(tmp_path / "none")
