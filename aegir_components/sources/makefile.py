"""Drush makefiles, for those who still have them: built by the hub's own drush."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from aegir_components.messages import numbered

from .builds import Workshop
from .faults import SourceError

OPTIONS = ("--yes",)
MOST_LETTERS = 1000
"""Of a path that is worth a look."""
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
            numbered(
                2000,
                f"{str(makefile)!r} is no file. If a disk is not mounted, mount it; nothing is deleted anywhere meanwhile",
            )
        )
    found = _read(makefile)
    sums = sorted(hashlib.sha256(content).hexdigest() for path, content in found.items() if path != makefile)
    whole = hashlib.sha256(found[makefile]).hexdigest()
    return hashlib.sha256("\0".join((whole, *sums)).encode()).hexdigest()


def _read(makefile: Path) -> dict[Path, bytes]:
    """Read a makefile and all files beside it that it names, and that those name."""
    pending, found = [makefile], dict[Path, bytes]()
    while pending and len(found) < MOST_NAMED:
        path = pending.pop()
        if path not in found:
            found[path] = path.read_bytes()
            pending += _named(path, found[path])
    return found


def _named(path: Path, content: bytes) -> list[Path]:
    words = {word for word in _WORDS.findall(content.decode(errors="replace")) if len(word) < 256 and "\0" not in word}
    return sorted(path.parent / word for word in words if (path.parent / word).is_file())


def make(shop: Workshop, makefile: Path) -> None:
    """Build what a makefile says.

    Raises:
        SourceError: there is no drush, or it failed.
        OSError: what the makefile names cannot be copied for it.
    """
    if shutil.which("drush") is None:
        raise SourceError(
            numbered(
                2022, "drush is not on the hub's PATH, and Debian has none: install a Drush (5 to 8) that knows make"
            )
        )
    made = shop.scratch / "made"
    made.mkdir()
    files, copies = _read(makefile), shop.scratch / "makefile"
    inside = shop.room(made, copies, readable=tuple(_elsewhere(files)))
    used = _copy(files, makefile, copies) if inside else makefile
    shop.run("drush", "make", *OPTIONS, str(used), str(made / "code"), cwd=used.parent, room=inside)
    if (made / "code").is_symlink() or not (made / "code").is_dir():
        raise SourceError(numbered(2031, "drush ended well and has built nothing"))
    (made / "code").rename(shop.code)


def _copy(files: Iterable[Path], makefile: Path, to: Path) -> Path:
    """Copy a makefile with what lies beside it, for a build that sees nothing of the hub's; give the copy's path."""
    whole = {Path(os.path.normpath(path)) for path in files}
    base = Path(os.path.commonpath([path.parent for path in whole]))
    for path in whole:
        (to / path.relative_to(base)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, to / path.relative_to(base))
    return to / Path(os.path.normpath(makefile)).relative_to(base)


def _elsewhere(files: Mapping[Path, bytes]) -> list[Path]:
    """List the directories and files that are named by their whole path."""
    words = {word for content in files.values() for word in _WORDS.findall(content.decode(errors="replace"))}
    named = (Path(word) for word in words if word.startswith("/") and word.strip("/") and len(word) < MOST_LETTERS)
    return sorted(path for path in named if path.exists())
