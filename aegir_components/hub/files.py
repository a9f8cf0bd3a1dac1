"""Files of the hub that are replaced in one step: who reads one finds the former content or the new one, never a part."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def replace(path: Path, content: str | bytes, *, mode: int | None = None, durable: bool = False) -> None:
    """Give a file a new content in one step; the file is made where it is missing.

    Args:
        path: the file, in a directory that exists. Where it is a link, the file that it leads to is replaced.
        content: all of it; text is written as UTF-8.
        mode: its permissions, whatever the umask is. ``None`` leaves them to the umask.
        durable: whether it is on the disk afterwards, also if the power fails then.

    Raises:
        OSError: it cannot be written. The old file is kept.
    """
    with replacing(path, durable=durable) as fresh:
        # Never readable by more than the mode says, not even for a moment.
        descriptor = os.open(
            fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666 if mode is None else mode
        )
        with os.fdopen(descriptor, "wb") as out:
            if mode is not None:
                os.fchmod(descriptor, mode)
            out.write(content.encode() if isinstance(content, str) else content)


@contextmanager
def replacing(path: Path, fresh: Path | None = None, *, durable: bool = False) -> Iterator[Path]:
    """Give the path of a new file, which takes the old one's place after the block.

    When the block fails, the new file is removed and the old one is kept.

    Args:
        path: the file, as :func:`replace` takes it.
        fresh: another path for the new file, in the same file system. By default it is hidden beside the old one, under a
            name that no other process or thread takes.
        durable: as :func:`replace` takes it.

    Raises:
        OSError: the new file cannot take its place.
    """
    target = Path(os.path.realpath(path))
    fresh = fresh or target.with_name(f".{target.name}.{threading.get_native_id()}-{time.monotonic_ns()}")
    try:
        yield fresh
        if durable:
            _to_disk(fresh)
        fresh.replace(target)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    # Two names of one file: the rename leaves both.
    fresh.unlink(missing_ok=True)
    if durable:
        _to_disk(target.parent)


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
