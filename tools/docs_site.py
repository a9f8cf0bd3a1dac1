"""What MkDocs asks of us for the site of the documentation: the order of its pages, and links that leave it."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^(#{2,3}) (.*)$")
_ITEM = re.compile(r"^- \[([^\]]*)\]\(([^)#\s]+)\)|^\[[^\]]*\]\(([^)#\s]+/README\.md)\)")

Entry = str | dict[str, Any]


def read_order(index: str) -> list[Entry]:
    """Read the order of the pages from the list of pages, in the form of MkDocs' ``nav``.

    Args:
        index: the text of ``docs/README.md``; headings become sections.
    """
    order: list[Entry] = ["README.md"]
    section: list[Entry] = order
    below: list[Entry] = order
    for line in index.splitlines():
        if heading := _HEADING.match(line):
            below = []
            if len(heading[1]) == 2:
                section = below
                order.append({heading[2]: below})
            else:
                section.append({heading[2]: below})
        elif item := _ITEM.match(line):
            below.append(item[2] or item[3])
    return order


def keep_links_inside(text: str, page: str) -> str:
    """Replace links to files outside of the documentation by their words.

    Args:
        text: a page.
        page: its path below ``docs/``.
    """

    def replaced(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(page), link[2].partition("#")[0]))
        return link[1] if target.startswith("..") and "://" not in link[2] else link[0]

    return LINK.sub(replaced, text)


def on_config(config: Any) -> Any:
    """Give MkDocs the order of the pages."""
    docs = Path(config["docs_dir"])
    decisions = [f"decisions/{page.name}" for page in sorted(docs.glob("decisions/[0-9]*.md"))]
    order = read_order((docs / "README.md").read_text(encoding="utf-8"))
    config["nav"] = [*order, {"Decisions": ["decisions/README.md", *decisions]}]
    return config


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Give MkDocs a page without links that leave the site."""
    return keep_links_inside(markdown, page.file.src_uri)
