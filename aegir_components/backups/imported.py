"""The archives that a removal has left on the hub, turned into a backup like any other."""

from __future__ import annotations

import gzip
import json
import tarfile
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final, Self

from aegir_components.archives import encrypting
from aegir_components.archives.names import all_kept, is_encrypted
from aegir_components.messages import numbered

from . import archive, sql
from .repository import BackupError
from .source import SHARED, Source

WHY: Final = "the archives of a removal"


@dataclass(frozen=True, kw_only=True, slots=True)
class Archives:
    """The newest archives of one site on the hub."""

    dump: Path | None
    files: tuple[Path, ...]
    key: str = field(default="", repr=False)
    """The stack's key, for those that are encrypted."""

    @classmethod
    def find(cls, hub_root: str, site: str, key: str = "") -> Self:
        """Find a site's newest dump, and the archives of files from the same removal.

        Args:
            hub_root: of this hub.
            site: what it is known by.
            key: the stack's key for archives; empty where it has none.

        Raises:
            BackupError: there are none, or they are encrypted and there is no key.
        """
        found = all_kept(hub_root, site)
        dumps = [kept.path for kept in found if not kept.machine]
        if not found:
            raise BackupError(
                numbered(
                    7025,
                    f"no archive of {site} is in {hub_root}/backups. `aegir backups archives` lists those of all sites",
                )
            )
        # One removal archives each web server once, before its dump or soon after it.
        newest = tuple({kept.machine: kept.path for kept in found if kept.machine}.values())
        if not key and (locked := [path.name for path in (*dumps[-1:], *newest) if is_encrypted(path)]):
            raise BackupError(
                numbered(
                    7022,
                    f"{', '.join(locked)} is encrypted, and the stack's state has no key for it. Use the state of the stack that "
                    f"removed {site}",
                )
            )
        return cls(dump=dumps[-1] if dumps else None, files=newest, key=key)

    def reading(self, path: Path) -> AbstractContextManager[IO[bytes]]:
        """Open one of them for a block of work that reads it to its end."""
        return encrypting.reading(path, self.key if is_encrypted(path) else "")

    def to_props(self) -> dict[str, Any]:
        """Give it for JSON."""
        return {
            "dump": str(self.dump) if self.dump else None,
            "files": [str(path) for path in self.files],
            "key": self.key,
        }

    @classmethod
    def from_props(cls, props: Mapping[str, Any]) -> Self:
        """Read back what ``to_props`` gave."""
        return cls(
            dump=Path(props["dump"]) if props["dump"] else None,
            files=tuple(map(Path, props["files"])),
            key=str(props["key"]),
        )


def write(source: Source, archives: Archives, out: IO[bytes]) -> dict[str, Any]:
    """Write archives as a backup, and return its manifest.

    Args:
        source: the site, as it is now: its places tell where the files belong.
        archives: what is on the hub.
        out: gets the stream.

    Raises:
        DamagedError: an archive is no such one, or was cut off.
        OSError: an archive cannot be read.
    """
    writer, splitter = archive.Writer(out), None
    begun = int(time.time())
    if archives.dump is not None:
        splitter = sql.Splitter(writer.add)
        with archives.reading(archives.dump) as packed, gzip.open(packed, "rb") as dump:
            while block := dump.read(archive.CHUNK):
                splitter.feed(block)
        splitter.finish()
        if not splitter.whole:
            raise archive.DamagedError(numbered(7110, f"{archives.dump} has no end"))
    files = {label: _files(archives, path, label, writer) for label, path in _labels(source, archives.files).items()}
    lacking = [f"the database: no dump of {source.name} is on the hub"] if splitter is None else []
    manifest = {
        "format": 1, "site": source.site, "name": source.name, "stack": source.holder, "begun": begun, "ended": begun,
        "database": {
            # How many rows there are, only the removal has counted; what is loaded is compared by its tables.
            "name": source.database, "server": source.server, "version": "", "rows": {}, "definers": {},
            "objects": {"tables": sorted(splitter.rows)} if splitter else {}, "longest": splitter.longest if splitter else 0,
            "charset": "utf8mb4", "collation": "",
        },
        "files": files, "not_saved": lacking, "notes": [f"from {path.name}" for path in (archives.dump, *archives.files) if path],
        "size": writer.size, "sha256": writer.digest, "about": dict(source.about),
    }  # fmt: skip
    writer.add(archive.MANIFEST, json.dumps(manifest, sort_keys=True).encode())
    writer.end()
    return manifest


def _labels(source: Source, files: Sequence[Path]) -> dict[str, Path]:
    """Say to which place of the site each archive belongs."""
    labels = [place.label for place in source.places if place.label != SHARED]
    shared = [place.label for place in source.places if place.label == SHARED]
    found: dict[str, Path] = {}
    for path in files:
        own = [label for label in labels if f"-{label}-files" in path.name]
        found.setdefault((own or shared or labels)[0], path)
    return found


def _files(archives: Archives, path: Path, label: str, writer: archive.Writer) -> dict[str, Any]:
    count = size = 0
    with archives.reading(path) as came, tarfile.open(fileobj=came, mode="r|gz") as packed:
        for member in packed:
            name = member.name.removeprefix("./").strip("/")
            if name in {"", "."} or not (member.isfile() or member.isdir() or member.issym()):
                continue
            member.name = f"files/{label}/{name}"
            # The access lists are in the headers that extend the member's own.
            member.pax_headers = {key: value for key, value in member.pax_headers.items() if key != "path"}
            writer.raw(member.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape"))
            content = packed.extractfile(member) if member.isfile() else None
            if content is not None:
                while part := content.read(archive.CHUNK):
                    writer.raw(part)
                writer.raw(b"\0" * (-member.size % archive.BLOCK))
            count, size = count + 1, size + (member.size if member.isfile() else 0)
    return {"machine": label, "home": "", "parts": [], "entries": count, "bytes": size}
