"""Writes the matrix into docs/reference/changes.md: ``tools/env python -m tests.matrix.page``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import groupby

from tests.matrix.cells import APPLIED, Outcome
from tests.matrix.entries import ENTRIES
from tests.matrix.rows import ROWS
from tools.paths import ROOT

PAGE = ROOT / "docs" / "reference" / "changes.md"
BEGIN, END = "<!-- The matrix: tools/env python -m tests.matrix.page -->", "<!-- The end of the matrix. -->"
KINDS = ("added", "changed", "removed")
THERE = ("sites.*.platform", "sites.*.database", "sites.*.database.server", "platforms.*.server", "platforms.*.source",
         "platforms.*.source.path", "servers.*.address", "servers.*.services.web", "servers.*.services.web.type",
         "clusters.*.servers", "packs.*.master", "packs.*.slaves", "hub.address", "hub.root", "hub.ssh.identity",
         "hub.ssh.known_hosts")  # fmt: skip
"""Keys that each stack of the matrix has from the beginning."""


def cells() -> Iterator[tuple[str, str, Outcome]]:
    """List every cell: the key or the kind of entry, the edit, and what becomes of it."""
    for row in ROWS:
        there = row.key in THERE
        changes = row.values if there else row.values[1:]
        for kind in KINDS:
            if (kind == "added" and not there and row.values) or (kind == "changed" and changes) or kind == "removed":
                yield f"`{row.key}`", kind, row.outcomes.get(kind, APPLIED)
    for entry in ENTRIES:
        yield entry.kind, entry.operation, entry.outcome


def counts() -> Counter[str]:
    """Count the cells by what becomes of them."""
    return Counter(outcome.verdict for _, _, outcome in cells())


def text() -> str:
    """Write the matrix as tables."""
    found = counts()
    said = ", ".join(f"{found[verdict]} {verdict}" for verdict in ("applied", "rejected", "stopped"))
    keys = [cell for cell in cells() if cell[0].startswith("`")]
    lines = [
        BEGIN,
        "",
        "## Every key",
        "",
        f"The tables have {found.total()} edits: {said}. Each of them is made by a test on sites with content.",
        "`rejected` means at `preview`; `stopped` means that `up` ends before content is touched.",
        "",
        "| key | added | changed | removed |",
        "|---|---|---|---|",
    ]
    for key, group in groupby(sorted(keys, key=lambda cell: cell[0]), key=lambda cell: cell[0]):
        row = {kind: outcome for _, kind, outcome in group}
        lines.append(f"| {key} | {' | '.join(_short(row.get(kind)) for kind in KINDS)} |")
    lines += ["", "## Every kind of entry", "", "| entry | edit | what happens |", "|---|---|---|"]
    lines += [f"| {kind} | {edit} | {_short(outcome)} |" for kind, edit, outcome in cells() if not kind.startswith("`")]
    return "\n".join([*lines, "", END])


def _short(outcome: Outcome | None) -> str:
    if outcome is None:
        return ""
    if outcome.verdict == "applied":
        return outcome.text or "applied"
    return f"{outcome.verdict}: {outcome.text}"


def written(page: str) -> str:
    """Put the matrix into a page, in the place of the former one."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{text()}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
