"""Archives, unpacked in a room: what reads them is ours, and all that a hostile one could break out into is the room."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path
from typing import Final

from aegir_components import messages
from aegir_components.messages import numbered

from . import archives, faults, links, programs, room, target
from .builds import TAIL, Workshop
from .faults import SourceError

MODULES: Final = (archives, faults, links, programs, target)
"""What unpacks, with the standard library alone; the numbers of its messages come along (``messages``)."""
PACKAGE: Final = "unpacker"
PROGRAM: Final = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    f"from {PACKAGE} import archives; sys.exit(archives.main(*sys.argv[2:]))"
)


def unpack(shop: Workshop, archive: Path) -> None:
    """Unpack an archive as a build's code; a single directory that holds all of it is not kept.

    Raises:
        SourceError: it is no archive, is damaged, or holds what a code base must not hold.
        OSError: it cannot be copied for the room.
    """
    shop.say(f"unpacking {archive}")
    place = shop.scratch / "archive"
    place.mkdir()
    program, needed = room.python(own=True)
    inside = shop.room(place, readable=(*needed, archive))
    if inside is None:
        archives.unpack(archive, shop.scratch, shop.code)
        return
    seen = archive
    if not archive.stat().st_mode & stat.S_IROTH:
        seen = place / "packed"
        shutil.copyfile(archive, seen)
    package = place / PACKAGE
    package.mkdir()
    (package / "__init__.py").touch()
    for module in MODULES:
        assert module.__file__ is not None
        shutil.copyfile(module.__file__, package / Path(module.__file__).name)
    named = place / messages.__name__.replace(".", "/")
    named.mkdir(parents=True)
    shutil.copyfile(messages.__file__, named / "__init__.py")
    (named.parent / "__init__.py").touch()
    before = shop.log.tell()
    try:
        shop.run(
            program, "-I", "-c", PROGRAM, str(place), str(seen), str(place), str(place / "code"), cwd=place, room=inside
        )
    except SourceError as fault:
        raise SourceError(_said(shop, before) or str(fault)) from None
    made = place / "code"
    if made.is_symlink() or not made.is_dir():
        raise SourceError(numbered(2040, "the archive was unpacked, and nothing is there"))
    made.rename(shop.code)


def _said(shop: Workshop, since: int) -> str:
    """Give what the program in the room found wrong with the archive."""
    with Path(shop.log.name).open("rb") as written:
        written.seek(max(since, shop.log.tell() - TAIL))
        lines = written.read().decode(errors="replace").splitlines()
    found = next((line.removeprefix(archives.WRONG) for line in reversed(lines) if line.startswith(archives.WRONG)), "")
    return messages.read_back(found)
