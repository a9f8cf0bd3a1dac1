"""The page about Python programs: its blocks are parts of the examples, which tests run, and its tables are complete."""

from __future__ import annotations

import re

from aegir_components.settings import added
from tests.unit.test_pages import prose
from tools.paths import ROOT

PAGE = ROOT / "docs" / "howto" / "write-a-python-program.md"
EXAMPLES = ROOT / "examples" / "python-program"
TEXT = PAGE.read_text()


def test_every_block_of_python_is_a_part_of_an_example() -> None:
    programs = [path.read_text() for path in sorted(EXAMPLES.rglob("__main__.py"))]
    blocks = re.findall(r"^```python\n(.*?)^```$", TEXT, flags=re.MULTILINE | re.DOTALL)

    assert len(blocks) >= 3
    assert [] == [block for block in blocks if not any(block in program for program in programs)]


def test_the_first_example_is_short_and_shown_whole() -> None:
    program = (EXAMPLES / "__main__.py").read_text()

    assert len(program.splitlines()) <= 45
    assert program[program.index("config = ") :] in TEXT


def test_the_table_has_the_keys_that_are_for_one_run() -> None:
    assert set(added.EACH_RUN) == set(re.findall(r"^\| `aegir:([a-z_]+)` \|", TEXT, flags=re.MULTILINE))


def test_the_page_has_short_sentences() -> None:
    assert [] == [sentence for sentence in prose(TEXT) if len(sentence.split()) > 25]
