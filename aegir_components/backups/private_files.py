"""Files that only this user can read, in memory where there is such a place."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aegir_components.remote import multiplex


@contextmanager
def directory() -> Iterator[Path]:
    """Make a directory that only this user can enter, in memory where there is such a place; it is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix=".restic-", dir=multiplex.socket_directory()) as name:
        yield Path(name)


def write(path: Path, text: str) -> None:
    """Write a file."""
    path.touch(mode=0o600)
    path.write_text(text)
