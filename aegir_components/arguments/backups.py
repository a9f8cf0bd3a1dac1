"""Arguments of backups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pulumi

from .base import Arguments


@dataclass(frozen=True, kw_only=True)
class KeepArgs(Arguments):
    """How many backups stay."""

    hourly: int | None = None
    """Of the last hours that have a backup, the last one of each. Default: ``0``."""
    daily: int | None = None
    """Of the last days that have a backup, the last one of each. Default: ``7``."""
    weekly: int | None = None
    """Of the last weeks that have a backup, the last one of each. Default: ``4``."""
    monthly: int | None = None
    """Of the last months that have a backup, the last one of each. Default: ``6``."""


@dataclass(frozen=True, kw_only=True)
class RepositoryArgs(Arguments):
    """A place of backups: one of ``directory``, ``sftp`` and ``s3``."""

    directory: str | None = None
    """A directory on the hub, which may be a mount."""
    sftp: str | None = None
    """An account, a server and a directory, such as ``backup@nas.example.com:22/srv/backups``."""
    s3: str | None = None
    """An endpoint with a bucket, such as ``https://s3.example.com/bucket``."""
    append_only: bool | None = None
    """``true`` is for a server that forbids deletion. The hub adds backups, and its owner removes them.
    Default: ``false``.
    """
    identity: str | None = None
    """With ``sftp``: the private key on the hub that its server lets in."""
    host_key: str | None = None
    """With ``sftp``: its server's public host key."""
    access_key: str | None = None
    """With ``s3``: the name of the access key."""
    secret_key: pulumi.Input[str] | None = None
    """With ``s3``: the access key, a secret."""


@dataclass(frozen=True, kw_only=True)
class BackupPlanArgs(Arguments):
    """How sites are backed up."""

    to: Sequence[str] | None = None
    """Repositories by name. The first directory gets the backup, the others a copy.
    Default: ``hub`` and all that are declared.
    """
    every: Literal["hour", "day", "week"] | None = None
    """``hour``, ``day`` or ``week``. Default: ``day``."""
    at: str | None = None
    """The part of the day in which backups begin, in the hub's local time. Default: ``02:00-05:00``."""
    keep: KeepArgs | None = None
    """How many stay: ``hourly``, ``daily``, ``weekly``, ``monthly``. Default: ``{daily: 7, weekly: 4, monthly: 6}``."""
    prove: Literal["each", "boot", "off"] | None = None
    """``each``: every backup is restored and counted. ``boot``: once a week the site is
    [started from it](docs/howto/prove-a-backup.md#start-the-site-from-its-backup) too. ``off``: none is.
    Default: ``each``.
    """
    exclude: Sequence[str] | None = None
    """Patterns of files, as ``tar --exclude`` takes them: ``["*/cache/*"]``. Default: none."""
    bandwidth: int | None = None
    """Megabytes a second that go to a repository at most. Default: no limit."""


@dataclass(frozen=True, kw_only=True)
class BackupsArgs(BackupPlanArgs):
    """Where backups go, and what holds for all sites."""

    repositories: Mapping[str, RepositoryArgs] | None = None
    """Named places. ``hub`` is always there: ``backups/repositories`` below the hub root. Default: none."""
    recipients: Sequence[str] | None = None
    """Public keys of age: who can read exported keys. Default: none."""
