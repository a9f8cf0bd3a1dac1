"""The site of the documentation: its order has every page, and it loads nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from tools.docs_site import Entry, keep_links_inside, read_order
from tools.paths import ROOT

DOCS = ROOT / "docs"


def pages(order: list[Entry]) -> Iterator[str]:
    """List the pages of an order, however deep."""
    for entry in order:
        if isinstance(entry, str):
            yield entry
        else:
            for below in entry.values():
                yield from pages(below)


def test_headings_become_sections_and_links_pages() -> None:
    index = "# Docs\n\n## How-to\n\n[The farm](howto/README.md)\n\n### Sites\n\n- [Add](howto/add.md): a site\n\n"
    index += "## Reference\n\n- [Keys](reference/keys.md)\n"

    assert [
        "README.md",
        {"How-to": ["howto/README.md", {"Sites": ["howto/add.md"]}]},
        {"Reference": ["reference/keys.md"]},
    ] == (read_order(index))


def test_the_order_has_each_page_once() -> None:
    listed = list(pages(read_order((DOCS / "README.md").read_text())))
    there = {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md") if page.parent.name != "decisions"}

    assert sorted(there) == sorted(listed)


def test_a_link_that_leaves_the_site_becomes_words() -> None:
    text = "[lab](../../lab/x.yaml), [add](add.md#a), [here](#b), [web](https://example.com/../x)"

    assert "lab, [add](add.md#a), [here](#b), [web](https://example.com/../x)" == keep_links_inside(
        text, "howto/page.md"
    )


def test_the_site_loads_nothing_from_elsewhere_and_is_in_no_commit() -> None:
    # The anchors' function is a tag of Python's that the safe loader does not know.
    text = "".join(line for line in (ROOT / "mkdocs.yml").open() if "!!python" not in line)
    site: dict[str, Any] = yaml.safe_load(text)

    assert site["theme"]["font"] is False
    assert ["search"] == site["plugins"]
    assert f"{site['site_dir']}/" in (ROOT / ".gitignore").read_text().splitlines()
