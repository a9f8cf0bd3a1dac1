"""A link `aegir` to this checkout's command line, in a directory of the person's own that is on PATH."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tools.paths import ROOT
from tools.process import say

NAME = "aegir"
PLACES = (".local/bin", "bin")
"""Below the home directory; what is there for all users of a machine is not set-up's to change."""


def ensure() -> None:
    """Make the link where it is missing; what has the name already stays as it is."""
    target = ROOT / "tools" / NAME
    found = shutil.which(NAME)
    if found is not None:
        return
    on_path = {Path(each) for each in os.environ.get("PATH", "").split(os.pathsep) if each}
    for place in (Path.home() / each for each in PLACES):
        link = place / NAME
        if place not in on_path or not os.access(place, os.W_OK):
            continue
        if link.is_symlink() and not link.exists():
            # It led to a checkout that is gone.
            link.unlink()
        if not os.path.lexists(link):
            link.symlink_to(target)
            say(f"{NAME} is {link} now, a link to {target}")
        return
