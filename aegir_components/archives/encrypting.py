"""What the hub keeps of a site before it is removed, encrypted in age's format (https://age-encryption.org/v1).

The stack's key for archives is made with the keys of its backups. Its private half is a secret of the stack, and the
public half lies on the hub. So an archive can be made where the stack's secrets are not known, for example when the
stack is destroyed.
"""

from __future__ import annotations

import os
import shlex
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final, Self

from aegir_components import layout
from aegir_components.hub import files, hub_disk
from aegir_components.messages import AegirError, numbered
from aegir_components.remote import receiving, session
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import HUB, HostError, Refused

CHUNK: Final = 1 << 18
"""Bytes that are read at a time."""
_LONG: Final = 3600.0
"""Seconds for one archive."""


class UnreadableError(AegirError, OSError):
    """An encrypted archive cannot be decrypted: it is damaged, or the key is another one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Keys:
    """Who can read an archive that is made: the stack with its private key, and meanwhile whoever has its own key."""

    recipient: str
    """The stack's public key."""
    own: str = field(repr=False)
    """A private key for this work alone: an archive is read again before anything is removed."""

    @classmethod
    def of(cls, hub_root: str, stack: str) -> Self | None:
        """Give the keys for an archive of a stack; ``None`` where the stack never declared backups, and has no key.

        Args:
            hub_root: of this hub.
            stack: ``<project>/<stack>``.

        Raises:
            Refused: the stack's public key cannot be read, so nothing can be kept.
        """
        import pyrage  # noqa: PLC0415 - most of our programs encrypt nothing

        path = recipient_file(hub_root, stack)
        try:
            found = path.read_text().strip()
            pyrage.x25519.Recipient.from_str(found)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, pyrage.RecipientError) as fault:
            raise Refused(
                HUB,
                numbered(
                    7031,
                    f"nothing was removed: {path} has no public key to encrypt the archives with ({fault}). Remove that "
                    f"file, and run pulumi up, which writes it again",
                ),
            ) from None
        return cls(recipient=found, own=new_key())


def new_key() -> str:
    """Make a private key."""
    import pyrage  # noqa: PLC0415

    return str(pyrage.x25519.Identity.generate())


def recipient_file(hub_root: str, stack: str) -> Path:
    """Name the file that has a stack's public key."""
    return Path(hub_root) / "backups" / "keys" / f"{layout.file_name(stack.replace('/', '+'))}.recipient"


def is_published(hub_root: str, stack: str, key: str) -> bool:
    """Return whether the public half of a stack's private key lies on the hub; also where this user may not look."""
    try:
        return recipient_file(hub_root, stack).read_text().strip() == _public(key)
    except PermissionError:
        return True
    except (OSError, ValueError):
        return False


def publish(hub_root: str, stack: str, key: str) -> None:
    """Write the public half of a stack's private key to the hub.

    Raises:
        OSError: it cannot be written.
    """
    path = recipient_file(hub_root, stack)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    files.replace(path, f"{_public(key)}\n", durable=True)


def receive(conn: Connection, argv: list[str], target: Path, keys: Keys, *, called: str) -> None:
    """Run a program on a machine as root, or on the hub, and write what it prints encrypted to a new file.

    Args:
        conn: the machine.
        argv: the program.
        target: the file. It is gone again when this fails.
        keys: who can read it.
        called: what messages call the program.

    Raises:
        HostError: it failed, or the file could not be written.
    """
    import pyrage  # noqa: PLC0415

    readers = [pyrage.x25519.Recipient.from_str(one) for one in (keys.recipient, _public(keys.own))]
    try:
        with target.open("xb") as out:
            target.chmod(0o600)

            def take(stream: IO[bytes]) -> None:
                pyrage.encrypt_io(stream, out, readers)  # type: ignore[arg-type]  # it only reads

            receiving.receive(conn, shlex.join(argv), take, what=called, user=_user(conn), timeout=_LONG)
            out.flush()
            os.fsync(out.fileno())
    except (HostError, OSError, pyrage.EncryptError) as fault:
        target.unlink(missing_ok=True)
        hub_disk.refuse_full(target.parent)
        if isinstance(fault, HostError):
            raise
        raise HostError(HUB, numbered(7030, f"{called}: {target} cannot be written: {fault}")) from None


def send(conn: Connection, argv: list[str], source: Path, key: str, *, called: str) -> None:
    """Run a program on a machine as root, or on the hub, whose input is an encrypted file.

    Raises:
        HostError: it failed.
        UnreadableError: the file cannot be decrypted.
    """
    faults: list[OSError] = []

    def stream() -> Iterator[bytes]:
        try:
            with reading(source, key) as content:
                while part := content.read(CHUNK):
                    yield part
        except OSError as fault:
            faults.append(fault)

    def check() -> None:
        if faults:
            raise faults[0]

    try:
        session.send(conn, shlex.join(argv), stream, what=called, user=_user(conn), timeout=_LONG)
    except HostError:
        # A stream that ended early is the cause of what the other end says.
        check()
        raise
    check()


@contextmanager
def reading(path: Path, key: str) -> Iterator[IO[bytes]]:
    """Open an archive for a block of work that reads it to its end.

    Args:
        path: the archive.
        key: a private key that can read it; empty for an archive in clear.

    Raises:
        UnreadableError: it cannot be decrypted.
        OSError: it cannot be read.
    """
    if not key:
        with path.open("rb") as plain:
            yield plain
        return
    with path.open("rb") as source, _decrypted(source, key, str(path)) as content:
        yield content


@contextmanager
def _decrypted(source: IO[bytes], key: str, name: str) -> Iterator[IO[bytes]]:
    import pyrage  # noqa: PLC0415

    faults: list[Exception] = []
    near, far = os.pipe()

    def work() -> None:
        try:
            # The writer closes the pipe also where nothing can be decrypted: its reader comes to an end.
            with os.fdopen(far, "wb") as out:
                own = pyrage.x25519.Identity.from_str(key)
                pyrage.decrypt_io(source, out, [own])  # type: ignore[arg-type]  # it only reads
        except Exception as fault:  # noqa: BLE001 - the reader raises it
            faults.append(fault)

    worker = threading.Thread(target=work, daemon=True)
    content = os.fdopen(near, "rb")
    worker.start()
    try:
        yield _Checked(content, lambda: _judge(worker, faults, name))  # type: ignore[misc]  # it is read, and no more
    finally:
        with suppress(OSError):
            content.close()
        worker.join()


class _Checked:
    """A stream whose end is an end only if all of it could be decrypted."""

    def __init__(self, content: IO[bytes], at_end: Callable[[], None]) -> None:
        self._content, self._at_end = content, at_end

    def read(self, size: int = -1, /) -> bytes:
        """Read up to so many bytes; none at the end."""
        found = self._content.read(size)
        if len(found) < size or size < 0:
            self._at_end()
        return found


def _judge(worker: threading.Thread, faults: list[Exception], name: str) -> None:
    worker.join()
    if faults:
        raise UnreadableError(numbered(7023, f"{name} cannot be decrypted: {faults[0]}"))


def _public(key: str) -> str:
    import pyrage  # noqa: PLC0415

    try:
        return str(pyrage.x25519.Identity.from_str(key).to_public())
    except pyrage.IdentityError as fault:
        raise ValueError(str(fault)) from None


def _user(conn: Connection) -> str:
    return conn.user if conn.kind == "local" else "root"
