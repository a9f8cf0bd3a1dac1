"""What can go wrong in the lab.

LabError                  anything below; the message says what to do
 +-- SpecError            a description of a host or lab is wrong
 +-- EngineMissing        no container engine can be had on this machine (tests skip on it)
 +-- ReleaseMissing       hosts of a release cannot be made on this machine (tests skip on it)
 +-- EngineFailed         podman or docker ran and said no
 +-- HostFailed           a host did not come up, or a command in it failed
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

# The end of a message names the cause; the beginning of a long log does not.
TAIL = 1500


class LabError(Exception):
    """The lab cannot do what was asked."""


class SpecError(LabError, ValueError):
    """A host or lab is described in a way that cannot be built."""


class EngineMissing(LabError):
    """Neither podman nor docker can be used, and podman cannot be installed."""


class ReleaseMissing(LabError):
    """This machine knows no archive of a release of Debian's or Ubuntu's."""


class EngineFailed(LabError):
    """A command of the container engine, or of the tools around it, ended badly."""

    def __init__(self, argv: Sequence[str], status: int, output: str) -> None:
        """Keep the command's parts; the message shows the last lines of what it printed."""
        super().__init__(f"`{shlex.join(argv)[:300]}` exited {status}: {output.strip()[-TAIL:]}")
        self.argv, self.status, self.output = tuple(argv), status, output


class HostFailed(LabError):
    """A host did not come up, or a script that had to succeed in it did not."""

    def __init__(self, host: str, what: str, output: str = "") -> None:
        """Name the host and what was being done there."""
        tail = output.strip()[-TAIL:]
        super().__init__(f"{host}: {what}" + (f": {tail}" if tail else ""))
        self.host, self.what, self.output = host, what, output
