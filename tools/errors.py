"""What set-up can say when it cannot go on."""

from __future__ import annotations


class SetupError(Exception):
    """Set-up cannot go on; the text is one sentence that tells a person what to do."""


class WayClosed(Exception):
    """One way to the engine does not work here; the text is why, and the next way is tried."""
