"""Calendar expressions as the systemd of a lab host reads them."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime

from lab import Host
from tests import calendar_expressions


def calendars_read_differently(host: Host, seed: int, count: int = 150) -> list[tuple[str, str, str]]:
    """List expressions on which we and the systemd of a host differ, with our verdict and its own; it is one call there."""
    texts = calendar_expressions.expressions(seed, count)
    program = f"sh -c {shlex.quote(calendar_expressions.PROGRAM)}"
    verdicts = host.run(program, input="\n".join([*texts, ""])).stdout.split()
    return calendar_expressions.differences(texts, verdicts, datetime.now(UTC).date())
