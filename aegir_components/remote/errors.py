"""What can go wrong between the hub and a machine, split by what the reader does next.

    HostError
    ├── HostUnreachable      no answer: network, address, firewall, power
    ├── ConnectionRefused    the machine answers, its sshd does not (booting, other port)
    ├── HostKeyChanged       another key than the pinned one: stop and find out why
    ├── HostKeyUnknown       no key is pinned for this machine yet
    ├── KeyNotAccepted       sshd refuses the hub's key for this login
    ├── LoginClosed          the login worked and its shell ended at once (handbook: chsh)
    ├── SudoRefused          sudo is missing or asks for a password
    ├── CommandTimeout       a remote command ran longer than it may
    ├── CommandFailed        a remote command exited with a non-zero status
    └── Refused              our own script looked, and will not go on: says why

Every text names the machine, what was tried and what to do, and holds no secret's value.
"""

from __future__ import annotations

from typing import Final

from aegir_components.messages import AegirError, around
from aegir_components.messages.printable import printable

HUB: Final = "the hub"
"""Stands in the place of a machine's name in errors of the hub itself."""


class HostError(AegirError):
    """Something failed on, or on the way to, the machine ``host``."""

    def __init__(self, host: str, text: str) -> None:
        self.host = host
        self.text = around(text, printable(text))
        super().__init__(around(text, f"{host}: {self.text}"))

    def __reduce__(self) -> tuple[type[HostError], tuple[str, str]]:
        """Pickle by the two arguments, so that errors cross process boundaries."""
        return (type(self), (self.host, self.text))


class HostUnreachable(HostError):
    """No answer from the machine within the time limit."""


class ConnectionRefused(HostError):
    """The machine refuses connections on the ssh port."""


class HostKeyChanged(HostError):
    """The machine shows another host key than the pinned one."""


class HostKeyUnknown(HostError):
    """No host key is pinned for the machine, and trust on first use was not asked for."""


class KeyNotAccepted(HostError):
    """The machine does not let the hub's key in."""


class LoginClosed(HostError):
    """The account has no usable login shell: the session ended before our first line."""


class SudoRefused(HostError):
    """The login is not root and sudo is missing or asks for a password."""


class CommandTimeout(HostError):
    """A remote command did not end within its time limit."""


class CommandFailed(HostError):
    """A remote command ran and exited with a non-zero status."""


class Refused(HostError):
    """A precondition does not hold on the machine; nothing was changed after it was seen."""
