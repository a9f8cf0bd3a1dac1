"""A large source that has not changed is known again without reading any of it, in well under a second."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from aegir_components.sources import tree

DIRECTORIES, EACH = 500, 50
LONGEST = 0.8
"""Seconds of processor time, which others on the machine lengthen less than time on the wall."""


@pytest.mark.slow
def test_25000_unchanged_files_cost_well_under_a_second(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    code, cache = tmp_path / "code", tmp_path / "sums"
    for number in range(DIRECTORIES):
        below = code / f"module{number}" / "src"
        below.mkdir(parents=True)
        for file in range(EACH):
            (below / f"Part{file}.php").write_text(f"<?php // {number} {file}\n")
    first = tree.read(code, (), ".", cache)
    assert DIRECTORIES * EACH == first.files

    spent = []
    for _ in range(3):
        begun = time.process_time()
        assert first == tree.read(code, (), ".", cache)
        spent.append(time.process_time() - begun)

    record_property("an unchanged source of 25,000 files (processor seconds)", round(min(spent), 2))
    assert min(spent) < LONGEST
    (code / "module7" / "src" / "Part7.php").write_text("<?php // another\n")
    assert first.digest != tree.read(code, (), ".", cache).digest
