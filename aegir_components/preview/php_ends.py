"""Until when PHP's own authors fix security holes in each version. A distribution may go on longer with its own."""

from __future__ import annotations

from typing import Final

ENDS: Final = {
    "5.6": "2018-12-31", "7.0": "2019-01-10", "7.1": "2019-12-01", "7.2": "2020-11-30", "7.3": "2021-12-06", "7.4": "2022-11-28",
    "8.0": "2023-11-26", "8.1": "2025-12-31", "8.2": "2026-12-31", "8.3": "2027-12-31", "8.4": "2028-12-31", "8.5": "2029-12-31",
}  # fmt: skip
"""Version to day, as php.net/supported-versions says it."""
