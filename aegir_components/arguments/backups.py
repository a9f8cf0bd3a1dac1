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
    daily: int | None = None
    weekly: int | None = None
    monthly: int | None = None


@dataclass(frozen=True, kw_only=True)
class RepositoryArgs(Arguments):
    """A place of backups: one of ``directory``, ``sftp`` and ``s3``."""

    directory: str | None = None
    sftp: str | None = None
    s3: str | None = None
    append_only: bool | None = None
    """The hub adds backups and removes none."""
    identity: str | None = None
    host_key: str | None = None
    access_key: str | None = None
    secret_key: pulumi.Input[str] | None = None


@dataclass(frozen=True, kw_only=True)
class BackupPlanArgs(Arguments):
    """How sites are backed up."""

    to: Sequence[str] | None = None
    """Names of repositories."""
    every: Literal["hour", "day", "week"] | None = None
    at: str | None = None
    """A part of the day, such as ``02:00-05:00``."""
    keep: KeepArgs | None = None
    prove: Literal["each", "boot", "off"] | None = None
    exclude: Sequence[str] | None = None
    """Patterns of files."""
    bandwidth: int | None = None
    """Megabytes a second at most."""


@dataclass(frozen=True, kw_only=True)
class BackupsArgs(BackupPlanArgs):
    """Where backups go, and what holds for all sites."""

    repositories: Mapping[str, RepositoryArgs] | None = None
    recipients: Sequence[str] | None = None
    """Public keys of age: who can read exported keys."""
