"""A new release beside the live one, on every web server: brought there and proved, or nothing is switched.

Only what the server lacks is transferred, which is nothing where the release exists. Where the hub knows the live
release, that is the difference from it; elsewhere it is all of the release in one stream. rsync is used where a machine
or the hub cannot unpack or pack streams, and where a damaged release is repaired.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from aegir_components import layout
from aegir_components.applications import APPLICATIONS
from aegir_components.deploy import arrival, release
from aegir_components.hub import spool
from aegir_components.inputs.platform import CodeFacts, ReleaseInputs
from aegir_components.messages import around, numbered, shown
from aegir_components.remote import rsync, session
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import HostError, Refused
from aegir_components.remote.parallel import attempt, settle
from aegir_components.scripts import script
from aegir_components.sources import records, tree
from aegir_components.sources.faults import SourceError

STAGE_TIMEOUT = 1800.0
"""Seconds to bring a release and to prove it: every byte of it is read."""
SHRINK = 2
"""A release with fewer files than the live one's divided by this stops the run unless ``allow_shrink`` is set."""
WORTH_IT = 3
"""More than one file in so many must stay the same, or all are sent: links cost as well."""


@dataclass(slots=True)
class Stage:
    """What is known while a release is brought to its members."""

    want: ReleaseInputs
    paths: release.Layout
    seen: dict[str, dict[str, str]] = field(default_factory=dict)
    """What the members said, by name."""
    content: tree.Content = field(default_factory=dict)
    """What the release holds; empty where the source is not read."""
    spools: dict[str, spool.Spool] = field(default_factory=dict)
    """What is sent, by the live release that it is the difference from; all of it under no name."""
    differences: dict[str, records.Difference] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """Of the release."""
        return self.want.digest

    @property
    def what(self) -> str:
        """What is being done, for error texts."""
        return f"staging the platform {self.want.platform}"


def hub_root(members: Mapping[str, Connection]) -> str:
    """Name the hub's own directory."""
    return next(iter(members.values())).hub_root


def bring(
    members: Mapping[str, Connection], want: ReleaseInputs, was: ReleaseInputs | None, paths: release.Layout
) -> dict[str, str]:
    """Bring a release to all members and prove it there; give the path of the one that is live on each.

    Raises:
        HostError: it failed on one or more; nothing is switched.
    """
    stage = Stage(want, paths)
    with ExitStack() as stack:
        # The hub reads while the machines are prepared; what is on all of them already is not read.
        reader = stack.enter_context(ThreadPoolExecutor(max_workers=1))
        new = (was is None or was.digest != want.digest) and not want.rollback
        ahead = reader.submit(_content, want, hub_root(members)) if new else None
        _settle(attempt(members, lambda conn: _prepare(stage, conn)), "is prepared")
        missing = {name: conn for name, conn in members.items() if "staged" not in stage.seen[name]}
        if missing:
            _settle(attempt(missing, lambda conn: _refuse(stage, conn)), "could take it")
            _pack(stage, missing, ahead.result() if ahead else _content(want, hub_root(members)), stack)
        _settle(attempt(members, lambda conn: _stage(stage, conn)), "has the release staged and proved")
    return {name: stage.seen[name].get("live", "") for name in members}


def remember(members: Mapping[str, Connection], want: ReleaseInputs) -> None:
    """Keep on the hub that a release went live, and what is in it."""
    root = hub_root(members)
    facts = want.facts or CodeFacts()
    record = records.Record(
        platform=want.platform, digest=want.digest, files=want.files, application=want.application,
        docroot=want.docroot, source=want.source, version=facts.version, profiles=dict(facts.profiles),
        revision=want.source_revision,
    )  # fmt: skip
    records.save(root, record)


def _prepare(stage: Stage, conn: Connection) -> None:
    lines = release.prepare(stage.paths, stage.digest, full=stage.want.verify == "full")
    report = script.execute(
        conn, "apply", lines, what=stage.what, holder=stage.want.holder, timeout=STAGE_TIMEOUT
    )  # fmt: skip
    seen = dict(report.facts)
    if seen.get("live") and not release.is_release(seen["live"]):
        # Only what the machine's own root may have made of it: as if nothing were live.
        del seen["live"]
    stage.seen[conn.host] = seen


