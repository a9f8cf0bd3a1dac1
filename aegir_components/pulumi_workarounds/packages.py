"""The list of packages that the language host asks pip for before each run, made without pip.

The language host runs ``python -m pip list -v --format json`` and looks for ``pulumi-plugin.json`` in each package.
pip imports two hundred modules for that, a tenth of a command's time.

Upstream: pulumi/pulumi#22072 reads lock files of Poetry and uv in place of pip's list. Environments of pip still ask pip.
Versions: pulumi 3.259.
Switch: AEGIR_PULUMI_PLAIN_START=1
Test: tests/unit/test_pulumi_workarounds.py
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import ModuleType


class Finder:
    """Finds this file in place of the program that ``python -m pip`` runs."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find it, where each distribution is of the usual kind; else pip lists them."""
        del path, target
        if fullname != "pip.__main__" or any(is_unusual(Path(entry)) for entry in sys.path if entry):
            return None
        found = ModuleSpec(fullname, SourceFileLoader(fullname, __file__), origin=__file__)
        found.has_location = True
        return found


def is_unusual(directory: Path) -> bool:
    """Return whether a directory of modules holds what only pip can list: eggs, links to eggs, and editable installations."""
    if not directory.is_dir():
        return False
    names = [
        entry.name
        for entry in directory.iterdir()
        if entry.name.endswith((".egg", ".egg-info", ".egg-link", ".dist-info"))
    ]
    return any(not name.endswith(".dist-info") or (directory / name / "direct_url.json").exists() for name in names)


def listed(directories: Sequence[str]) -> Iterator[dict[str, str]]:
    """Yield the distributions in directories of modules as ``pip list -v --format json`` shows them.

    Of two with one name, the first is the one that Python imports.
    """
    seen = set()
    for directory in directories:
        for found in sorted(Path(directory).glob("*.dist-info")):
            head = (found / "METADATA").read_text(encoding="utf-8", errors="replace").partition("\n\n")[0]
            name, version = (re.search(rf"(?m)^{field}: *(.*?)\s*$", head) for field in ("Name", "Version"))
            if name is None or version is None or normal(name[1]) in seen:
                continue
            seen.add(normal(name[1]))
            installer = found / "INSTALLER"
            by = installer.read_text(encoding="utf-8").strip() if installer.exists() else ""
            yield {"name": name[1], "version": version[1], "location": directory, "installer": by}


def normal(name: str) -> str:
    """Give the one spelling of a distribution's name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    found = sorted(listed([entry for entry in sys.path if entry]), key=lambda one: normal(one["name"]))
    sys.stdout.write(json.dumps(found) + "\n")
