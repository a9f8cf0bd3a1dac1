"""What programs that we start on the hub have of our environment: all of it, but what is Pulumi's own."""

from __future__ import annotations

import os
from typing import Final

PULUMIS: Final = "PULUMI_"
"""PULUMI_CONFIG_PASSPHRASE, PULUMI_ACCESS_TOKEN, PULUMI_BACKEND_URL and so on; ssh's own helpers may need the rest."""


def without_pulumis() -> dict[str, str]:
    """Give this process's environment without what the engine needs and no other program."""
    return {name: value for name, value in os.environ.items() if not name.startswith(PULUMIS)}
