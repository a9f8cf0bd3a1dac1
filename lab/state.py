"""Where the lab keeps its files, and the locks that let several runs share them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
from collections.abc import Iterator


def home() -> pathlib.Path:
    """Give (and make) the directory of all labs of this user."""
    base = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    path = pathlib.Path(base).expanduser() / "aegir-lab"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def engine_memory() -> pathlib.Path:
    """Name the file that remembers which engine and runtime work here.

    The dot keeps it apart from the labs' directories, whose names have none.
    """
    return home() / ".engine.json"


@contextlib.contextmanager
def locked(name: str, *, keep: bool = True) -> Iterator[None]:
    """Hold a lock of this name for a block; the kernel frees it when the process dies.

    With `keep=False` the lock's file is removed afterwards, so that nothing is left of a lab that is gone.
    """
    path = home() / f".{name}.lock"
    while True:
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        # Whoever had the lock before may have removed the file: a lock on a removed file keeps nobody out.
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                break
        os.close(descriptor)
    try:
        yield
    finally:
        if not keep:
            path.unlink(missing_ok=True)
        os.close(descriptor)


def wait_for(path: pathlib.Path) -> None:
    """Wait until nobody holds the lock on a file: until the commands of a run that was killed have ended."""
    with contextlib.suppress(FileNotFoundError), path.open("rb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)


def claim(name: str) -> int | None:
    """Take a lock of this name for as long as this process lives, or return None when another has it."""
    descriptor = os.open(home() / f".{name}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def release(name: str, descriptor: int) -> None:
    """Give back what `claim` took."""
    (home() / f".{name}.lock").unlink(missing_ok=True)
    os.close(descriptor)