def _refuse(stage: Stage, conn: Connection) -> None:
    want = stage.want
    if want.rollback:
        if not _source_has_it(conn, want):
            raise Refused(
                conn.host,
                numbered(
                    8522,
                    f"the release {stage.digest[: layout.RELEASE_DIGEST_LENGTH]} of {want.platform} is not on this machine. "
                    f"It was pruned, or the machine is new, and {want.source} on the hub no longer holds it. Choose a "
                    f"release that is in {stage.paths.releases} on every web server, or put its code back into the source "
                    f"and take rollback or release out",
                ),
            )
        return
    new, live = want.files, script.number(stage.seen[conn.host].get("files", ""))
    if live and new * SHRINK < live and not want.allow_shrink:
        raise Refused(
            conn.host,
            numbered(
                8523,
                f"the source {want.source} of {want.platform} has {new} files, and the live release about {live}: it "
                f"may be half there. Nothing was changed. If that is meant, set allow_shrink: true for this platform",
            ),
        )


def _source_has_it(conn: Connection, want: ReleaseInputs) -> bool:
    cache = Path(conn.hub_root) / "cache" / f"{want.platform}.rollback.sums"
    patterns = APPLICATIONS[want.application].exclusions
    try:
        return tree.read(Path(want.source), patterns, want.docroot, cache).digest == want.digest
    except (SourceError, OSError):
        return False


def _content(want: ReleaseInputs, root: str) -> tree.Content | Exception | None:
    """Read what the release holds; ``None`` where this hub cannot pack it, and the problem where it cannot be read."""
    source = Path(want.source)
    if not spool.possible() or not source.is_dir():
        return None
    patterns = APPLICATIONS[want.application].exclusions
    cache = Path(root) / "cache" / f"{want.platform}.sums"
    try:
        held = records.content(source, patterns, want.docroot, cache, want.digest)
    except (SourceError, OSError) as fault:
        return fault
    records.save_content(root, want.platform, want.digest, held, want.keep + 1)
    return held


def _pack(
    stage: Stage, missing: Mapping[str, Connection], content: tree.Content | Exception | None, stack: ExitStack
) -> None:
    """Begin to pack what the members need: once for all that need the same."""
    root = hub_root(missing)
    if content is None:
        return
    if isinstance(content, Exception):
        raise Refused(
            ", ".join(missing),
            numbered(8524, f"{stage.want.source} cannot be read: {shown(content)}. Nothing was changed"),
        ) from None
    stage.content = content
    for name in missing:
        key = _base(stage, stage.seen[name], root)
        if key is None or key in stage.spools:
            continue
        paths = stage.differences[key].sent if key else tuple(stage.content)
        stage.spools[key] = stack.enter_context(
            spool.Spool(stage.want.source, paths, compress=spool.can_compress() and _all_can(stage, missing))
        )


def _all_can(stage: Stage, missing: Iterable[str]) -> bool:
    return all("zstd" in stage.seen[name] for name in missing)


def _base(stage: Stage, seen: Mapping[str, str], root: str) -> str | None:
    """Name the release that only the difference is sent from; empty for all, ``None`` for a machine without tar."""
    if "tar" not in seen:
        return None
    live = _former(seen)
    if not live:
        return ""
    if live not in stage.differences:
        old = records.load_content(root, stage.want.platform, live)
        if old is None:
            return ""
        stage.differences[live] = records.difference(old, stage.content)
    return live if len(stage.differences[live].sent) * WORTH_IT < len(stage.content) * (WORTH_IT - 1) else ""


def _former(seen: Mapping[str, str]) -> str:
    """Name the live release where a difference from it can be unpacked; empty where not."""
    return seen.get("live", "").rpartition("/")[2] if {"tar", "whole"} <= seen.keys() else ""


