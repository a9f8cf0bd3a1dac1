"""Who works on the hub."""

from __future__ import annotations

import getpass
import os
import socket
from functools import cache

from aegir_components.messages.printable import printable


@cache
def person() -> str:
    """Name the person at the hub, also behind sudo: ``user@host``."""
    try:
        name = os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        name = f"uid {os.getuid()}"
    return printable(f"{name}@{socket.gethostname()}", keep="", longest=80)
