"""Where things lie, and which versions are asked for. Nothing here touches the network."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"

#: Points to the `bin` of the engine in use. tools/env looks at this link and at nothing else, so that it need
#: not know which way the engine came.
ENGINE_LINK = VENV / "engine"

REQUIREMENTS = (ROOT / "requirements.txt", ROOT / "requirements-dev.txt")

#: In an engine's directory: it was built from Go modules, because no release could be had.
BUILT_MARK = "built-from-modules"


@dataclass(frozen=True, kw_only=True, slots=True)
class Pins:
    """The versions that the repository's files ask for."""

    engine: str
    """Version of the engine: that of the SDK in requirements.txt, so that one number rules both."""
    required: str
    """The range in Pulumi.yaml, which the engine itself checks too."""


def read_pins(root: Path = ROOT) -> Pins:
    """Read the versions that a checkout asks for."""
    # There is no YAML parser before there is a virtual environment, and the line is a simple one.
    engine = re.search(r"(?m)^pulumi==(\S+)", (root / "requirements.txt").read_text())
    required = re.search(r'(?m)^requiredPulumiVersion: "(.+)"', (root / "Pulumi.yaml").read_text())
    if engine is None or required is None:
        raise ValueError("requirements.txt has no `pulumi==`, or Pulumi.yaml no quoted requiredPulumiVersion")
    return Pins(engine=engine[1], required=required[1])


def cache() -> Path:
    """Directory for what can be fetched again."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "aegir-pulumi"


def engine_home(version: str) -> Path:
    """Directory of a finished engine: that it exists says that it is whole."""
    return cache() / "engine" / version
