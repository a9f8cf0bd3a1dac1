"""When no further file of tests on hosts is begun: a run that is cut off at a limit says nothing of what it has run.

A caller with a limit sets ``AEGIR_TEST_DEADLINE``, in seconds since 1970, as `.ci/run` does. Longer files come first, so the
shortest are left out; the run names them at its end. Without the variable all files are run.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable

VARIABLE = "AEGIR_TEST_DEADLINE"
REASON = f"its file was not begun: the time of {VARIABLE} was over"


class Deadline:
    """Which files may still be begun; a worker runs a file from its first test to its last.

    Args:
        at: the time, in seconds since 1970; ``None`` for no limit.
        clock: what tells the time.
    """

    def __init__(self, at: float | None, clock: Callable[[], float] = time.time) -> None:
        self._at, self._clock = at, clock
        self._begun: set[str] = set()

    @classmethod
    def of_environment(cls) -> Deadline:
        """Read it from the environment."""
        given = os.environ.get(VARIABLE, "")
        return cls(float(given) if given else None)

    def leaves_out(self, file: str) -> bool:
        """Return whether a file is left out; one that is begun is run to its end."""
        if file in self._begun:
            return False
        if self._at is not None and self._clock() > self._at:
            return True
        self._begun.add(file)
        return False


def left_out(skipped: Iterable[tuple[str, str]]) -> str:
    """Name what was left out, in a line; empty where all was run.

    Args:
        skipped: identity and reason of each skipped test.
    """
    names = [name.partition("::")[0].rpartition("/")[2] for name, why in skipped if REASON in why]
    if not names:
        return ""
    return f"not run, because the time was over: {len(names)} tests of {', '.join(sorted(set(names)))}"
