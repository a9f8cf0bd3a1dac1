"""The table of seconds that each file of tests on hosts takes, kept in the checkout, and the order that follows from it.

`pytest tests/integration --times tests/integration/times.json` enters what a run has measured of the files that ran whole.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_name("times.json")


def read(table: Path = TABLE) -> dict[str, float]:
    """Give the seconds of each file in a table; none of a table that is not there."""
    try:
        rows: dict[str, dict[str, float]] = json.loads(table.read_text())
    except FileNotFoundError:
        return {}
    return {file: row["total"] for file, row in rows.items()}


def enter(table: Path, rows: Mapping[str, Mapping[str, Any]]) -> None:
    """Enter rows of the ledger into a table, and leave those of other files."""
    known: dict[str, Any] = json.loads(table.read_text()) if table.exists() else {}
    for file, row in rows.items():
        known[file] = {name: round(value) for name, value in row.items()}
    lines = (f"{json.dumps(file)}: {json.dumps(row)}" for file, row in sorted(known.items()))
    table.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def arranged(seconds: Mapping[str, float], heavy: Collection[str], workers: int) -> list[str]:
    """Put files in an order: the longest first, so that no worker is left alone with one at the end.

    Of `heavy` files, which take more than a core each, no two run at once as long as there are others.
    """
    waiting = sorted(seconds, key=lambda file: (-seconds[file], file))
    free, heavy_until, order = [0.0] * max(1, workers), 0.0, []
    while waiting:
        now = min(free)
        file = next((each for each in waiting if each not in heavy or heavy_until <= now), waiting[0])
        waiting.remove(file)
        order.append(file)
        end = free[free.index(now)] = now + seconds[file]
        if file in heavy:
            heavy_until = max(heavy_until, end)
    return order
