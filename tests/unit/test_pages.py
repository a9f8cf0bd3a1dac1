"""The pages of the documentation: links lead somewhere, and pages written by the rules of style keep to them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tools.paths import ROOT

PAGES = sorted(
    [
        ROOT / "README.md",
        *ROOT.glob("docs/**/*.md"),
        *(ROOT / f"{name}.md" for name in ("CONTRIBUTING", "CHANGELOG", "SECURITY")),
        ROOT / "stacks" / "README.md",
        ROOT / "benchmarks" / "README.md",
    ]
)
PLAIN = [ROOT / f"{name}.md" for name in ("CONTRIBUTING", "CHANGELOG", "SECURITY")]
"""Pages in short sentences; tests/unit/test_prose.py has README and docs/, and more rules for them."""
LONGEST_SENTENCE = 25
RECORDS = sorted(ROOT.glob("docs/decisions/[0-9]*.md"))
"""One decision a page, all in one form; their list says for whom they are."""
LINK = re.compile(r"\]\(([^)\s]+)\)")


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def anchors(page: Path) -> set[str]:
    """List the anchors that GitHub and GitLab make of a page's headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def prose(text: str) -> list[str]:
    """List the sentences of a page; code, tables and headings are left out."""
    text = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    lines = [line for line in text.splitlines() if not line.startswith(("    ", "|", "#", "<!--"))]
    blocks = re.split(r"\n(?:\n|(?=- |\d\. ))", "\n".join(lines))
    return [sentence for block in blocks for sentence in re.split(r"(?<=[.!?:])\s+", block.strip()) if sentence]


@pytest.mark.parametrize("page", [page for page in PAGES if "docs" in page.parts and page not in RECORDS], ids=name)
def test_a_page_says_first_for_whom_it_is_and_what_one_can_do_afterwards(page: Path) -> None:
    title, _, rest = page.read_text().partition("\n\n")
    begin = " ".join(rest.split("\n\n")[0].split())

    assert re.fullmatch(r"# .+", title)
    assert re.match(r"For .+?\. (After|With) this page |For .+?\. After reading (this page|it) ", begin), begin


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_of_a_page_leads_to_a_file_and_a_heading(page: Path) -> None:
    for link in LINK.findall(page.read_text()):
        path, _, anchor = link.partition("#")
        if "://" in path:
            continue
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def linked(page: Path) -> set[Path]:
    """Return the files that a page links to."""
    return {(page.parent / link.partition("#")[0]).resolve() for link in LINK.findall(page.read_text())}


def test_the_first_page_and_the_list_of_pages_lead_to_every_page() -> None:
    first, documentation = ROOT / "README.md", ROOT / "docs" / "README.md"

    assert documentation in linked(first)
    # The decisions have a list of their own.
    assert set(PAGES) - {first, *ROOT.glob("docs/decisions/[0-9]*.md")} <= linked(first) | linked(documentation)
    assert set(ROOT.glob("docs/[!d]*/*.md")) <= linked(documentation)
    assert len(first.read_text().splitlines()) <= 150


def test_every_decision_that_code_cites_has_a_page_and_the_list_has_each_page() -> None:
    listed = (ROOT / "docs" / "decisions" / "README.md").read_text()
    pages = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    assert [page.name for page in pages] == re.findall(r"^\d+\. \[[^\]]+\]\(([^)]+)\)$", listed, flags=re.MULTILINE)
    invariants = re.findall(r"^(\d+)\. (?!\[)", listed, flags=re.MULTILINE)
    known = {"decision": {str(int(page.name[:2])) for page in pages}, "invariant": set(invariants)}
    cited = 0
    for path in [*ROOT.glob("aegir_components/**/*.py"), *ROOT.glob("aegir_components/**/*.sh"), *PAGES]:
        text = path.read_text()
        assert "design.md, decision" not in text, path
        for where, kind, number in re.findall(r"(docs/decisions), (decision|invariant) (\d+)", text):
            assert number in known[kind], (path, where)
            cited += 1
    assert cited > 3


def test_the_commands_of_the_first_page_are_targets_of_make() -> None:
    named = set(re.findall(r"make ([a-z-]+)", (ROOT / "README.md").read_text()))
    listed = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, timeout=20, check=True
    ).stdout

    assert {"demo", "test", "clean"} <= named
    assert named <= {line.split()[0] for line in listed.splitlines()}


@pytest.mark.parametrize("page", PLAIN, ids=name)
def test_a_page_has_short_sentences(page: Path) -> None:
    long = [sentence for sentence in prose(page.read_text()) if len(sentence.split()) > LONGEST_SENTENCE]

    assert [] == long


def test_sentences_are_told_apart() -> None:
    text = "# Heading\n\nOne is here. Two goes\non.\n\n- three\n- four: five\n\n    code. code\n\n| a. b |\n"

    assert ["One is here.", "Two goes\non.", "- three", "- four:", "five"] == prose(text)