def _stage(stage: Stage, conn: Connection) -> None:
    seen = stage.seen[conn.host]
    if "staged" in seen and not seen.get("faults"):
        return
    key = _base(stage, seen, conn.hub_root) if stage.spools else None
    if key is None or key not in stage.spools:
        _copy(stage, conn)
    elif not key:
        _send(stage, conn, key)
    else:
        try:
            _send(stage, conn, key)
        except Refused:
            # Its live release is not what both sides think; all of it comes, and is read. Not into hard links: rsync changes
            # the mode of a file where it is.
            lines = arrival.begin(stage.paths, stage.digest)
            script.execute(
                conn, "apply", lines, what=stage.what, user=layout.AEGIR_USER, lock=False, timeout=STAGE_TIMEOUT
            )
            _copy(stage, conn)


def _send(stage: Stage, conn: Connection, key: str) -> None:
    content = stage.spools[key]
    compressed = content.compressed
    if key:
        change = stage.differences[key]
        gone = list(change.gone)
        extra = stage.paths.document_root("").lstrip("/")
        made = f"{extra}/sites".lstrip("/").encode()
        if made not in stage.content:
            # Made when the live release was accepted, for links; the new one brings none.
            gone.append(made)
        lines = arrival.unpack_difference(
            stage.paths, stage.digest, stage.seen[conn.host]["live"],
            gone=_joined(gone), within=_joined(records.within((*gone, *change.sent))), read=_joined(change.read),
            dropped=_joined(change.dropped), compressed=compressed,
        )  # fmt: skip
    else:
        lines = arrival.unpack(stage.paths, stage.digest, compressed=compressed)
    text = script.render("apply", lines, holder=stage.want.holder, lock=False)
    try:
        answer = session.send(
            conn, text, content.chunks, what=stage.what, user=layout.AEGIR_USER, timeout=STAGE_TIMEOUT
        )  # fmt: skip
        _accepted(stage, conn, script.parse(answer.stdout))
    except HostError as fault:
        if content.fault:
            raise Refused(
                conn.host, numbered(8525, f"{shown(fault.text)}; tar on the hub said: {content.fault}")
            ) from None
        raise


def _joined(paths: Iterable[bytes]) -> bytes:
    return b"".join(path + b"\0" for path in paths)


def _copy(stage: Stage, conn: Connection) -> None:
    """Bring it by rsync, which reads both sides."""
    want, seen, digest = stage.want, stage.seen[conn.host], stage.digest
    if want.rollback and not _source_has_it(conn, want):
        raise Refused(
            conn.host,
            numbered(
                8526,
                f"the release {digest[: layout.RELEASE_DIGEST_LENGTH]} of {want.platform} was changed on this machine "
                f"({' '.join(seen.get('faults', '').split())}), and {want.source} on the hub no longer holds it. Choose "
                f"another release, or put its code back into the source and take rollback or release out",
            ),
        )
    patterns = APPLICATIONS[want.application].exclusions
    options = ["--delete", "--perms", "--chmod=D755,Fu=rwX,Fgo=rX", *tree.anchored(patterns, want.docroot)]
    if seen.get("live"):
        options.append(f"--link-dest={seen['live']}")
    if seen.get("faults") or stage.spools:
        options.append("--checksum")
    target = f"{stage.paths.staging(digest)}/"
    rsync.copy(conn, f"{want.source}/", target, options=options, user=layout.AEGIR_USER)
    report = script.execute(
        conn, "apply", arrival.accept(stage.paths, digest, damaged="staged" in seen), what=stage.what,
        user=layout.AEGIR_USER, lock=False, timeout=STAGE_TIMEOUT,
    )  # fmt: skip
    _accepted(stage, conn, report)


def _accepted(stage: Stage, conn: Connection, report: script.Report) -> None:
    if (why := arrival.refusal(stage.paths, stage.digest, report.facts)) is not None:
        raise Refused(conn.host, around(why, f"{stage.what}: {why}"))


def _settle(results: Mapping[str, HostError | None], well: str) -> None:
    """Raise what went wrong, with the state of every member where there are several."""
    failed = [name for name, fault in results.items() if fault is not None]
    if not failed or len(results) == 1:
        settle(results)
        return
    lines = [f"{name}: {shown(fault.text)}" if fault else f"{name} {well}" for name, fault in results.items()]
    raise Refused(", ".join(failed), numbered(8527, f"{'; '.join(lines)}. Nothing was switched"))
