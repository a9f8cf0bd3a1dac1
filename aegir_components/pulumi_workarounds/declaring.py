"""What Pulumi notes and says of each resource beside what it is: of hundreds of sites that is a third of a command's time.

Upstream: not reported.
Versions: pulumi 3.259.
Switch: AEGIR_PULUMI_LOGS=1, for the messages.
Test: tests/unit/test_estate.py
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pulumi

LOGS: Final = "AEGIR_PULUMI_LOGS"
"""The variable that keeps all messages that Pulumi writes, as ``tools/env`` has it."""

FRAMES = 6
"""Those between the place where the SDK reads the stack of calls and the constructor, which is the position that Pulumi shows."""


@contextmanager
def position() -> Iterator[None]:
    """Let Pulumi note of a resource only the line that declares it.

    Otherwise Pulumi writes the whole stack of calls into the state (``pulumi.runtime.resource``), the same one for all
    sites. That is a fifth of the state of a hundred sites, which is written again with each step of a run. The limit is
    :data:`sys.tracebacklimit`; for tracebacks of errors it is what it was.
    """
    missing = object()
    before = getattr(sys, "tracebacklimit", missing)
    sys.tracebacklimit = FRAMES
    try:
        yield
    finally:
        if before is missing:
            del sys.tracebacklimit
        else:
            sys.tracebacklimit = before  # type: ignore[assignment]


def say_less() -> None:
    """Send the engine none of the SDK's own messages for ``pulumi up --debug``, unless they are asked for.

    The SDK sends five messages for each resource, and waits each time until the engine has heard it (``pulumi.log``).
    That takes a fifth of the time of a command on a hundred sites that has nothing to do.
    """
    if not os.environ.get(LOGS):
        pulumi.log.debug = _unsaid


def _unsaid(
    msg: str,
    resource: pulumi.Resource | None = None,
    stream_id: int | None = None,
    ephemeral: bool | None = None,
) -> None:
    del msg, resource, stream_id, ephemeral
