"""A copy of this work tree with state and cache of its own, in which commands are run as a newcomer types them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tools.paths import ROOT


class Checkout:
    """A copy of this work tree, with state and cache of its own."""

    def __init__(self, place: Path) -> None:
        self.root = place / "checkout"
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        for name in filter(None, listed.stdout.split("\0")):
            if (ROOT / name).is_file():
                (self.root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, self.root / name)
        (self.root / ".venv").symlink_to(ROOT / ".venv")
        self.state, self.cache = place / "state", place / "cache"
        ours = ("PULUMI_", "AEGIR_", "VIRTUAL_ENV")
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
        self.environment |= {"XDG_STATE_HOME": str(self.state), "XDG_CACHE_HOME": str(self.cache)}

    def run(
        self, *argv: str, timeout: float, typed: str = "", variables: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in it."""
        return subprocess.run(
            argv, cwd=self.root, env={**self.environment, **(variables or {})}, input=typed, capture_output=True,
            text=True, timeout=timeout, check=False,
        )  # fmt: skip
