"""Drush makefiles, for those who still have them: built by the hub's own drush."""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path

from .builds import Workshop
from .faults import SourceError

OPTIONS = ("--yes",)
MOST_NAMED = 100
"""Files that makefiles include, and their patches."""
_WORDS = re.compile(r"[^\s\"'\[\]=,]+")


def digest_of(makefile: Path) -> str:
    """Sum up a makefile with all files beside it that it names: makefiles that it includes, and patches.

    Raises:
        SourceError: there is no such file.
        OSError: one of them cannot be read.
    """
    if not makefile.is_file():
        raise SourceError(
            f"{str(makefile)!r} is no file. If a disk is not mounted, mount it; nothing is deleted anywhere meanwhile"
        )
    pending, found = [makefile], dict[Path, bytes]()
    while pending and len(found) < MOST_NAMED:
        path = pending.pop()
        if path not in found:
            found[path] = path.read_bytes()
            pending += _named(path, found[path])
    sums = sorted(hashlib.sha256(content).hexdigest() for path, content in found.items() if path != makefile)
    whole = hashlib.sha256(found[makefile]).hexdigest()
    return hashlib.sha256("\0".join((whole, *sums)).encode()).hexdigest()


def _named(path: Path, content: bytes) -> list[Path]:
    words = {word for word in _WORDS.findall(content.decode(errors="replace")) if len(word) < 256 and "\0" not in word}
    return sorted(path.parent / word for word in words if (path.parent / word).is_file())


def make(shop: Workshop, makefile: Path) -> None:
    """Build what a makefile says.

    Raises:
        SourceError: there is no drush, or it failed.
    """
    if shutil.which("drush") is None:
        raise SourceError(
            "drush is not on the hub's PATH, and Debian has none: install a Drush (5 to 8) that knows make"
        )
    shop.run("drush", "make", *OPTIONS, str(makefile), str(shop.code), cwd=makefile.parent)
    if not shop.code.is_dir():
        raise SourceError("drush ended well and has built nothing")
