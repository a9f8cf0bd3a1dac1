"""The proof of a backup: its database is restored and counted, and every byte of it is read again."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from aegir_components.messages import numbered
from aegir_components.messages.printable import first_of
from aegir_components.mysql import client, databases
from aegir_components.remote.errors import HostError

from . import archive, inventory, loading, sql
from .book import Proof
from .repository import BackupError, Opened
from .source import Source
from .starting import NotTriedError, Scratch, Start, scratch


@dataclass(frozen=True, kw_only=True, slots=True)
class Proven:
    """What a proof has found."""

    proof: Proof
    """Of database and files."""
    start: Proof | None = None
    """Of the site that was started from the backup; ``None`` where nobody tried."""
    not_started: str = ""
    """Why nobody could try."""


def prove(
    opened: Opened,
    snapshot: str,
    source: Source,
    hub_root: str,
    known: Mapping[str, Any] | None = None,
    start: Start | None = None,
) -> Proven:
    """Restore a backup into a scratch schema, count it, and compare all bytes with what was written.

    Args:
        opened: the repository.
        snapshot: the backup.
        source: the site, whose database server has the scratch schema for a while.
        hub_root: of this hub.
        known: the manifest that was written when the backup was made; ``None`` reads the backup's own first.
        start: where the site is started from the backup; ``None`` for database and files alone.
    """
    begun, at = time.monotonic(), int(time.time())
    started = _Started()
    try:
        found = known if known is not None else manifest(opened, snapshot)
        how = _restored(opened, snapshot, source, hub_root, found, start, started)
    except (BackupError, HostError, client.DatabaseError, archive.DamagedError) as fault:
        # A backup that is no good is not started either.
        return Proven(proof=Proof(at=at, seconds=time.monotonic() - begun, ok=False, text=str(fault)))
    apart = started.proof.seconds if started.proof else 0.0
    seen = Proof(at=at, seconds=time.monotonic() - begun - apart, ok=True, text=how)
    return Proven(proof=seen, start=started.proof, not_started=started.why_not)


@dataclass(slots=True)
class _Started:
    proof: Proof | None = None
    why_not: str = ""


def manifest(opened: Opened, snapshot: str) -> dict[str, Any]:
    """Read a backup to its end and return its manifest; each byte is compared with what was written.

    Raises:
        BackupError: a part of it cannot be read any more, or is not what was written.
    """
    try:
        with opened.reading(snapshot) as stream:
            found, digest = archive.Reading(stream).manifest()
    except archive.DamagedError as fault:
        raise BackupError(numbered(7101, f"backup {snapshot} in {opened.name} is damaged: {fault}")) from None
    if digest != found.get("sha256"):
        raise BackupError(numbered(7101, f"backup {snapshot} in {opened.name} is not what was written"))
    return found


def _restored(
    opened: Opened, snapshot: str, source: Source, hub_root: str, known: Mapping[str, Any], start: Start | None,
    started: _Started,
) -> str:  # fmt: skip
    had = known["database"]
    loading.want_room(source, int(had.get("bytes", 0)), f"aegir backups prove {source.name}")
    with (
        loading.scratch_schema(source, hub_root, str(had["charset"]), str(had["collation"])) as schema,
        ExitStack() as entered,
        opened.reading(snapshot) as stream,
    ):
        place = _place(entered, start, source, schema, known, started)
        # What is in the scratch schema would otherwise run with the rights of the hub: an event does so by itself.
        owner = start.definer if place and start else source.definer
        definer = None if source.conn.kind == "none" else loading.of_account(*owner)
        reading = archive.Reading(stream)
        for entry in reading.take(lambda name: not is_dump(name)):
            entry.skip()
        loading.load(source, schema, loading.texts(reading.take(is_dump)), longest=int(had["longest"]), former=str(had["name"]),
                     definer=definer, low=not opened.urgent)  # fmt: skip
        check_counts(source, schema, had)
        if place is not None:
            place.unpack(reading)
        found, digest = reading.manifest()
        if digest != found.get("sha256") or found.get("sha256") != known["sha256"]:
            raise BackupError(numbered(7101, f"backup {snapshot} is not what was written: its digest is another one"))
        if place is not None:
            started.proof = place.ask()
    rows, files = sum(had["rows"].values()), sum(place["entries"] for place in known["files"].values())
    return f"restored: {len(had['rows'])} tables with {rows} rows; read: all bytes of {files} files"


def _place(
    entered: ExitStack, start: Start | None, source: Source, schema: str, known: Mapping[str, Any], started: _Started
) -> Scratch | None:
    if start is None:
        return None
    try:
        return entered.enter_context(scratch(start, source, schema, known))
    except NotTriedError as fault:
        started.why_not = str(fault)
        return None


def is_dump(name: str) -> bool:
    """Return whether a member of a backup is a part of the dump."""
    return name.startswith(f"{sql.DIRECTORY}/")


def check_counts(source: Source, schema: str, had: Mapping[str, Any], kinds: Collection[str] = ()) -> None:
    """Compare what a schema has with what was counted in the backup's own transaction.

    Args:
        source: the site, whose database server it is.
        schema: the schema.
        had: what the backup's manifest says of the database.
        kinds: which kinds of objects are compared beside rows; all where none is named.

    Raises:
        BackupError: something is missing, or there is more.
        DatabaseError: the server refuses.
    """
    wrong = _other_objects(source, schema, had, kinds)
    rows = databases.tables(source.endpoint, schema)
    wrong += [
        f"table {name} has {rows.get(name, 0)} rows of {number}"
        for name, number in sorted(had["rows"].items())
        if name in had["objects"]["tables"] and rows.get(name, 0) != number
    ]
    _reject(wrong)


def check_objects(source: Source, schema: str, had: Mapping[str, Any]) -> None:
    """Compare what is in a schema by name, where the rows have been counted.

    Raises:
        BackupError: something is missing, or there is more.
        DatabaseError: the server refuses.
    """
    _reject(_other_objects(source, schema, had, ()))


def _other_objects(source: Source, schema: str, had: Mapping[str, Any], kinds: Collection[str]) -> list[str]:
    with client.connect(source.endpoint) as session:
        objects = inventory.objects(session, schema)
    wanted = {kind: names for kind, names in had["objects"].items() if not kinds or kind in kinds}
    return inventory.differences(wanted, objects)


def _reject(wrong: list[str]) -> None:
    if wrong:
        raise BackupError(numbered(7103, f"what was loaded is not what was saved: {first_of(wrong, 5, between='; ')}"))
