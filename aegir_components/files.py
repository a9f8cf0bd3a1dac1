"""Writing a file of the hub in one step: whoever reads it gets the whole old content or the whole new one."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def replace(path: Path, content: str | bytes, *, mode: int | None = None) -> None:
    """Give a file a new content in one step; the file is made where it is missing.

    Args:
        path: the file, in a directory that exists.
        content: all of it; text is written as UTF-8.
        mode: its permissions, whatever the umask is. ``None`` leaves them to the umask.

    Raises:
        OSError: it cannot be written. The old file is kept.
    """
    with replacing(path) as fresh:
        # Never readable by more than the mode says, not even for a moment.
        descriptor = os.open(
            fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666 if mode is None else mode
        )
        with os.fdopen(descriptor, "wb") as out:
            if mode is not None:
                os.fchmod(descriptor, mode)
            out.write(content.encode() if isinstance(content, str) else content)


@contextmanager
def replacing(path: Path, fresh: Path | None = None) -> Iterator[Path]:
    """Give the path of a new file, which takes the old one's place after the block.

    When the block fails, the new file is removed and the old one is kept.

    Args:
        path: the file.
        fresh: another path for the new file, in the same file system. By default it is hidden beside the old one, under a
            name that no other process or thread takes.
    """
    fresh = fresh or path.with_name(f".{path.name}.{os.getpid()}-{time.monotonic_ns()}")
    try:
        yield fresh
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
