"""Whose keys the resource ``aegir:BackupKeys`` has, beside those of sites: names that no site has.

They are here because the command line reads keys without the resource's module, which imports Pulumi.
"""

from __future__ import annotations

from typing import Final

HUB: Final = ":hub"
"""The owner of the hub's own key."""
ARCHIVES: Final = ":archives"
"""The owner of the private key, in age's format, of the archives that a removal leaves on the hub."""
