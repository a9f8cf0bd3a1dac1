"""The proof of a backup: its database is restored and counted, and every byte of it is read again."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from aegir_components.host.errors import HostError
from aegir_components.mysql import client, databases

from . import archive, inventory, loading, sql
from .book import Proof
from .repository import BackupError, Opened
from .source import Source


def prove(
    opened: Opened, snapshot: str, source: Source, hub_root: str, known: Mapping[str, Any] | None = None
) -> Proof:
    """Restore a backup into a scratch schema, count it, and compare all bytes with what was written.

    Args:
        opened: the repository.
        snapshot: the backup.
        source: the site, whose database server has the scratch schema for a while.
        hub_root: of this hub.
        known: the manifest that was written when the backup was made; ``None`` reads the backup's own first.
    """
    begun, at = time.monotonic(), int(time.time())
    try:
        found = known if known is not None else manifest(opened, snapshot)
        how = _restored(opened, snapshot, source, hub_root, found)
    except (BackupError, HostError, client.DatabaseError, archive.DamagedError) as fault:
        return Proof(at=at, seconds=time.monotonic() - begun, ok=False, text=str(fault))
    return Proof(at=at, seconds=time.monotonic() - begun, ok=True, text=how)


def manifest(opened: Opened, snapshot: str) -> dict[str, Any]:
    """Read a backup to its end and return its manifest; each byte is compared with what was written.

    Raises:
        BackupError: a part of it cannot be read any more, or is not what was written.
    """
    try:
        with opened.reading(snapshot) as stream:
            found, digest = archive.Reading(stream).manifest()
    except archive.DamagedError as fault:
        raise BackupError(f"backup {snapshot} in {opened.name} is damaged: {fault}") from None
    if digest != found.get("sha256"):
        raise BackupError(f"backup {snapshot} in {opened.name} is not what was written")
    return found


def _restored(opened: Opened, snapshot: str, source: Source, hub_root: str, known: Mapping[str, Any]) -> str:
    had = known["database"]
    loading.want_room(source, int(had.get("bytes", 0)))
    with (
        loading.scratch_schema(source, hub_root, str(had["charset"]), str(had["collation"])) as schema,
        opened.reading(snapshot) as stream,
    ):
        reading = archive.Reading(stream)
        for entry in reading.take(lambda name: not is_dump(name)):
            entry.skip()
        loading.load(source, schema, reading.take(is_dump), longest=int(had["longest"]), former=str(had["name"]))
        check_counts(source, schema, had)
        found, digest = reading.manifest()
    if digest != found.get("sha256") or found.get("sha256") != known["sha256"]:
        raise BackupError(f"backup {snapshot} is not what was written: its digest is another one")
    rows, files = sum(had["rows"].values()), sum(place["entries"] for place in known["files"].values())
    return f"restored: {len(had['rows'])} tables with {rows} rows; read: all bytes of {files} files"


def is_dump(name: str) -> bool:
    """Return whether a member of a backup is a part of the dump."""
    return name.startswith(f"{sql.DIRECTORY}/")


def check_counts(source: Source, schema: str, had: Mapping[str, Any]) -> None:
    """Compare what a schema has with what was counted in the backup's own transaction.

    Raises:
        BackupError: something is missing, or there is more.
        DatabaseError: the server refuses.
    """
    with client.connect(source.endpoint) as session:
        objects = inventory.objects(session, schema)
    rows = databases.tables(source.endpoint, schema)
    wrong = inventory.differences(had["objects"], objects)
    wrong += [
        f"table {name} has {rows.get(name, 0)} rows of {number}"
        for name, number in sorted(had["rows"].items())
        if name in had["objects"]["tables"] and rows.get(name, 0) != number
    ]
    if wrong:
        more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        raise BackupError(f"what was loaded is not what was saved: {'; '.join(wrong[:5])}{more}")
