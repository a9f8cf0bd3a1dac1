"""What the hub remembers of releases.

It remembers which releases went live, so that one can be brought back without its source. It also remembers what is in
them, so that the next one needs to bring only what differs.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from aegir_components import layout
from aegir_components.hub import files
from aegir_components.messages import numbered

from .faults import SourceError
from .tree import Content, SumCache, digest_of, matcher, walk


def name_of(digest: str) -> str:
    """Name the release of a digest, as its directory and the stack file do."""
    return digest[: layout.RELEASE_DIGEST_LENGTH]


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """A release that went live."""

    platform: str
    digest: str
    files: int
    application: str
    docroot: str
    source: str
    """The directory on the hub that it was copied from; it may hold something else by now, or be gone."""
    version: str = ""
    profiles: Mapping[str, str] = field(default_factory=dict)
    """Install profiles and their titles."""
    revision: str = ""
    """Of the source; empty for a directory."""
    time: str = ""
    """When it last went live, UTC."""

    @property
    def name(self) -> str:
        """The name of the release's directory, and what ``rollback`` takes."""
        return name_of(self.digest)


def directory(hub_root: str | Path, platform: str) -> Path:
    """Name the hub's directory with a platform's records."""
    return Path(hub_root) / "releases" / platform


def save(hub_root: str | Path, record: Record) -> None:
    """Note that a release went live now."""
    place = directory(hub_root, record.platform)
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    text = json.dumps({**asdict(record), "profiles": dict(record.profiles), "time": now}, indent=1)
    files.replace(place / f"{record.name}.json", text.encode())


def load(hub_root: str | Path, platform: str, release: str) -> Record | None:
    """Give the record of a release; ``None`` when there is none, or none that can be read."""
    try:
        known: dict[str, Any] = json.loads((directory(hub_root, platform) / f"{release}.json").read_text("utf-8"))
        return Record(**known)
    except (OSError, ValueError, TypeError):
        return None


def known(hub_root: str | Path, platform: str) -> list[Record]:
    """List the releases that went live, the last one first."""
    found = (load(hub_root, platform, path.stem) for path in directory(hub_root, platform).glob("*.json"))
    return sorted((record for record in found if record), key=lambda record: (record.time, record.name), reverse=True)


def content(root: Path, patterns: Sequence[str], docroot: str, cache: Path, digest: str) -> Content:
    """Give what a release of a source holds, directories before what is in them: as it was read last, if that was it.

    Raises:
        SourceError: something that a release cannot have, or another release by now.
        OSError: a file cannot be read.
    """
    sums, base = SumCache(cache), os.fsencode(root)
    known = sums.content(digest)
    if known is not None:
        return known
    sums.load()
    held = {entry.path: sums.value(base, entry) for entry in walk(root, matcher(patterns, docroot))}
    if digest_of(held) != digest:
        raise SourceError(numbered(2006, "it holds something else than a moment ago; run it again"))
    return held


def save_content(hub_root: str | Path, platform: str, digest: str, held: Content, keep: int) -> None:
    """Keep what a release holds, and that of the last ``keep`` releases."""
    place = directory(hub_root, platform)
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = _list(hub_root, platform, digest)
    if path.exists():
        os.utime(path)
    else:
        files.replace(path, b"".join(b"%s\0%s\0" % pair for pair in held.items()))
    for old in sorted(place.glob("*.list"), key=lambda other: other.stat().st_mtime, reverse=True)[keep:]:
        old.unlink(missing_ok=True)


def load_content(hub_root: str | Path, platform: str, release: str) -> Content | None:
    """Give what a release holds, as it was kept; ``None`` without it."""
    try:
        parts = _list(hub_root, platform, release).read_bytes().split(b"\0")
    except OSError:
        return None
    return dict(zip(parts[:-1:2], parts[1::2], strict=True)) if len(parts) % 2 else None


@dataclass(frozen=True, slots=True)
class Difference:
    """What makes one release of another."""

    gone: tuple[bytes, ...]
    """Paths that are taken away first: they are not in the new one, or are otherwise there."""
    sent: tuple[bytes, ...]
    """Paths that are copied, directories before what is in them."""
    read: tuple[bytes, ...]
    """The files among them, whose checksums are new."""
    dropped: tuple[bytes, ...]
    """Files of the former release that are none in the new one."""


def within(paths: Iterable[bytes]) -> list[bytes]:
    """List the directories that paths are in, outer ones first. Pure."""
    found: set[bytes] = set()
    for path in paths:
        above = path.rpartition(b"/")[0]
        while above and above not in found:
            found.add(above)
            above = above.rpartition(b"/")[0]
    return sorted(found)


def difference(old: Content, new: Content) -> Difference:
    """Compare what two releases hold. Pure."""
    sent = tuple(path for path, facts in new.items() if old.get(path) != facts)
    return Difference(
        gone=tuple(path for path, facts in old.items() if new.get(path) != facts),
        sent=sent,
        read=tuple(path for path in sent if new[path].startswith(b"f ")),
        dropped=tuple(path for path, facts in old.items() if facts[:1] == b"f" and new.get(path, b"")[:1] != b"f"),
    )


def _list(hub_root: str | Path, platform: str, release: str) -> Path:
    return directory(hub_root, platform) / f"{name_of(release)}.list"
