"""Files of the hub that are replaced in one step: who reads one finds the former text or the new one, never a part."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def replace(path: Path, text: str | bytes, *, mode: int = 0o666, durable: bool = False) -> None:
    """Write a file that takes the place of the one that is there.

    Args:
        path: the file; its directory is there. Where it is a link, the file that it leads to is replaced.
        text: all of it; what is no bytes is written as UTF-8.
        mode: of the file from its first byte, less the umask.
        durable: whether it is on the disk afterwards, also if the power fails then.

    Raises:
        OSError: it cannot be written; the former one stays.
    """
    content = text.encode() if isinstance(text, str) else text
    with replacing(path, durable=durable) as fresh:
        descriptor = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
        with os.fdopen(descriptor, "wb") as out:
            out.write(content)


@contextmanager
def replacing(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """Name a new file in the same directory, which takes the place of a file when the block ends well, and goes otherwise.

    Args:
        path: the file that is replaced, as :func:`replace` takes it.
        durable: as :func:`replace` takes it.

    Raises:
        OSError: it cannot be replaced; it stays as it was.
    """
    target = Path(os.path.realpath(path))
    fresh = target.with_name(f".{target.name}.{os.getpid()}-{threading.get_native_id()}")
    # What a process of the same number has left, which was killed.
    fresh.unlink(missing_ok=True)
    try:
        yield fresh
        if durable:
            _to_disk(fresh)
        fresh.replace(target)
        if durable:
            _to_disk(target.parent)
    finally:
        fresh.unlink(missing_ok=True)


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
