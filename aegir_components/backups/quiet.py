"""Nobody but the hub writes to a site's database while it is replaced."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from aegir_components.hub import wait
from aegir_components.messages import numbered
from aegir_components.mysql import client, copies, databases, statements

from .repository import BackupError
from .source import Source

PATIENCE: Final = 60.0
"""Seconds in which requests that are being served come to their end."""


@contextmanager
def quiet(source: Source) -> Iterator[None]:
    """Keep the site's accounts out for a block of work, and begin when none of them is connected any more.

    Raises:
        BackupError: a connection does not end; nothing was changed.
        DatabaseError: the server refuses.
    """
    lock(source, locked=True)
    try:
        _wait(source)
        yield
    finally:
        lock(source, locked=False)


@contextmanager
def no_update(endpoint: client.Endpoint, database: databases.SiteDatabase, called: str) -> Iterator[None]:
    """Keep updates of a site away for a block of work, also those of other hubs.

    Args:
        endpoint: its database server.
        database: its database.
        called: what messages call the site.

    Raises:
        BackupError: one is at work.
        DatabaseError: the server refuses.
    """
    with copies.alone(endpoint, database) as free:
        if not free:
            raise BackupError(
                numbered(
                    6502,
                    f"an update of {called} is at work, on this hub or on another one. Nothing was changed. "
                    f"Run the same command when it has ended",
                )
            )
        yield


def lock(source: Source, *, locked: bool) -> None:
    """Let the site's accounts connect, or not."""
    with client.connect(source.endpoint) as session:
        for user in source.accounts:
            for row in session.rows("SELECT host FROM mysql.user WHERE user = %s", (user,)):
                host = row[0].decode() if isinstance(row[0], bytes) else str(row[0])
                session.rows(f"ALTER USER {statements.account(user, host)} ACCOUNT {'LOCK' if locked else 'UNLOCK'}")


def _wait(source: Source) -> None:
    deadline = wait.Deadline(PATIENCE)
    while True:
        with client.connect(source.endpoint) as session:
            marks = ", ".join(["%s"] * len(source.accounts))
            query = f"SELECT COUNT(*) FROM information_schema.processlist WHERE user IN ({marks})"  # noqa: S608 - marks
            if not int(session.rows(query, source.accounts)[0][0]):
                return
        if not deadline.pause(0.5):
            raise BackupError(
                numbered(
                    5050,
                    f"{source.server}: a connection of {source.name} to its database did not end within {PATIENCE:g} s, "
                    f"so nothing was changed. Find it with SHOW PROCESSLIST there, end it, and run the same command again",
                )
            )
