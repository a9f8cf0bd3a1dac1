"""A release that arrives on a machine: put together in a stage, proven there, recorded, and given its name.

All of it is done by ``aegir``, whose code it is.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping

from aegir_components.messages import Message, numbered
from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions

from . import arrival_operations as operations
from . import release


def unpack(paths: release.Layout, digest: str, *, compressed: bool) -> list[str]:
    """List what ``aegir`` does with a whole release that comes on standard input."""
    staging = paths.staging(digest)
    return [
        *begin(paths, digest),
        _unpack(staging, compressed),
        *_acceptance(paths, digest),
    ]


def begin(paths: release.Layout, digest: str) -> list[str]:
    """List what ``aegir`` does before a release comes whole: an empty stage."""
    return [*_libraries(), operations.ReleaseBegin(staging=paths.staging(digest)).line]


def unpack_difference(
    paths: release.Layout,
    digest: str,
    live: str,
    *,
    gone: bytes,
    within: bytes,
    read: bytes,
    dropped: bytes,
    compressed: bool,
) -> list[str]:
    """List what ``aegir`` does with what differs from the live release, which comes on standard input.

    Args:
        paths: the platform's.
        digest: of the new release.
        live: the directory of the live one.
        gone: names to take away first, each with a NUL after it, as in the others.
        within: directories that something goes from or comes into, outer ones first.
        read: files that come.
        dropped: files that go.
        compressed: by zstd.
    """
    staging = paths.staging(digest)
    since = operations.ReleaseSumsSince(
        staging=staging, manifest=paths.manifest(digest), former=live, changed=_packed(read), gone=_packed(dropped)
    )
    return [
        *_libraries(),
        operations.ReleaseBegin(
            staging=staging, live=live, docroot=paths.document_root(staging), sites=paths.sites
        ).line,
        operations.ReleaseWithout(staging=staging, gone=_packed(gone), within=_packed(within)).line,
        _unpack(staging, compressed),
        *_acceptance(paths, digest, since),
    ]


def _unpack(staging: str, compressed: bool) -> str:
    program, option = ("zstd", "-dcq") if compressed else ("cat", "")
    return operations.ReleaseUnpack(staging=staging, program=program, option=option).line


def _packed(names: bytes) -> str:
    return base64.b64encode(names).decode()


def accept(paths: release.Layout, digest: str, *, damaged: bool = False) -> list[str]:
    """List what ``aegir`` does after the copy: prove it, record it, give it its name.

    Args:
        paths: the platform's.
        digest: of the release.
        damaged: whether the release is there and is repaired.
    """
    return [*_libraries(), *_acceptance(paths, digest, damaged=damaged)]


def _libraries() -> list[str]:
    return [functions("release"), functions("arrival")]


def _acceptance(
    paths: release.Layout, digest: str, since: operations.ReleaseSumsSince | None = None, *, damaged: bool = False
) -> list[str]:
    staging, target, manifest = paths.staging(digest), paths.release(digest), paths.manifest(digest)
    repair = operations.ReleaseRepair(staging=staging, release=target, manifest=manifest, sites=paths.sites)
    return [
        script.call("release_walk", staging, manifest),
        since.line if since else script.call("release_sums", staging, manifest),
        script.call("only_proven", staging, digest),
        operations.ReleasePlace(staging=staging, manifest=manifest, docroot=paths.document_root(staging)).line,
        *([repair.line] if damaged else []),
        operations.ReleaseRecord(staging=staging, release=target, manifest=manifest).line,
        script.call("rm", "-rf", staging) if damaged else script.call("release_name", staging, target),
    ]


def refusal(paths: release.Layout, digest: str, facts: Mapping[str, str]) -> Message | None:
    """Say what is wrong with what arrived; nothing where it is what the hub read.

    Args:
        paths: the platform's.
        digest: of the release, as the hub read it.
        facts: what the script told that accepts it.
    """
    got = facts.get("digest", "")
    if got == digest:
        return None
    return numbered(
        6023,
        f"what arrived in {paths.staging(digest)} is not what the hub read (digest {got}, not {digest}). The source changed "
        f"while it was copied, or a disk has a problem. The live release is untouched; run it again",
    )
