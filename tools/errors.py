"""What set-up can say when it cannot go on."""

from __future__ import annotations


class SetupError(Exception):
    """Set-up cannot go on; the text is one sentence that tells a person what to do."""

    def in_one_line(self) -> str:
        """Return the first line and, of a program's output below it, the last, which has the reason."""
        first, *rest = str(self).splitlines()
        return f"{first} {rest[-1].strip()}" if rest else first


class WayClosed(Exception):
    """One way to the engine does not work here; the text is why, and the next way is tried."""
